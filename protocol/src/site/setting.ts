/**
 * Settings of a station, one shape for all versions: a key in 1.6 (section 9); in 2.x a variable's attribute, named
 * `Component.Variable`, each with `[instance]` where it has one, and where the component is (device model, B05 to B08).
 */
import { z } from 'zod'

export const ATTRIBUTE_TYPES = ['Actual', 'Target', 'MinSet', 'MaxSet'] as const

/** Which setting it is. */
export const settingRef = z.strictObject({
  name: z.string().min(1).max(220),
  /** 2.x: where the component is. */
  evseId: z.int32().min(0).optional(),
  connectorId: z.int32().min(0).optional(),
  /** 2.x: Actual unless said. */
  attributeType: z.enum(ATTRIBUTE_TYPES).optional(),
})
export type SettingRef = z.infer<typeof settingRef>

/** Longest value (2.x: SetVariables). */
export const MAX_SETTING_CHARS = 2_500
/** Most settings that are wanted of one station, or of all of one model. */
export const MAX_WANTED_SETTINGS = 100

export const wantedSetting = settingRef.extend({ value: z.string().max(MAX_SETTING_CHARS) })
export type WantedSetting = z.infer<typeof wantedSetting>

/** Who wants it: the metering baseline, an operator of all stations of a model, or of this station. */
export const SETTING_SOURCES = ['baseline', 'model', 'station'] as const
export type SettingSource = (typeof SETTING_SOURCES)[number]

/** The same text for two refs of the same setting: names are compared without case, as stations do. */
export function settingKey({ name, evseId, connectorId, attributeType = 'Actual' }: SettingRef): string {
  return [name.toLowerCase(), evseId ?? '', connectorId ?? '', attributeType].join(' ')
}

const NAME_2 = /^([^.[\]]+)(?:\[([^\]]+)\])?\.([^[\]]+)(?:\[([^\]]+)\])?$/

/** A name as 2.x takes it apart; undefined for one that is none of its. */
export function deviceModelName(name: string) {
  const [, component, componentInstance, variable, variableInstance] = NAME_2.exec(name) ?? []
  if (component === undefined || variable === undefined) return undefined
  return { component, componentInstance, variable, variableInstance }
}

/** The name of a component's variable, as a report tells it; undefined where it tells none. */
export function nameInReport(component: unknown, variable: unknown): string | undefined {
  const first = named(component)
  const second = named(variable)
  return first === undefined || second === undefined ? undefined : `${first}.${second}`
}

function named(part: unknown): string | undefined {
  const { name, instance } = (part ?? {}) as { name?: unknown; instance?: unknown }
  if (typeof name !== 'string') return undefined
  return typeof instance === 'string' ? `${name}[${instance}]` : name
}
