/** Monitors of variables in the public API (OCPP 2.x): those that are wanted of one station or of a model, and what came of it. */
import { z } from 'zod'
import { MAX_WANTED_MONITORS, MONITOR_TYPES, monitorKey, wantedMonitor } from '../site/monitor.ts'
import { SETTING_STATUSES } from './setting-status.ts'

export const desiredMonitors = z
  .array(wantedMonitor)
  .max(MAX_WANTED_MONITORS)
  .superRefine((monitors, context) => {
    const keys = new Set<string>()
    for (const [index, monitor] of monitors.entries()) {
      const key = monitorKey(monitor)
      if (keys.has(key))
        context.addIssue({
          code: 'custom',
          path: [index],
          message: 'a variable has one monitor of a type and a severity, and this is another',
        })
      keys.add(key)
    }
  })
  .meta({ description: 'Monitors by their variable (Component.Variable), type and severity.' })

export const monitorsPut = z.strictObject({ desired: desiredMonitors })

export const stationMonitors = z
  .object({
    stationId: z.string(),
    /** Wanted of this station. */
    desired: z.array(wantedMonitor),
    /** Wanted of its model; a monitor of the same variable, type and severity that is wanted of the station goes before it. */
    desiredOfModel: z.array(wantedMonitor),
    /** Everything that is wanted, and what came of it; and what the site has set once and could not clear. */
    monitors: z.array(
      z.object({
        name: z.string(),
        evseId: z.int().nullable(),
        connectorId: z.int().nullable(),
        type: z.enum(MONITOR_TYPES),
        severity: z.int(),
        /** Null: it is wanted no more, and still there. */
        source: z.enum(['station', 'model']).nullable(),
        desired: z.number().nullable(),
        /** What it had when it was compared last; null: not known. */
        actual: z.number().nullable(),
        /** The station's id of it; null: it has none that is known. */
        monitorId: z.int().nullable(),
        status: z.enum(SETTING_STATUSES),
        /** Of a drift: the station's word (Rejected, UnknownVariable, UnsupportedMonitorType, Duplicate...), or why it was not asked. */
        reason: z.string().nullable(),
      }),
    ),
    /** When it was compared last. */
    comparedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'StationMonitors' })
export type StationMonitors = z.infer<typeof stationMonitors>
