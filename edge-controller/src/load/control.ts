/**
 * The control loop: every two seconds it shares the site's limit among running sessions and sends what has changed, decreases
 * first. It waits for no commit and for neither cloud nor broker. A site without a limit sends nothing, and says so.
 */
import type { Live } from '@switchyard/protocol/site/live.ts'
import { appliedDocument } from '../documents.ts'
import type { Call } from '../ocpp/calls.ts'
import { type OcppModule, type OutgoingCall, statusOf } from '../ocpp/module.ts'
import type { Clock, Log } from '../ports.ts'
import { runningSessions, type Session } from '../session/session.ts'
import type { SiteState } from '../site-state.ts'
import { STATION_KIND, type Station } from '../station/station.ts'
import { allocate } from './allocator.ts'
import { LIMIT_PROFILE_ID } from './profile-ids.ts'
import { failsafeFor, nextSteps, type Reservation, reservedMa, type Step } from './safety-ledger.ts'

export const CONTROL_INTERVAL_MS = 2_000
/** A station that refused or did not answer is asked again after this time. */
export const RETRY_AFTER_MS = 15_000
/** One that does not know charging profiles at all is asked again after this time, or after its next boot. */
export const UNSUPPORTED_RETRY_MS = 600_000
/** Longest wait for a station's answer to a limit. */
export const LIMIT_TIMEOUT_MS = 10_000
/** Meter readings older than this say nothing about now. */
export const READING_MAX_AGE_MS = 90_000

export interface LoadPorts {
  state: SiteState
  clock: Clock
  log: Log
  siteLimitMa: number | undefined
  failsafeMa: number
  /** How to reach a station that is connected and accepted; undefined otherwise. */
  reach(stationId: string): { call: Call; module: OcppModule } | undefined
  onChange(): void
}

/** What a station is known to hold; lost at a restart of ours, and at every boot of the station. */
interface StationLimits {
  failsafeMa?: number
  askingFailsafe: boolean
  retryAtMs: number
}
interface SessionLimit {
  confirmedMa?: number
  confirmedAtMs: number
  unconfirmedMa?: number
  asking: boolean
  retryAtMs: number
}

export class LoadControl {
  readonly #ports: LoadPorts
  readonly #stations = new Map<string, StationLimits>()
  readonly #sessions = new Map<string, SessionLimit>()
  #saidUnlimited = false

  constructor(ports: LoadPorts) {
    this.#ports = ports
  }

