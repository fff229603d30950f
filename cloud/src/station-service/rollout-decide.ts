/**
 * What a roll-out does next: pure, from what is known of its stations now. First one station of each site (its canary),
 * then the others, in waves: the next begins when all of one are through. It halts when too many have failed.
 */
import type { CommandProgress, CommandResource } from '@switchyard/protocol/api/commands.ts'
import type {
  RolloutHold,
  RolloutKind,
  RolloutPolicy,
  RolloutStationState,
  RolloutStatus,
} from '@switchyard/protocol/api/rollouts.ts'

/** A station whose site sent nothing (a session began meanwhile, too much waits) is told again after so long. */
export const AGAIN_MS = 60_000
/** A roll-out in which something has just happened is looked at again after so long; the longer nothing has, the later, at most after the second. */
export const LOOK_MS = 2_000
export const LOOK_MAX_MS = 20_000
/** So what happens is seen after a tenth of the time more that it took to happen. */
const QUIET_PART = 10

/** A site may say a lot about why it sent nothing. */
const MAX_REASON_CHARS = 500

/** What stations say when an update has failed: FirmwareStatusEnumType of 2.x and of the security extension, FirmwareStatus of 1.6. */
const FAILURES: ReadonlySet<string> = new Set([
  'DownloadFailed',
  'InstallationFailed',
  'InstallVerificationFailed',
  'InvalidSignature',
  'InvalidCertificate',
  'RevokedCertificate',
])
/** Outcomes of a site that sent nothing, for a reason that passes. */
const PASSING: ReadonlySet<string> = new Set(['Charging', 'TooManyWaiting', 'ChangeUnderWay'])
/** Outcomes of a change that is not for the station: one that comes with a certificate has no password. */
const NOT_FOR_IT: ReadonlySet<string> = new Set(['NotInProfile'])

export interface RolloutNow {
  status: RolloutStatus
  kind: RolloutKind
  /** Null: it is no firmware. */
  version: string | null
  policy: RolloutPolicy
  wave: number
  /** Failed stations that an operator has put up with. */
  forgiven: number
}
export interface StationNow {
  stationId: string
  siteId: string
  state: RolloutStationState
  reason: string | null
  deadlineMs: number | null
  againMs: number | null
  /** Not removed. */
  isThere: boolean
  /** It may be told something: approved, connected, and its site is. */
  isConnected: boolean
  isCharging: boolean
  /** As it last booted, by its site's clock. */
  firmware: string | null
  bootedMs: number | null
  command: Pick<CommandResource, 'status' | 'reply' | 'error' | 'progress'> | undefined
}
export interface Change {
  state: RolloutStationState
  heldBy: RolloutHold | null
  reason: string | null
  againMs: number | null
}
export interface Step {
  /** Of stations that are not as they were. */
  changes: Map<string, Change>
  /** To be told now, as wave `wave`. */
  tell: { stationId: string; canary: boolean }[]
  wave: number
  /** It is halted: why, and the station that tipped it. */
  halted: { reason: string; stationId: string } | undefined
  /** No station waits or is being updated. */
  isThrough: boolean
  /** Nothing is being updated, so that nothing changes before an operator says so, unless it runs. */
  isQuiet: boolean
}

/** When a roll-out is looked at again, ms; `times`: of what has happened in it, at least one, and of what will by itself. */
export function nextLookMs(times: readonly number[], nowMs: number): number {
  const quietMs = nowMs - Math.max(...times.filter((it) => it <= nowMs))
  const afterMs = Math.min(LOOK_MAX_MS, Math.max(LOOK_MS, quietMs / QUIET_PART))
  return Math.round(Math.min(nowMs + afterMs, ...times.filter((it) => it > nowMs)))
}

/** `stations` in the order in which they are to be told. */
export function nextStep(rollout: RolloutNow, stations: readonly StationNow[], nowMs: number): Step {
  const changes = new Map<string, Change>()
  for (const station of stations) {
    const change = judged(station, rollout, nowMs)
    if (change) changes.set(station.stationId, change)
  }
  const stateOf = ({ stationId, state }: StationNow) => changes.get(stationId)?.state ?? state
  const halted = haltedBy(rollout, stations, changes)
  const isUpdating = stations.some((it) => stateOf(it) === 'updating')
  const proven = new Set(stations.filter((it) => stateOf(it) === 'done').map((it) => it.siteId))
  const free: StationNow[] = []
  for (const station of stations) {
    if (stateOf(station) !== 'waiting' || changes.has(station.stationId)) continue
    const change = held(station, rollout, nowMs)
    if (change) changes.set(station.stationId, change)
    else free.push(station)
  }
  const tell: Step['tell'] = []
  if (rollout.status === 'running' && !halted && !isUpdating) {
    const canaries = free.filter(
      ({ siteId }, i) => !proven.has(siteId) && free.findIndex((it) => it.siteId === siteId) === i,
    )
    const others = free.filter((it) => proven.has(it.siteId))
    for (const { stationId, siteId } of [...canaries, ...others].slice(0, rollout.policy.width))
      tell.push({ stationId, canary: !proven.has(siteId) })
  }
  const told = new Set(tell.map((it) => it.stationId))
  for (const { stationId, siteId } of free)
    if (!told.has(stationId)) changes.set(stationId, waits(proven.has(siteId) ? 'turn' : 'canary'))
  if (rollout.status === 'cancelled')
    for (const [stationId, { state, reason }] of changes)
      if (state === 'waiting')
        changes.set(stationId, { state: 'cancelled', heldBy: null, reason, againMs: null })
  return {
    changes,
    tell,
    wave: rollout.wave + (tell.length > 0 ? 1 : 0),
    halted,
    isThrough: stations.every((it) => stateOf(it) !== 'waiting' && stateOf(it) !== 'updating'),
    isQuiet: !isUpdating && tell.length === 0,
  }
}

