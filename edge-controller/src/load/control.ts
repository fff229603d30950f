/**
 * The control loop: every two seconds it shares the site's limit among running sessions and sends what has changed, decreases
 * first. It waits for no commit and for neither cloud nor broker. A site without a limit sends nothing, and says so.
 */
import { mutated } from '@switchyard/protocol/mutation.ts'
import type { Live } from '@switchyard/protocol/site/live.ts'
import { appliedDocument } from '../documents.ts'
import type { Call } from '../ocpp/calls.ts'
import { type OcppModule, type OutgoingCall, statusOf } from '../ocpp/module.ts'
import type { Clock, Log } from '../ports.ts'
import { isOnConnector, runningSessions, type Session } from '../session/session.ts'
import type { SiteState } from '../site-state.ts'
import { quirksAt } from '../station/quirks.ts'
import { STATION_KIND, type Station } from '../station/station.ts'
import type { ChargingPlanning } from './charging-plan.ts'
import { type AskResult, ask, type HeldLimit, heldMa, nothingHeld, tellAgain } from './held-limits.ts'
import { rateFor } from './rate.ts'
import { failsafeFor, nextSteps, type Reservation, reservedMa, STEP_MA, type Step } from './safety-ledger.ts'
import { limitFor } from './session-schedule.ts'
import { type Charging, shares } from './shares.ts'

export const CONTROL_INTERVAL_MS = 2_000
/** Longest wait for a station's answer to a limit. */
export const LIMIT_TIMEOUT_MS = 10_000
/** A limit by which the words for one are compared: no two of them say it alike. */
const REFERENCE_MA = 10_500
/** Meter readings older than this say nothing about now. */
export const READING_MAX_AGE_MS = 90_000

export interface LoadPorts {
  state: SiteState
  clock: Clock
  log: Log
  siteLimitMa: number | undefined
  failsafeMa: number
  /** How the share of a session is used whose car has told what it needs. */
  planning: ChargingPlanning
  /** How to reach a station that is connected and accepted; undefined otherwise. */
  reach(stationId: string): { call: Call; module: OcppModule } | undefined
  /** Whether the failsafe is installed on it; where not, all that it may draw is reserved. */
  hasFailsafe(stationId: string): boolean
  onChange(): void
}

/**
 * After a start of ours the stations hold the limits that they held before, which together kept the site's. Until all that
 * charge are back, or this time is over, none is told another: a site must not pause because its controller was restarted.
 */
export const RETURN_GRACE_MS = 120_000

/** The limit of a running session, and what its meter says of it. */
interface SessionLimit extends HeldLimit {
  confirmedAtMs: number
  /** It was there before our start, and may hold a limit of then: its station's failsafe says nothing of it. */
  isFromBefore?: boolean
  /** What its schedule reckons with is looked at again then, ms of the wall clock. */
  reviewAtMs?: number
  /** A reading showed more than it was allowed, and none since has shown otherwise. */
  excessMa?: number
}

export class LoadControl {
  readonly #ports: LoadPorts
  readonly #failsafes = new Map<string, HeldLimit>()
  readonly #sessions = new Map<string, SessionLimit>()
  /** What a limit is told each station in, so that it is told again in other words. */
  readonly #words = new Map<string, string>()
  readonly #startedAtMs: number
  #returning = true
  #saidUnlimited = false

