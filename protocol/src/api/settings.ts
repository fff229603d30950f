/** Settings of stations in the public API: what is wanted of one station or of a model, what came of it, and what stations report. */
import { z } from 'zod'
import { isSecretSetting } from '../command/secrets.ts'
import { wantedMonitor } from '../site/monitor.ts'
import {
  ATTRIBUTE_TYPES,
  MAX_WANTED_SETTINGS,
  SETTING_SOURCES,
  settingKey,
  wantedSetting,
} from '../site/setting.ts'
import { desiredMonitors } from './monitors.ts'
import { assignedQuirks } from './quirks.ts'
import { SETTING_STATUSES } from './setting-status.ts'
import { pageQuery } from './shapes.ts'

const instant = z.iso.datetime()
/** Most characters of all values that are wanted of one station, or of one model. */
export const MAX_WANTED_CHARS = 20_000

const desired = z
  .array(wantedSetting)
  .max(MAX_WANTED_SETTINGS)
  .superRefine((settings, context) => {
    const keys = new Set<string>()
    for (const [index, setting] of settings.entries()) {
      const fault = (message: string) => context.addIssue({ code: 'custom', path: [index, 'name'], message })
      if (keys.has(settingKey(setting))) fault('stands here twice')
      if (isSecretSetting(setting.name))
        fault('is a secret: set it as the password of the station, or by a command')
      keys.add(settingKey(setting))
    }
    const chars = settings.reduce((sum, { value }) => sum + value.length, 0)
    if (chars > MAX_WANTED_CHARS)
      context.addIssue({
        code: 'custom',
        message: `all values together have at most ${MAX_WANTED_CHARS} characters`,
      })
  })
  .meta({
    description:
      'Settings by name: a key in OCPP 1.6; Component.Variable in 2.x, each with [instance] where it has one, with evseId, connectorId and attributeType (Actual unless said).',
  })

export const settingsPut = z.strictObject({ desired })
export const settingsProfileInput = z.strictObject({
  /** As the station tells it when it boots. */
  vendor: z.string().min(1).max(100),
  model: z.string().min(1).max(100),
  desired,
  /** Monitors that all of the model shall have (2.x); left out: none. */
  desiredMonitors: desiredMonitors.optional(),
  /** Quirks that all of the model have (true) or have not (false); left out: nothing is said. */
  assignedQuirks: assignedQuirks.optional(),
})
export const settingsProfile = z
  .object({
    vendor: z.string(),
    model: z.string(),
    desired: z.array(wantedSetting),
    desiredMonitors: z.array(wantedMonitor).default([]),
    assignedQuirks: assignedQuirks.default({}),
    changedAt: instant,
  })
  .meta({ id: 'SettingsProfile' })

const which = {
  name: z.string(),
  evseId: z.int().nullable(),
  connectorId: z.int().nullable(),
  attributeType: z.enum(ATTRIBUTE_TYPES),
}
export const stationSettings = z
  .object({
    stationId: z.string(),
    /** Wanted of this station. */
    desired: z.array(wantedSetting),
    /** Wanted of its model; what is wanted of the station goes before it. */
    desiredOfModel: z.array(wantedSetting),
    /** Whether the metering baseline is set: the station's word, else its site's; null: as its controller is configured. */
    baseline: z.boolean().nullable(),
    /** Whether the failsafe limit is installed: the station's word, else its site's; null: it is. */
    failsafe: z.boolean().nullable(),
    /** Everything that is wanted, the metering baseline included, and what came of it. */
    settings: z.array(
      z.object({
        ...which,
        source: z.enum(SETTING_SOURCES),
        desired: z.string(),
        /** What it read when it was compared last; null: not known. */
        actual: z.string().nullable(),
        status: z.enum(SETTING_STATUSES),
        /** Of a drift: the station's word (Rejected, NotSupported, RebootRequired, UnknownVariable...), or why it was not asked. */
        reason: z.string().nullable(),
      }),
    ),
    /** When it was compared last. */
    comparedAt: instant.nullable(),
    /** The station has taken a setting that holds only after a reboot, and has not booted since. */
    rebootRequired: z.boolean(),
  })
  .meta({ id: 'StationSettings' })
export type StationSettings = z.infer<typeof stationSettings>

export const reportedSetting = z
  .object({
    ...which,
    /** Null: the station told none, or it is a secret. */
    value: z.string().nullable(),
    /** ReadOnly, ReadWrite, WriteOnly; null: not told. */
    mutability: z.string().nullable(),
    reportedAt: instant,
  })
  .meta({ id: 'ReportedSetting' })
export const reportedMonitor = z
  .object({
    monitorId: z.int(),
    /** Of the variable that is watched. */
    name: z.string(),
    evseId: z.int().nullable(),
    connectorId: z.int().nullable(),
    /** UpperThreshold, LowerThreshold, Delta, Periodic, PeriodicClockAligned; 2.1 knows more. */
    type: z.string(),
    /** Decimal text, in the variable's unit; seconds of a periodic one. Null: it was set and not reported since. */
    value: z.string().nullable(),
    /** 0 (danger) to 9 (debug). */
    severity: z.int().nullable(),
    /** Whether it holds during transactions only. */
    transaction: z.boolean().nullable(),
    reportedAt: instant,
  })
  .meta({ id: 'ReportedMonitor' })
export const reportedQuery = pageQuery.extend({
  /** Part of a name, in any case. */
  name: z.string().max(220).optional(),
})
