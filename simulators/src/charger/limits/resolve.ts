/** Which limit applies when: the profile stack, resolved. Pure; time and session are values. */
import { VOLTAGE_V } from '../../car/car.ts'
import type { InstalledProfile, Limit, Profile, Purpose } from './profile.ts'

/** A value and until when nothing can change it (Infinity: for good). */
export interface Until<T> {
  value: T
  untilMs: number
}

/** The session that runs on the connector, if any. */
export interface SessionOrigin {
  sessionKey: string
  startedAtMs: number
}

const RECURRENCE_MS = { Daily: 86_400_000, Weekly: 7 * 86_400_000 }

/**
 * What a profile says at `atMs`; undefined where it says nothing: outside its validity, before its start, after its
 * duration, or relative to a session that is not there.
 */
export function profileAt(
  profile: Profile,
  atMs: number,
  sessionStartMs: number | undefined,
): Until<Limit | undefined> {
  const { validFromMs = Number.NEGATIVE_INFINITY, validToMs = Number.POSITIVE_INFINITY } = profile
  if (atMs < validFromMs) return { value: undefined, untilMs: validFromMs }
  if (atMs >= validToMs) return { value: undefined, untilMs: Number.POSITIVE_INFINITY }
  const window = windowAt(profile, atMs, sessionStartMs)
  if (!window) return { value: undefined, untilMs: Number.POSITIVE_INFINITY }
  if (atMs < window.startMs) return { value: undefined, untilMs: Math.min(window.startMs, validToMs) }
  if (atMs >= window.endMs) return { value: undefined, untilMs: Math.min(window.nextMs, validToMs) }
  const { periods, unit } = profile.schedule
  const elapsedMs = atMs - window.startMs
  let index = 0
  while (index + 1 < periods.length && periods[index + 1]!.startMs <= elapsedMs) index++
  const period = periods[index]!
  const next = periods[index + 1]
  const periodEndMs = next ? window.startMs + next.startMs : Number.POSITIVE_INFINITY
  return {
    value: {
      unit,
      limit: period.limit,
      ...(period.phases === undefined ? {} : { phases: period.phases }),
    },
    untilMs: Math.min(periodEndMs, window.endMs, window.nextMs, validToMs),
  }
}

/** The run of the schedule that covers or precedes `atMs` (or the first, before that): its start, its end, the next run's start. */
function windowAt(profile: Profile, atMs: number, sessionStartMs: number | undefined) {
  const { startMs, durationMs = Number.POSITIVE_INFINITY } = profile.schedule
  const originMs = profile.kind === 'Relative' ? sessionStartMs : (startMs ?? sessionStartMs)
  if (originMs === undefined) return undefined
  if (profile.kind !== 'Recurring' || profile.recurrency === undefined || atMs < originMs) {
    return { startMs: originMs, endMs: originMs + durationMs, nextMs: Number.POSITIVE_INFINITY }
  }
  const everyMs = RECURRENCE_MS[profile.recurrency]
  const runMs = originMs + Math.floor((atMs - originMs) / everyMs) * everyMs
  return { startMs: runMs, endMs: runMs + durationMs, nextMs: runMs + everyMs }
}

/**
 * The limit of one purpose for a connector: the highest stack level that says something now. At equal levels the
 * connector's own profile goes before the station's.
 */
export function purposeAt(
  installed: readonly InstalledProfile[],
  purpose: Purpose,
  connectorId: number,
  atMs: number,
  session: SessionOrigin | undefined,
): Until<Limit | undefined> {
  const candidates = installed
    .filter(
      (it) =>
        it.profile.purpose === purpose &&
        (it.connectorId === connectorId || (it.connectorId === 0 && purpose !== 'Tx')) &&
        (purpose !== 'Tx' || (session !== undefined && it.sessionKey === session.sessionKey)),
    )
    .sort((a, b) => b.profile.stackLevel - a.profile.stackLevel || b.connectorId - a.connectorId)
  let untilMs = Number.POSITIVE_INFINITY
  for (const { profile } of candidates) {
    const said = profileAt(profile, atMs, session?.startedAtMs)
    untilMs = Math.min(untilMs, said.untilMs)
    if (said.value) return { value: said.value, untilMs }
  }
  return { value: undefined, untilMs }
}

export interface ConnectorLimits {
  /** Of the session: the TxProfile that applies, else the TxDefaultProfile. */
  session: Limit | undefined
  /** Of the whole station. */
  station: Limit | undefined
}

/** All limits that bind a connector (1.6 section 3.13.3: a TxProfile overrules TxDefault, the station's maximum binds both). */
export function limitsAt(
  installed: readonly InstalledProfile[],
  connectorId: number,
  atMs: number,
  session: SessionOrigin | undefined,
): Until<ConnectorLimits> {
  const tx = purposeAt(installed, 'Tx', connectorId, atMs, session)
  const txDefault = purposeAt(installed, 'TxDefault', connectorId, atMs, session)
  const station = purposeAt(installed, 'StationMax', 0, atMs, undefined)
  return {
    value: { session: tx.value ?? txDefault.value, station: station.value },
    untilMs: Math.min(tx.untilMs, tx.value ? Number.POSITIVE_INFINITY : txDefault.untilMs, station.untilMs),
  }
}

/** A limit as mA per phase on so many phases; mW are spread evenly and rounded down. */
export function limitToMa({ unit, limit }: Limit, phases: number): number {
  return unit === 'A' ? limit : Math.floor(limit / (VOLTAGE_V * phases))
}

export interface Hardware {
  currentMa: number
  phases: number
}

/**
 * What a connector may offer under its limits: current per phase and phases. `carPhases` is what the plugged car uses
 * (absent: the connector's own), `share` how many sessions the station's limit is divided among, evenly.
 */
export function offerUnder(
  limits: ConnectorLimits,
  hardware: Hardware,
  carPhases: number | undefined,
  share: number,
): Hardware {
  const phases = Math.min(hardware.phases, limits.session?.phases ?? 3, limits.station?.phases ?? 3)
  const used = Math.min(phases, carPhases ?? phases)
  const ofSession = limits.session ? limitToMa(limits.session, used) : hardware.currentMa
  const ofStation = limits.station
    ? Math.floor(limitToMa(limits.station, used) / Math.max(1, share))
    : hardware.currentMa
  return { currentMa: Math.max(0, Math.min(hardware.currentMa, ofSession, ofStation)), phases }
}