  constructor(ports: LoadPorts) {
    this.#ports = ports
    this.#startedAtMs = ports.clock.mono()
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
    return this.#sessions.get(session.sessionId)?.confirmedMa ?? this.#rulingFailsafe(session)?.confirmedMa
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

  /** A boot clears profiles: nothing is known of the station any more, but whether it refused them. */
  stationBooted(stationId: string): void {
    const { refuses = false } = this.#failsafes.get(stationId) ?? {}
    this.#failsafes.set(stationId, { ...nothingHeld(), refuses })
    for (const { sessionId } of runningSessions(this.#ports.state, stationId)) {
      const limit = this.#sessions.get(sessionId)
      if (limit) this.#sessions.set(sessionId, { ...nothingHeld(), refuses: limit.refuses, confirmedAtMs: 0 })
    }
    this.tick()
  }

  /** A station is back on the line without a boot: what it accepted before is told again. */
  stationReturned(stationId: string): void {
    tellAgain(this.#failsafes.get(stationId))
    for (const { sessionId } of runningSessions(this.#ports.state, stationId))
      tellAgain(this.#sessions.get(sessionId))
  }

  /** A car asks what it may draw: its limit is told again. False: the site has none. */
  tellLimit({ sessionId }: { sessionId: string }): boolean {
    if (this.limitMa === undefined) return false
    tellAgain(this.#sessions.get(sessionId))
    this.tick()
    return true
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
    const running = this.#running()
    this.#keepEntries(running)
    this.#reviewSchedules(running)
    const idle = idleConnectors(stations, running)
    let roomMa = limitMa
    for (const ma of this.#reserved(idle, running, failsafeMa).values()) roomMa -= ma
    // Where no limit of a session holds, the failsafe does.
    const unlimited = running.filter((s) => this.#sessions.get(s.sessionId)?.confirmedMa === undefined)
    const ruled = new Map<string, number>()
    for (const { stationId } of [...idle, ...unlimited]) ruled.set(stationId, (ruled.get(stationId) ?? 0) + 1)
    for (const { stationId } of stations) this.#keepWords(stationId)
    for (const { stationId } of stations)
      roomMa -= this.#keepFailsafe(stationId, failsafeMa, ruled.get(stationId) ?? 0, roomMa)
    if (this.#awaitsReturn(running)) return

    const reserved = this.#reserved(idle, running, failsafeMa)
    const current = new Map(running.map((session) => [session.sessionId, this.limitOf(session)]))
    // Idle connectors that hold less than the failsafe shall have it: sessions make room.
    const idleMa = idle.reduce((ma, { stationId, key }) => {
      // One that is being asked for the first time may not raise others, but shall not lower them either.
      const { confirmedMa } = this.#failsafes.get(stationId) ?? nothingHeld()
      return (
        ma +
        (this.#hasNone(stationId) || confirmedMa !== undefined
          ? Math.max(reserved.get(key)!, failsafeMa)
          : failsafeMa)
      )
    }, 0)
    const charging = running.map((s) => this.#charging(s, reserved.get(s.sessionId)!))
    const targets = shares(limitMa, idleMa, charging)
    for (const { sessionId, heeds } of charging) {
      // Who does not listen is not raised: it is told again what it took last (see held-limits.ts).
      const fromMa = current.get(sessionId)
      if (!heeds && fromMa !== undefined)
        targets.set(sessionId, Math.min(fromMa, targets.get(sessionId) ?? 0))
    }
    const { decreases, increases } = nextSteps(limitMa, reserved, current, targets, failsafeMa)
    for (const step of decreases) this.#send(running, step, true)
    for (const step of increases) this.#send(running, step, false)
    for (const { sessionId: id } of running) {
      const { again, confirmedMa = current.get(id) } = this.#sessions.get(id)!
      if (again && confirmedMa !== undefined)
        this.#send(running, { id, toMa: Math.min(confirmedMa, targets.get(id)!) }, true)
    }
  }

  /** A car may have drawn less than its schedule reckoned with: its limit is told again, with a schedule from now on. */
  #reviewSchedules(running: readonly Session[]): void {
    const nowMs = this.#ports.clock.now()
    for (const { sessionId } of running) {
      const limit = this.#sessions.get(sessionId)!
      if (limit.reviewAtMs === undefined || nowMs < limit.reviewAtMs) continue
      delete limit.reviewAtMs
      tellAgain(limit)
    }
  }

  /** An operator has said that the station takes limits otherwise: what it holds, or refused, is told again. */
  #keepWords(stationId: string): void {
    const words = JSON.stringify(rateFor(REFERENCE_MA, quirksAt(this.#ports.state, stationId)))
    const before = this.#words.get(stationId)
    this.#words.set(stationId, words)
    if (before !== undefined && before !== words) this.stationReturned(stationId)
  }

  /** What every connector may be drawing: the idle ones by their place, the others by their session. */
  #reserved(
    idle: readonly IdleConnector[],
    running: readonly Session[],
    wantedMa: number,
  ): Map<string, number> {
    const reserved = new Map<string, number>()
    for (const { stationId, key } of idle) {
      const failsafe = this.#failsafes.get(stationId)
      // A station that has not been heard of since our start is taken to hold the failsafe that it was given before.
      const isHere = this.#ports.reach(stationId) !== undefined
      const unlimited = failsafe?.confirmedMa === undefined && (isHere || this.#hasNone(stationId))
      reserved.set(key, reservedMa({ inUse: false, unlimited, ...failsafeOf(failsafe) }, wantedMa))
    }
    for (const session of running)
      reserved.set(session.sessionId, reservedMa(this.#reservation(session), wantedMa))
    return reserved
  }

  /** A station without a failsafe: it took none, or shall have none. What one holds from before stands until its boot. */
  #hasNone(stationId: string): boolean {
    return this.#failsafes.get(stationId)?.refuses === true || !this.#ports.hasFailsafe(stationId)
  }

  #charging({ sessionId, stationId }: Session, reservedMa: number): Charging {
    const { refuses, excessMa } = this.#sessions.get(sessionId)!
    const reachable = this.#ports.reach(stationId) !== undefined
    return { sessionId, reservedMa, reachable, heeds: !refuses && excessMa === undefined }
  }

  /** What a session may draw without a limit of its own, where that is what rules it. */
  #rulingFailsafe({ sessionId, stationId }: Pick<Session, 'sessionId' | 'stationId'>): HeldLimit | undefined {
    return this.#sessions.get(sessionId)?.isFromBefore ? undefined : this.#failsafes.get(stationId)
  }

  #awaitsReturn(running: readonly Session[]): boolean {
    const { clock, reach } = this.#ports
    this.#returning &&=
      clock.mono() - this.#startedAtMs < RETURN_GRACE_MS &&
      running.some((session) => reach(session.stationId) === undefined)
    return this.#returning
  }

  /** Sessions that have their connector, oldest first; not those that are over and wait for their stop. */
  #running(): Session[] {
    const { state } = this.#ports
    return state
      .list<Station>(STATION_KIND)
      .flatMap(({ stationId }) => runningSessions(state, stationId))
      .filter((s) => s.evseId > 0 && s.connectorFree !== 'now' && isOnConnector(state, s))
      .sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1))
  }

  /** Every session under control has an entry, and no other. */
  #keepEntries(running: readonly Session[]): void {
    const ids = new Set(running.map((session) => session.sessionId))
    for (const id of this.#sessions.keys()) if (!ids.has(id)) this.#sessions.delete(id)
    for (const { sessionId, stationId, received } of running) {
      if (this.#sessions.has(sessionId)) continue
      // A station that takes no failsafe is not expected to take a limit.
      const { refuses = false, confirmedMa } = this.#failsafes.get(stationId) ?? {}
      const limit = { ...nothingHeld(), refuses: refuses && confirmedMa === undefined, confirmedAtMs: 0 }
      const isFromBefore = received.bootId !== this.#ports.state.bootId
      this.#sessions.set(sessionId, { ...limit, ...(isFromBefore ? { isFromBefore } : {}) })
    }
  }

  #reservation(session: Session): Reservation {
    const { confirmedMa, unconfirmedMa } = this.#sessions.get(session.sessionId)!
    const measuredMa = this.#measured(session)
    return {
      inUse: true,
      ...failsafeOf(this.#rulingFailsafe(session)),
      ...(confirmedMa === undefined ? {} : { confirmedMa }),
      ...(unconfirmedMa === undefined ? {} : { unconfirmedMa }),
      ...(measuredMa === undefined ? {} : { measuredMa }),
    }
  }

  /** What the meter shows of the limit that holds now; an excess stands until a newer reading says otherwise. */
  #measured({ sessionId, stationId, reading }: Session): number | undefined {
    const { clock } = this.#ports
    const limit = this.#sessions.get(sessionId)!
    // A reading from before the last confirmation shows the limit before.
    const isFresh =
      reading?.currentMa !== undefined &&
      reading.atMs > limit.confirmedAtMs + LIMIT_TIMEOUT_MS &&
      clock.now() - reading.atMs < READING_MAX_AGE_MS
    if (!isFresh) return limit.excessMa
    const measuredMa = Math.max(0, ...reading.currentMa!)
    const allowedMa = heldMa(limit) ?? heldMa(this.#rulingFailsafe({ sessionId, stationId }))
    if (allowedMa !== undefined && measuredMa > allowedMa + STEP_MA) limit.excessMa = measuredMa
    else delete limit.excessMa
    return measuredMa
  }

  /** Asks a station for its failsafe where it needs one; returns how much of the room that may take. */
  #keepFailsafe(stationId: string, failsafeMa: number, connectors: number, roomMa: number): number {
    const { clock, log } = this.#ports
    const reached = mutated('no-failsafe') ? undefined : this.#ports.reach(stationId)
    const failsafe = this.#failsafes.get(stationId) ?? nothingHeld()
    if (!this.#ports.hasFailsafe(stationId)) return 0
    const isKept = failsafe.confirmedMa === failsafeMa && !failsafe.again
    if (!reached || failsafe.asking || isKept || clock.mono() < failsafe.retryAtMs) return 0
    // A higher failsafe is a raise like any other: it waits for room.
    const takesMa = Math.max(0, failsafeMa - (heldMa(failsafe) ?? failsafeMa)) * connectors
    if (takesMa > Math.max(0, roomMa)) return 0
    this.#failsafes.set(stationId, failsafe)
    const settle = ask(failsafe, failsafeMa)
    void this.#ask(
      reached,
      reached.module.failsafeProfile(rateFor(failsafeMa, quirksAt(this.#ports.state, stationId))),
      false,
    ).then((result) => {
      if (!settle(result, clock.mono()))
        log.warn({ stationId, limitMa: failsafeMa, result }, 'the station did not take its failsafe limit')
      this.#ports.onChange()
    })
    return takesMa
  }

  #send(running: readonly Session[], { id, toMa }: Step, urgent: boolean): void {
    const { clock, log } = this.#ports
    const session = running.find((s) => s.sessionId === id)!
    const { stationId } = session
    const reached = this.#ports.reach(stationId)
    const limit = this.#sessions.get(id)!
    if (!reached || limit.asking || clock.mono() < limit.retryAtMs) return
    const settle = ask(limit, toMa)
    const quirks = quirksAt(this.#ports.state, stationId)
    const nowMs = clock.quality() === 'unknown' ? undefined : clock.now()
    const { planning } = this.#ports
    const { limit: told, plan } = limitFor(session, toMa, { planning, quirks, nowMs })
    delete limit.reviewAtMs
    if (plan?.reviewAtMs !== undefined) limit.reviewAtMs = plan.reviewAtMs
    if (plan?.isInTime === false)
      log.info({ stationId, sessionId: id, limitMa: toMa }, 'a car will not have its energy when it departs')
    void this.#ask(reached, reached.module.limitProfile(told), urgent).then((result) => {
      if (settle(result, clock.mono())) {
        limit.confirmedAtMs = clock.now()
        delete limit.isFromBefore
      } else
        log.warn({ stationId, sessionId: id, limitMa: toMa, result }, 'the station did not take its limit')
      this.#ports.onChange()
    })
  }

  async #ask(
    { call }: { call: Call },
    { action, payload }: OutgoingCall,
    urgent: boolean,
  ): Promise<AskResult> {
    const outcome = await call(action, payload, {
      timeoutMs: LIMIT_TIMEOUT_MS,
      expiresInMs: LIMIT_TIMEOUT_MS,
      urgent,
    })
    switch (outcome.status) {
      case 'answered':
        return statusOf(outcome.payload) ?? 'no status'
      case 'failed':
        return outcome.code
      case 'unknown':
        return { unanswered: outcome.reason }
      case 'not-sent':
        return { unanswered: 'not-sent' }
    }
  }
}

function failsafeOf(failsafe: HeldLimit | undefined): { failsafeMa?: number } {
  const failsafeMa = heldMa(failsafe)
  return failsafeMa === undefined ? {} : { failsafeMa }
}

interface IdleConnector {
  stationId: string
  key: string
}

/** Connectors without a session that is under control. */
function idleConnectors(stations: readonly Station[], running: readonly Session[]): IdleConnector[] {
  const inUse = new Set(running.map((session) => session.sessionId))
  return stations.flatMap(({ stationId, connectors }) =>
    connectors
      .filter((c) => c.evseId > 0 && !(c.sessionId !== undefined && inUse.has(c.sessionId)))
      .map((c) => ({ stationId, key: `${stationId}/${c.evseId}/${c.connectorId}` })),
  )
}
