/** Staged roll-outs of firmware, and of changes of how stations prove who they are, as the API takes and shows them. What a client sends is read strictly. */
import { z } from 'zod'
import { SECURITY_CHANGES } from '../command/commands.ts'
import { anyJson } from '../json.ts'
import { FIRMWARE_ID_PATTERN } from '../site/file.ts'

export const ROLLOUT_KINDS = ['UpdateFirmware', ...SECURITY_CHANGES] as const
export type RolloutKind = (typeof ROLLOUT_KINDS)[number]

/** Stations of one roll-out; more are several roll-outs. */
export const MAX_ROLLOUT_STATIONS = 1_000

/** running: goes on by itself; paused: by an operator; halted: too many have failed; cancelled and completed are over. */
export const ROLLOUT_STATUSES = ['running', 'paused', 'halted', 'cancelled', 'completed'] as const
/**
 * waiting: its turn has not come, or it is held back; updating: it was told; done: it runs the version, or the change has come to its end;
 * failed; skipped: it has the version already, the change is not for it, or it is not there any more; cancelled: it was not told before the roll-out was cancelled.
 */
export const ROLLOUT_STATION_STATES = [
  'waiting',
  'updating',
  'done',
  'failed',
  'skipped',
  'cancelled',
] as const
export type RolloutStatus = (typeof ROLLOUT_STATUSES)[number]
export type RolloutStationState = (typeof ROLLOUT_STATION_STATES)[number]

/** Why a station that waits is not told now. */
export const ROLLOUT_HOLDS = ['turn', 'canary', 'charging', 'away', 'again-later'] as const
export type RolloutHold = (typeof ROLLOUT_HOLDS)[number]

export const rolloutPolicy = z.strictObject({
  /** Stations of a wave: the next begins when all of it are through. */
  width: z.int().min(1).max(100).default(5),
  /** So many failed stations halt it. */
  maxFailures: z.int().min(1).max(MAX_ROLLOUT_STATIONS).default(1),
  /** true: a session at the station is no reason to wait. */
  whileCharging: z.boolean().default(false),
  /** A station that is not through so long after it was told has failed. */
  timeoutMinutes: z.int().min(1).max(10_080).default(120),
  /** Of firmware: by what a station is through: it booted with the version, or it said Installed (for those that tell no version, or another word for it). */
  confirmBy: z.enum(['version', 'installed']).default('version'),
})
export type RolloutPolicy = z.infer<typeof rolloutPolicy>

const text = z.string().min(1).max(255)
const rolloutFilter = z
  .strictObject({
    siteId: z.string().min(1).max(64).optional(),
    vendor: text.optional(),
    model: text.optional(),
    /** The version that they have now, as they told it when they booted. */
    firmware: text.optional(),
    /** The security profile of their newest connection. */
    securityProfile: z.int().min(0).max(3).optional(),
  })
  .refine((it) => Object.values(it).some((value) => value !== undefined), 'names nothing to choose by')