  /** mA per phase: the lower of the site's own and the cloud's. */
  get limitMa(): number | undefined {
    const own = this.#ports.siteLimitMa
    const cloud = appliedDocument(this.#ports.state, 'site')?.limitMa
    return own === undefined || cloud === undefined ? (own ?? cloud) : Math.min(own, cloud)
  }

  /** What a running session may draw now, as far as its station has confirmed it. */
  limitOf(session: { sessionId: string; stationId: string }): number | undefined {
    if (this.limitMa === undefined) return undefined
    return (
      this.#sessions.get(session.sessionId)?.confirmedMa ?? this.#stations.get(session.stationId)?.failsafeMa
    )
  }

  picture(): Live['load'] {
    const usedMa = [0, 0, 0]
    for (const session of this.#running()) {
      const current = session.reading?.currentMa
      // A current without a phase counts on every phase.
      for (const phase of [0, 1, 2])
        usedMa[phase]! += (current?.length === 1 ? current[0] : current?.[phase]) ?? 0
    }
    const { limitMa } = this
    return { ...(limitMa === undefined ? {} : { limitMa }), usedMa }
  }

  /** A boot clears profiles: nothing is known of the station any more. */
  stationBooted(stationId: string): void {
    this.#stations.delete(stationId)
    for (const session of runningSessions(this.#ports.state, stationId))
      this.#sessions.delete(session.sessionId)
    this.tick()
  }

  tick(): void {
    const { limitMa } = this
    if (limitMa === undefined) {
      if (!this.#saidUnlimited) this.#ports.log.info({}, 'the site has no limit: load control sends nothing')
      this.#saidUnlimited = true
      return
    }
    this.#saidUnlimited = false
    const stations = this.#ports.state.list<Station>(STATION_KIND)
    const connectors = stations.reduce((n, s) => n + s.connectors.filter((c) => c.evseId > 0).length, 0)
    const failsafeMa = failsafeFor(limitMa, connectors, this.#ports.failsafeMa)
    for (const { stationId } of stations) this.#keepFailsafe(stationId, failsafeMa)

    const running = this.#running()
    this.#forgetEnded(running)
    const reserved = new Map<string, number>()
    const current = new Map<string, number | undefined>()
    for (const station of stations) {
      const limits = this.#stations.get(station.stationId)
      for (const connector of station.connectors) {
        if (connector.evseId === 0 || connector.sessionId !== undefined) continue
        const idle: Reservation = { inUse: false, ...failsafeOf(limits) }
        reserved.set(
          `${station.stationId}/${connector.evseId}/${connector.connectorId}`,
          reservedMa(idle, failsafeMa),
        )
      }
    }
    let idleMa = 0
    for (const ma of reserved.values()) idleMa += ma
    for (const session of running) {
      reserved.set(session.sessionId, reservedMa(this.#reservation(session), failsafeMa))
      current.set(session.sessionId, this.limitOf(session))
    }
    // Sessions that cannot be told keep what they have; the others share the rest.
    const told = running.filter((s) => this.#ports.reach(s.stationId) !== undefined)
    let heldMa = idleMa
    for (const s of running) if (!told.includes(s)) heldMa += reserved.get(s.sessionId)!
    const targets = allocate(
      Math.max(0, limitMa - heldMa),
      told.map((s) => s.sessionId),
    )
    const { decreases, increases } = nextSteps(limitMa, reserved, current, targets)
    for (const step of decreases) this.#send(running, step, true)
    for (const step of increases) this.#send(running, step, false)
  }

  /** Sessions on connectors, oldest first. */
  #running(): Session[] {
    const { state } = this.#ports
    return state
      .list<Station>(STATION_KIND)
      .flatMap(({ stationId }) => runningSessions(state, stationId))
      .filter((session) => session.evseId > 0)
      .sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1))
  }

  #forgetEnded(running: readonly Session[]): void {
    const ids = new Set(running.map((session) => session.sessionId))
    for (const id of this.#sessions.keys()) if (!ids.has(id)) this.#sessions.delete(id)
  }

  #reservation(session: Session): Reservation {
    const { clock } = this.#ports
    const limit = this.#sessions.get(session.sessionId)
    const { reading } = session
    // A reading from before the last confirmation shows the limit before.
    const isFresh =
      reading !== undefined &&
      reading.atMs > (limit?.confirmedAtMs ?? 0) + LIMIT_TIMEOUT_MS &&
      clock.now() - reading.atMs < READING_MAX_AGE_MS
    const measuredMa = isFresh ? Math.max(0, ...(reading.currentMa ?? [])) : undefined
    return {
      inUse: true,
      ...failsafeOf(this.#stations.get(session.stationId)),
      ...(limit?.confirmedMa === undefined ? {} : { confirmedMa: limit.confirmedMa }),
      ...(limit?.unconfirmedMa === undefined ? {} : { unconfirmedMa: limit.unconfirmedMa }),
      ...(measuredMa === undefined ? {} : { measuredMa }),
    }
  }

  #keepFailsafe(stationId: string, failsafeMa: number): void {
    const { clock, log } = this.#ports
    const reached = this.#ports.reach(stationId)
    const known = this.#stations.get(stationId) ?? { askingFailsafe: false, retryAtMs: 0 }
    if (!reached || known.askingFailsafe || known.failsafeMa === failsafeMa || clock.mono() < known.retryAtMs)
      return
    known.askingFailsafe = true
    this.#stations.set(stationId, known)
    void this.#ask(reached, reached.module.failsafeProfile(failsafeMa), false).then((result) => {
      known.askingFailsafe = false
      if (result === 'Accepted') known.failsafeMa = failsafeMa
      else {
        known.retryAtMs = clock.mono() + retryAfterMs(result)
        log.warn({ stationId, limitMa: failsafeMa, result }, 'the station did not take its failsafe limit')
      }
      this.#ports.onChange()
    })
  }

  #send(running: readonly Session[], { id, toMa }: Step, urgent: boolean): void {
    const { clock, log } = this.#ports
    const session = running.find((s) => s.sessionId === id)!
    const reached = this.#ports.reach(session.stationId)
    const limit = this.#sessions.get(id) ?? { confirmedAtMs: 0, asking: false, retryAtMs: 0 }
    if (!reached || limit.asking || clock.mono() < limit.retryAtMs) return
    limit.asking = true
    limit.unconfirmedMa = toMa
    this.#sessions.set(id, limit)
    const profile = {
      evseId: session.evseId,
      limitMa: toMa,
      session,
      profileId: LIMIT_PROFILE_ID + Math.min(session.evseId, 900),
    }
    void this.#ask(reached, reached.module.limitProfile(profile), urgent).then((result) => {
      limit.asking = false
      if (result === 'Accepted') {
        limit.confirmedMa = toMa
        limit.confirmedAtMs = clock.now()
        delete limit.unconfirmedMa
      } else {
        limit.retryAtMs = clock.mono() + retryAfterMs(result)
        // What was refused or never sent has no effect; what got no answer may have one.
        if (result !== 'unknown') delete limit.unconfirmedMa
        log.warn(
          { stationId: session.stationId, sessionId: id, limitMa: toMa, result },
          'the station did not take its limit',
        )
      }
      this.#ports.onChange()
    })
  }

  async #ask({ call }: { call: Call }, { action, payload }: OutgoingCall, urgent: boolean): Promise<string> {
    const outcome = await call(action, payload, {
      timeoutMs: LIMIT_TIMEOUT_MS,
      expiresInMs: LIMIT_TIMEOUT_MS,
      urgent,
    })
    if (outcome.status === 'answered') return statusOf(outcome.payload) ?? 'no status'
    return outcome.status === 'failed' ? outcome.code : outcome.status
  }
}

function retryAfterMs(result: string): number {
  return result === 'NotSupported' || result === 'NotImplemented' ? UNSUPPORTED_RETRY_MS : RETRY_AFTER_MS
}

function failsafeOf(limits: StationLimits | undefined): { failsafeMa?: number } {
  return limits?.failsafeMa === undefined ? {} : { failsafeMa: limits.failsafeMa }
}
