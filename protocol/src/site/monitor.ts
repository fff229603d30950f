/**
 * Monitors of variables that are wanted for good (OCPP 2.x, block N): the station tells with NotifyEvent when a variable passes a
 * threshold, has changed by so much, or periodically.
 */
import { z } from 'zod'
import { type SettingRef, settingKey, settingRef } from './setting.ts'

/** OCPP's own words (MonitorEnumType); the last two are there in 2.1. */
export const MONITOR_TYPES = [
  'UpperThreshold',
  'LowerThreshold',
  'Delta',
  'Periodic',
  'PeriodicClockAligned',
  'TargetDelta',
  'TargetDeltaRelative',
] as const

/** Most monitors that are wanted of one station, or of all of one model. */
export const MAX_WANTED_MONITORS = 50

export const wantedMonitor = settingRef.omit({ attributeType: true }).extend({
  type: z.enum(MONITOR_TYPES),
  /** In the variable's unit; of the periodic ones seconds. */
  value: z.number(),
  /** 0 (danger) to 9 (debug), section N. */
  severity: z.int().min(0).max(9),
  /** Only while a transaction is there; false unless said. */
  transaction: z.boolean().optional(),
  /** 2.1, of a periodic one: values come as a stream, at most so long apart, s, and so many in one message. */
  eventStream: z
    .strictObject({
      intervalS: z.int().min(0).max(86_400).optional(),
      valuesPerMessage: z.int().min(1).max(10_000).optional(),
    })
    .optional(),
})
export type WantedMonitor = z.infer<typeof wantedMonitor>

/** Which variable, which kind of monitor, how severe: a station has one of each (it calls another a duplicate). */
export function monitorKey(monitor: SettingRef & { type: string; severity: number }): string {
  return `${settingKey(monitor)} ${monitor.type} ${monitor.severity}`
}

/** A monitor in a fact: as it was wanted, whatever later versions may want. */
const toldMonitor = z.object({
  name: z.string(),
  evseId: z.int32().optional(),
  connectorId: z.int32().optional(),
  type: z.string(),
  value: z.number(),
  severity: z.int32(),
  transaction: z.boolean().optional(),
  eventStream: z.object({ intervalS: z.int().optional(), valuesPerMessage: z.int().optional() }).optional(),
  /** Absent: the site has set it once, and it is wanted no more. */
  source: z.enum(['station', 'model']).optional(),
})

/**
 * What is wanted of its monitors was compared with what it has, set where that differed, and cleared where the site had set it and it is
 * wanted no more; `deviations` is what the station would not do. A fact of the kind `station.monitors`.
 */
export const monitorsFact = z.object({
  applied: z.array(toldMonitor.extend({ monitorId: z.int() })),
  deviations: z.array(toldMonitor.extend({ found: z.number().optional(), reason: z.string() })),
})
