/** Variables of the 2.x device model by one name, `Component.Variable`, as messages have them. */
import { deviceModelName, type SettingRef } from '@switchyard/protocol/site/setting.ts'

/** Of ComponentType and VariableType. */
const NAME_CHARS = 50

/** Why no message can name such a variable; undefined where one can. */
export function whyNoVariable({ name, evseId, connectorId }: SettingRef): string | undefined {
  const parts = deviceModelName(name)
  if (!parts) return 'in OCPP 2.x a setting is named Component.Variable'
  if (Object.values(parts).some((part) => (part?.length ?? 0) > NAME_CHARS))
    return `in OCPP 2.x a component, a variable and an instance have at most ${NAME_CHARS} characters`
  return connectorId !== undefined && evseId === undefined ? 'a connector lies within an EVSE' : undefined
}

/** The name is one of the device model's. */
export function componentVariable({ name, evseId, connectorId }: SettingRef) {
  const { component, componentInstance, variable, variableInstance } = deviceModelName(name)!
  return {
    component: {
      name: component,
      ...(componentInstance === undefined ? {} : { instance: componentInstance }),
      ...(evseId === undefined
        ? {}
        : { evse: { id: evseId, ...(connectorId === undefined ? {} : { connectorId }) } }),
    },
    variable: { name: variable, ...(variableInstance === undefined ? {} : { instance: variableInstance }) },
  }
}
