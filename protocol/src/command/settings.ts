/**
 * Commands that read and change what a station is set to, and its reports: OCPP 1.6 sections 5.3 and 5.8; 2.x use cases B05 to B08,
 * and the event streams of 2.1. A setting has one name: a key in 1.6; in 2.x Component.Variable, each with [instance] where it has one.
 */
import { z } from 'zod'
import type { AttributeEnumType, ComponentVariableType, PeriodicEventStreamParamsType } from '../ocpp/v21.ts'
import { ATTRIBUTE_TYPES, deviceModelName, MAX_SETTING_CHARS } from '../site/setting.ts'
import {
  CommandFault,
  call,
  command,
  inMessages,
  type OutgoingCall,
  type PlanContext,
  refuseUnless,
} from './define.ts'
import * as part from './parts.ts'

const DAY_MS = 24 * 3_600_000
const REPORT_TTL_MS = 300_000
/** Most settings in one command. */
export const MAX_SETTINGS = 200
const name = z.string().min(1).max(220)
const setting = {
  name,
  /** 2.x: where the component is. */
  evseId: part.evseId.optional(),
  connectorId: part.connectorId.optional(),
  /** 2.x: Actual unless said. */
  attributeType: z.enum(ATTRIBUTE_TYPES).optional(),
}
const settingShape = z.strictObject(setting)
type Setting = z.infer<typeof settingShape>

function variable2(
  { name, evseId, connectorId, attributeType }: Setting,
  index: number,
  context: PlanContext,
): ComponentVariableType & { attributeType?: AttributeEnumType } {
  const parts = deviceModelName(name)
  if (parts === undefined)
    throw new CommandFault(
      'InvalidArguments',
      `args.settings.${index}.name`,
      `in OCPP ${context.version} a setting is named Component.Variable, e.g. OCPPCommCtrlr.HeartbeatInterval`,
    )
  const { component, componentInstance, variable, variableInstance } = parts
  return {
    component: {
      name: component,
      instance: componentInstance,
      evse: part.evse2({ evseId, connectorId }, context),
    },
    variable: { name: variable, instance: variableInstance },
    attributeType,
  } as ComponentVariableType & { attributeType?: AttributeEnumType }
}

function key16(it: Setting, index: number): string {
  refuseUnless(
    '1.6',
    {
      [`settings.${index}.evseId`]: it.evseId,
      [`settings.${index}.connectorId`]: it.connectorId,
      [`settings.${index}.attributeType`]: it.attributeType,
    },
    {
      [`settings.${index}.evseId`]: 'a key holds for the whole station',
      [`settings.${index}.connectorId`]: 'a key holds for the whole station',
      [`settings.${index}.attributeType`]: 'a key has one value',
    },
  )
  return it.name
}

const report = { action: 'NotifyReport', items: 'reportData' }
const componentVariable = z
  .array(part.asInOcpp<ComponentVariableType>('ComponentVariableType'))
  .min(1)
  .optional()

export const settings = {
  GetSettings: command(
    {
      group: 'Settings and reports',
      summary: 'Reads settings; without a list, in 1.6, all of them. Sent in parts as the station takes them',
      ttlMs: 60_000,
      idempotent: true,
    },
    z.object({ settings: z.array(settingShape).min(1).max(MAX_SETTINGS).optional() }),
  )
    .calls(['1.6'], ['GetConfiguration'], (args, context) =>
      args.settings === undefined
        ? [call('GetConfiguration', {})]
        : inMessages(args.settings.map(key16), context, 'GetConfiguration').map((key) =>
            call('GetConfiguration', { key }),
          ),
    )
    .calls(['2.0.1', '2.1'], ['GetVariables'], (args, context) => {
      if (args.settings === undefined)
        throw new CommandFault(
          'InvalidArguments',
          'args.settings',
          `is missing: OCPP ${context.version} reads all settings with GetBaseReport`,
        )
      const wanted = args.settings.map((it, index) => variable2(it, index, context))
      return inMessages(wanted, context, 'GetVariables').map((getVariableData) =>
        call('GetVariables', { getVariableData }),
      )
    }),

  SetSettings: command(
    {
      group: 'Settings and reports',
      summary: 'Changes settings: one call each in 1.6, in parts as the station takes them in 2.x',
      ttlMs: DAY_MS,
    },
    z.object({
      settings: z
        .array(settingShape.extend({ value: z.string().max(MAX_SETTING_CHARS) }))
        .min(1)
        .max(MAX_SETTINGS),
    }),
  )
    .calls(['1.6'], ['ChangeConfiguration'], (args): OutgoingCall[] =>
      args.settings.map((it, index) =>
        call('ChangeConfiguration', { key: key16(it, index), value: it.value }),
      ),
    )
    .calls(['2.0.1', '2.1'], ['SetVariables'], (args, context) => {
      const wanted = args.settings.map((it, index) => ({
        ...variable2(it, index, context),
        attributeValue: it.value,
      }))
      return inMessages(wanted, context, 'SetVariables').map((setVariableData) =>
        call('SetVariables', { setVariableData }),
      )
    }),

  GetBaseReport: command(
    {
      group: 'Settings and reports',
      summary: 'Asks for the configuration, the full or the summary inventory; answered with the report',
      ttlMs: REPORT_TTL_MS,
      idempotent: true,
      report,
    },
    z.object({
      reportBase: z.enum(['ConfigurationInventory', 'FullInventory', 'SummaryInventory']),
      requestId: part.requestId,
    }),
  ).v2('GetBaseReport', (args, { drawId }) => ({ ...args, requestId: args.requestId ?? drawId() })),

  GetReport: command(
    {
      group: 'Settings and reports',
      summary: 'Asks for a report of components and variables; answered with the report',
      ttlMs: REPORT_TTL_MS,
      idempotent: true,
      report,
    },
    z.object({
      componentCriteria: z
        .array(z.enum(['Active', 'Available', 'Enabled', 'Problem']))
        .min(1)
        .optional(),
      componentVariable,
      requestId: part.requestId,
    }),
  ).v2('GetReport', (args, { drawId }) => ({ ...args, requestId: args.requestId ?? drawId() })),

  GetPeriodicEventStream: command(
    {
      group: 'Settings and reports',
      summary: 'Asks which periodic event streams are open',
      ttlMs: 60_000,
      idempotent: true,
    },
    z.object({}),
  ).v21('GetPeriodicEventStream', () => ({})),

  AdjustPeriodicEventStream: command(
    {
      group: 'Settings and reports',
      summary: 'Changes how often a periodic event stream sends',
      ttlMs: 60_000,
    },
    z.object({
      id: z.int().min(0),
      params: part.asInOcpp<PeriodicEventStreamParamsType>('PeriodicEventStreamParamsType'),
    }),
  ).v21('AdjustPeriodicEventStream', (args) => args),
}