/** What became of a station that was told; undefined: nothing yet. */
function judged(station: StationNow, rollout: RolloutNow, nowMs: number): Change | undefined {
  const { policy, version } = rollout
  if (version === null) return judgedChange(station, rollout, nowMs)
  const { command, firmware, isThere } = station
  const progress = command?.progress ?? undefined
  // What it says after it has booted with the version still counts: 2.x verifies then.
  if (station.state === 'done' && progress && FAILURES.has(progress.status))
    return over('failed', `it told ${progress.status}`)
  if (station.state !== 'updating') return undefined
  if (!isThere) return over('skipped', 'it was removed')
  if (progress && FAILURES.has(progress.status)) return over('failed', `it told ${progress.status}`)
  if (firmware === version) return over('done', null)
  const installed = installedMs(progress)
  if (installed !== undefined && policy.confirmBy === 'installed') return over('done', null)
  if (installed !== undefined && (station.bootedMs ?? 0) > installed)
    return over('failed', `it told Installed, and booted with ${named(firmware)} instead of ${version}`)
  const refusal = command && refused(command, nowMs)
  if (refusal) return refusal
  if (nowMs < (station.deadlineMs ?? 0)) return undefined
  const last = progress ? `it last told ${progress.status}` : 'it told nothing of it'
  return over(
    'failed',
    `not through ${policy.timeoutMinutes} min after it was told: ${last}, and it has ${named(firmware)}`,
  )
}

/** A change of how the station proves who it is: its command ends when a connection has proved it. */
function judgedChange(
  { state, isThere, command, deadlineMs }: StationNow,
  { policy }: RolloutNow,
  nowMs: number,
): Change | undefined {
  if (state !== 'updating') return undefined
  if (!isThere) return over('skipped', 'it was removed')
  if (command?.status === 'accepted') return over('done', null)
  if (command?.status === 'failed' && NOT_FOR_IT.has(command.error?.code ?? ''))
    return over('skipped', command.error!.description)
  const refusal = command && refused(command, nowMs)
  if (refusal) return refusal
  if (command?.status === 'unknown')
    return over('failed', `it is not known what came of it: ${command.error?.code ?? 'NoOutcome'}`)
  if (nowMs < (deadlineMs ?? 0)) return undefined
  return over('failed', `nothing came of it for ${policy.timeoutMinutes} min after it was told`)
}

/** By the outcome of its command. `unknown` is none: what it does next tells. */
function refused(
  { status, reply, error }: NonNullable<StationNow['command']>,
  nowMs: number,
): Change | undefined {
  if (status === 'rejected') {
    const word = (reply as { status?: unknown } | null)?.status
    return over('failed', `it answered ${typeof word === 'string' ? word : 'no'}`)
  }
  if (status === 'failed' && PASSING.has(error?.code ?? ''))
    return { ...waits('again-later'), againMs: nowMs + AGAIN_MS }
  if (status === 'expired')
    return over('failed', 'it, or its site, was away until the time for this was over')
  if (status === 'failed')
    return over('failed', `it was not told: ${error?.code ?? 'failed'}: ${error?.description ?? ''}`)
  return undefined
}

/** Why one that waits cannot be told now; undefined: it can. */
function held(station: StationNow, { version, policy }: RolloutNow, nowMs: number): Change | undefined {
  if (!station.isThere) return over('skipped', 'it was removed')
  if (version !== null && station.firmware === version) return over('skipped', `it has ${version} already`)
  if (nowMs < (station.againMs ?? 0)) return { ...waits('again-later'), againMs: station.againMs }
  if (!station.isConnected) return waits('away')
  return station.isCharging && !policy.whileCharging ? waits('charging') : undefined
}

function haltedBy(
  { status, policy, forgiven }: RolloutNow,
  stations: readonly StationNow[],
  changes: ReadonlyMap<string, Change>,
): Step['halted'] {
  if (status !== 'running' && status !== 'paused') return undefined
  const isFailed = (it: StationNow) => (changes.get(it.stationId)?.state ?? it.state) === 'failed'
  const failed = stations.filter(isFailed).length
  if (failed - forgiven < policy.maxFailures) return undefined
  // One that could not be told at all failed with the step before.
  const tipped = stations.find((it) => it.state !== 'failed' && isFailed(it)) ?? stations.findLast(isFailed)
  if (!tipped) return undefined
  const why = `${tipped.stationId} failed: ${changes.get(tipped.stationId)?.reason ?? tipped.reason}`
  return { stationId: tipped.stationId, reason: failed === 1 ? why : `${failed} stations failed; ${why}` }
}

function installedMs(progress: CommandProgress | undefined): number | undefined {
  const said = progress?.status === 'Installed' ? progress.history.at(-1) : undefined
  return said && Date.parse(said.at)
}

function named(firmware: string | null): string {
  return firmware === null ? 'no version' : firmware
}

function waits(heldBy: RolloutHold): Change {
  return { state: 'waiting', heldBy, reason: null, againMs: null }
}

function over(state: 'done' | 'failed' | 'skipped', reason: string | null): Change {
  return { state, heldBy: null, reason: reason?.slice(0, MAX_REASON_CHARS) ?? null, againMs: null }
}
