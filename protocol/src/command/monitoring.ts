/** Commands about monitors of variables: OCPP 2.x use cases N02 to N06. */
import { z } from 'zod'
import type { ComponentVariableType, SetMonitoringDataType } from '../ocpp/v21.ts'
import { call, command, inMessages } from './define.ts'
import * as part from './parts.ts'

const DAY_MS = 24 * 3_600_000
const MAX_MONITORS = 200

export const monitoring = {
  SetMonitoringBase: command(
    { group: 'Monitoring', summary: 'Chooses the set of monitors that are active', ttlMs: DAY_MS },
    z.object({ monitoringBase: z.enum(['All', 'FactoryDefault', 'HardWiredOnly']) }),
  ).v2('SetMonitoringBase', (args) => args),

  SetVariableMonitoring: command(
    {
      group: 'Monitoring',
      summary: 'Sets monitors on variables, in parts as the station takes them',
      ttlMs: DAY_MS,
    },
    z.object({
      setMonitoringData: z
        .array(part.asInOcpp<SetMonitoringDataType>('SetMonitoringDataType'))
        .min(1)
        .max(MAX_MONITORS),
    }),
  ).calls(['2.0.1', '2.1'], ['SetVariableMonitoring'], (args, context) =>
    inMessages(args.setMonitoringData, context, 'SetVariableMonitoring').map((setMonitoringData) =>
      call('SetVariableMonitoring', { setMonitoringData }),
    ),
  ),

  SetMonitoringLevel: command(
    {
      group: 'Monitoring',
      summary: 'Chooses which severities are reported: 0 (danger) to 9 (debug)',
      ttlMs: DAY_MS,
    },
    z.object({ severity: z.int().min(0).max(9) }),
  ).v2('SetMonitoringLevel', (args) => args),

  ClearVariableMonitoring: command(
    {
      group: 'Monitoring',
      summary: 'Removes monitors by their ids, in parts as the station takes them',
      ttlMs: DAY_MS,
    },
    z.object({ id: z.array(z.int().min(0)).min(1).max(MAX_MONITORS) }),
  ).calls(['2.0.1', '2.1'], ['ClearVariableMonitoring'], (args, context) =>
    inMessages(args.id, context, 'ClearVariableMonitoring').map((id) =>
      call('ClearVariableMonitoring', { id }),
    ),
  ),

  GetMonitoringReport: command(
    {
      group: 'Monitoring',
      summary: 'Asks for a report of monitors; answered with the report',
      ttlMs: 300_000,
      idempotent: true,
      report: { action: 'NotifyMonitoringReport', items: 'monitor' },
    },
    z.object({
      monitoringCriteria: z
        .array(z.enum(['ThresholdMonitoring', 'DeltaMonitoring', 'PeriodicMonitoring']))
        .min(1)
        .optional(),
      componentVariable: z
        .array(part.asInOcpp<ComponentVariableType>('ComponentVariableType'))
        .min(1)
        .optional(),
      requestId: part.requestId,
    }),
  ).v2('GetMonitoringReport', (args, { drawId }) => ({ ...args, requestId: args.requestId ?? drawId() })),
}