export const rolloutInput = z
  .strictObject({
    name: z.string().min(1).max(100).optional(),
    /** What stations are told; all but UpdateFirmware are commands of that name, and have `args` in the place of the image. */
    kind: z.enum(ROLLOUT_KINDS).default('UpdateFirmware'),
    /** As of the command; a password is drawn for each station, and `whileCharging` follows from the policy. */
    args: z.record(z.string(), anyJson).optional(),
    /** An image of `/firmware`: its version, vendor and model are those of the image. */
    firmwareId: z.string().regex(FIRMWARE_ID_PATTERN, 'is no firmware id').optional(),
    /** Or where stations fetch it themselves; needs `version`. */
    location: z.string().min(1).max(2_000).optional(),
    version: text.optional(),
    /** Of a signed image at `location`, base64; together with its certificate. */
    signature: z.string().min(1).max(800).optional(),
    /** PEM. */
    signingCertificate: z.string().min(1).max(5_500).optional(),
    stations: z.array(z.string().min(1).max(64)).min(1).max(MAX_ROLLOUT_STATIONS).optional(),
    filter: rolloutFilter.optional(),
    policy: rolloutPolicy.prefault({}),
  })
  .check(({ value, issues }) => {
    const fault = (path: string, message: string) =>
      issues.push({ code: 'custom', path: [path], message, input: value })
    if (value.kind === 'UpdateFirmware') {
      if (value.args !== undefined) fault('args', 'firmware is named by firmwareId or location')
    } else {
      for (const field of ['firmwareId', 'location', 'version', 'signature', 'signingCertificate'] as const)
        if (value[field] !== undefined) fault(field, `a roll-out of ${value.kind} has no firmware`)
      if (value.policy.confirmBy !== 'version') fault('policy.confirmBy', 'is for firmware')
      if (value.args?.password !== undefined)
        fault('args.password', 'no two stations share a password: one is drawn for each')
      if (value.args?.whileCharging !== undefined)
        fault('args.whileCharging', 'is said by policy.whileCharging')
    }
    const isFirmware = value.kind === 'UpdateFirmware'
    if (isFirmware && (value.firmwareId === undefined) === (value.location === undefined))
      fault('firmwareId', 'exactly one of firmwareId and location is needed')
    if ((value.stations === undefined) === (value.filter === undefined))
      fault('stations', 'exactly one of stations and filter is needed')
    if (value.location !== undefined && value.version === undefined)
      fault('version', 'is missing: without it nobody could tell whether it was installed')
    if ((value.signature === undefined) !== (value.signingCertificate === undefined))
      fault('signature', 'signature and signingCertificate go together')
    for (const field of ['version', 'signature', 'signingCertificate'] as const)
      if (value.firmwareId !== undefined && value[field] !== undefined)
        fault(field, 'is told by the firmware that firmwareId names')
  })
  .meta({ id: 'RolloutInput' })
export type RolloutInput = z.infer<typeof rolloutInput>
/** The same as a client sends it: defaults may be left out. */
export type RolloutWish = z.input<typeof rolloutInput>

export const rolloutResume = z.strictObject({
  /** The stations that failed take their turn again. */
  retryFailed: z.boolean().default(false),
})

export const rollout = z
  .object({
    rolloutId: z.string(),
    name: z.string().nullable(),
    kind: z.enum(ROLLOUT_KINDS),
    /** Of a command that is not UpdateFirmware. */
    args: z.record(z.string(), anyJson).nullable(),
    /** Null: stations fetch it at `location`, or it is no firmware. */
    firmwareId: z.string().nullable(),
    location: z.string().nullable(),
    /** Null: it is no firmware. */
    version: z.string().nullable(),
    policy: rolloutPolicy,
    status: z.enum(ROLLOUT_STATUSES),
    /** Why it is halted. */
    reason: z.string().nullable(),
    createdAt: z.iso.datetime(),
    /** Since when it has this status. */
    statusSince: z.iso.datetime(),
    /** The newest wave; 0: none has begun. */
    wave: z.int(),
    /** How many stations are in which state. */
    stations: z.object(
      Object.fromEntries(ROLLOUT_STATION_STATES.map((it) => [it, z.int()])) as {
        [S in RolloutStationState]: z.ZodInt
      },
    ),
  })
  .meta({ id: 'Rollout' })
export type Rollout = z.infer<typeof rollout>

export const rolloutStation = z
  .object({
    stationId: z.string(),
    siteId: z.string(),
    state: z.enum(ROLLOUT_STATION_STATES),
    /** While it waits: its turn has not come; the first of its site is not through; a session runs; it is not connected; it was put off a moment ago. */
    heldBy: z.enum(ROLLOUT_HOLDS).nullable(),
    /** Why it failed or was skipped. */
    reason: z.string().nullable(),
    /** It is or was the first of its site. */
    canary: z.boolean(),
    wave: z.int().nullable(),
    /** The newest command that told it, with the progress that the station tells: `/commands/{commandId}`. */
    commandId: z.string().nullable(),
    /** What it last told of the update, in OCPP's words. */
    progress: z.string().nullable(),
    /** The version that it last booted with. */
    firmware: z.string().nullable(),
    toldAt: z.iso.datetime().nullable(),
    /** When it counts as failed, unless it is through. */
    deadline: z.iso.datetime().nullable(),
    finishedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'RolloutStation' })
export type RolloutStation = z.infer<typeof rolloutStation>
