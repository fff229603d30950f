/** Sessions on a station's connectors: how they start, charge, are metered, and end. */
import { instant, parseInstant } from '@switchyard/protocol/instant.ts'
import { energyToMilliWh, formatWh, type MilliWh } from '@switchyard/protocol/units.ts'
import type { Clock } from '../clock.ts'
import type { Ledger, LedgerEntry, LedgerStart } from '../ledger.ts'
import type { Connector, HeldToken } from './connector.ts'
import type { Dialect } from './dialect.ts'
import type { ProfileStore } from './limits/profile-store.ts'
import { type Hardware, limitsAt, offerUnder, type Until } from './limits/resolve.ts'
import { readMeter } from './readings.ts'
import {
  type ReadingContext,
  type Session,
  type SessionMessage,
  STOP_REASONS,
  type StopReason,
} from './session.ts'
import type { SettingValues } from './settings.ts'

/** A longer gap between two ticks is a machine that slept: no energy flowed in the rest of it. */
export const LONGEST_TICK_MS = 60_000

export interface SessionsOptions {
  stationId: string
  dialect: Dialect
  clock: Clock
  /** The station's own wall clock. */
  nowMs: () => number
  newKey: () => string
  connectors: readonly Connector[]
  settings: SettingValues
  profiles: ProfileStore
  ledger: Ledger
  online: () => boolean
  transactionId: (session: Session) => string | null
  /** Keeps and sends a message; on the disk, where there is a state file, when this returns. */
  enqueue: (message: SessionMessage) => void
  onStarted: (start: LedgerStart) => void
  onEnded: (entry: LedgerEntry) => void
  onStatus: (connector: Connector) => void
}

/** Everything about a message but its place in the session's order. */
type Draft = SessionMessage extends infer M
  ? M extends SessionMessage
    ? Omit<M, 'sessionKey' | 'connectorId' | 'seqNo' | 'atMs' | 'offline' | 'registerMilliWh' | 'readings'>
    : never
  : never

export class Sessions {
  readonly #options: SessionsOptions
  #lastTickMs: number
  /** When the next periodic sample is due, by connector, in monotonic ms. */
  readonly #sampleDueMs = new Map<number, number>()
  #alignedDueMs = Number.POSITIVE_INFINITY

  constructor(options: SessionsOptions) {
    this.#options = options
    this.#lastTickMs = Math.floor(options.clock.mono())
    this.rearm()
    for (const connector of options.connectors) if (connector.session) this.#armSample(connector)
  }

  /** Lets the time pass that has passed since the last call, and tells what came of it. */
  tick(): void {
    const { clock, connectors, nowMs } = this.#options
    const monoMs = Math.floor(clock.mono())
    const elapsedMs = Math.min(monoMs - this.#lastTickMs, LONGEST_TICK_MS)
    this.#lastTickMs = monoMs
    const atMs = nowMs()
    for (const connector of connectors) {
      connector.run(atMs, elapsedMs, (at) => this.offerAt(connector, at))
      this.#noticeState(connector)
    }
    this.#sampleWhereDue(monoMs, atMs)
  }

  /** What a connector may offer at a time, by its hardware and the charging profiles; as if charging, where it is not. */
  offerAt(connector: Connector, atMs: number): Until<Hardware> {
    const { profiles, connectors } = this.#options
    const { session } = connector
    const origin = session ? { sessionKey: session.key, startedAtMs: session.startedAtMs } : undefined
    const limits = limitsAt(profiles.installed, connector.id, atMs, origin)
    const share = connectors.filter((it) => it.session || it === connector).length
    return {
      value: offerUnder(limits.value, connector.hardware, connector.car?.spec.phases, share),
      untilMs: limits.untilMs,
    }
  }

  /** Begins a session: a car is plugged in and its driver authorised. */
  start(connector: Connector, token: HeldToken): void {
    const { ledger, nowMs, newKey, settings } = this.#options
    const session: Session = {
      key: newKey(),
      connectorId: connector.id,
      idToken: token.idToken,
      ...(token.tokenType === undefined ? {} : { tokenType: token.tokenType }),
      ...(token.remoteStartId === undefined ? {} : { remoteStartId: token.remoteStartId }),
      startedAtMs: nowMs(),
      startRegisterMilliWh: this.#register(connector),
      state: 'EVConnected',
      nextSeqNo: 0,
    }
    connector.session = session
    connector.token = undefined
    connector.finishing = false
    const start = this.#written(connector, session)
    ledger.recordStart(start)
    this.#tell(
      connector,
      session,
      {
        kind: 'started',
        idToken: session.idToken,
        ...(session.tokenType === undefined ? {} : { tokenType: session.tokenType }),
        trigger: token.trigger,
        ...(token.remoteStartId === undefined ? {} : { remoteStartId: token.remoteStartId }),
        state: session.state,
      },
      settings.startedMeasurands,
      // As the ledger has it: writing that took time.
      { atMs: session.startedAtMs, register: session.startRegisterMilliWh },
    )
    this.#armSample(connector)
    this.#options.onStarted(start)
  }

  /** Ends the session on a connector: into the ledger first, then to the central system. */
  end(connector: Connector, reason: StopReason, stoppedBy?: string): void {
    const { session } = connector
    if (!session) return
    const { dialect, ledger, nowMs, transactionId } = this.#options
    const atMs = nowMs()
    const register = this.#register(connector)
    const entry: LedgerEntry = {
      ...this.#written(connector, session),
      endedAt: instant(atMs),
      endRegisterWh: formatWh(register),
      energyWh: formatWh(register - session.startRegisterMilliWh),
      transactionId: transactionId(session),
      reason: dialect.reason(reason),
    }
    ledger.recordEnd(entry)
    this.#conclude(connector, session, { atMs, register, reason, ...(stoppedBy ? { stoppedBy } : {}) })
    this.#options.onEnded(entry)
  }

  /**
   * After a crash: a session that the ledger knows as ended, and that nothing more was told of, ends as it stands there.
   */
  endAsRecorded(connector: Connector): void {
    const { dialect, ledger } = this.#options
    const { session } = connector
    const entry = session && ledger.find(session.key)
    if (!session || !entry) return
    const register = energyToMilliWh(entry.endRegisterWh, 'Wh')
    const atMs = parseInstant(entry.endedAt)
    const reason = STOP_REASONS.find((it) => dialect.reason(it) === entry.reason)
    if (register === undefined || atMs === undefined || reason === undefined) {
      throw new Error(`the ledger's entry of session ${session.key} cannot be read`)
    }
    connector.meter.raiseTo(register)
    this.#conclude(connector, session, { atMs, register, reason })
  }

  #conclude(
    connector: Connector,
    session: Session,
    end: { atMs: number; register: MilliWh; reason: StopReason; stoppedBy?: string },
  ): void {
    const { profiles, settings } = this.#options
    connector.session = undefined
    connector.finishing = connector.car !== undefined
    if (connector.operativeAfterwards !== undefined) {
      connector.operative = connector.operativeAfterwards
      connector.operativeAfterwards = undefined
    }
    profiles.endSession(session.key)
    this.#sampleDueMs.delete(connector.id)
    this.#tell(
      connector,
      session,
      {
        kind: 'ended',
        reason: end.reason,
        idToken: session.idToken,
        ...(session.tokenType === undefined ? {} : { tokenType: session.tokenType }),
        ...(end.stoppedBy === undefined ? {} : { stoppedBy: end.stoppedBy }),
      },
      settings.endedMeasurands,
      end,
    )
    connector.run(end.atMs, 0, (at) => this.offerAt(connector, at))
  }

  /** A meter message about the running session now. */
  sample(connector: Connector, context: ReadingContext, measurands: readonly string[]): void {
    const { session } = connector
    if (!session) return
    this.#tell(connector, session, { kind: 'meter', context, state: session.state }, measurands)
  }

  /** What the meter of a connector reads now, for messages that belong to no session. */
  read(connector: Connector, measurands: readonly string[]) {
    return readMeter(connector, measurands, this.#register(connector))
  }

  /** Sampling intervals have changed, or the clock was set: they count from now. */
  rearm(): void {
    const { settings, connectors, nowMs } = this.#options
    for (const connector of connectors) if (connector.session) this.#armSample(connector)
    const everyMs = settings.alignedIntervalS * 1000
    this.#alignedDueMs =
      everyMs === 0 ? Number.POSITIVE_INFINITY : (Math.floor(nowMs() / everyMs) + 1) * everyMs
  }

  #armSample(connector: Connector): void {
    const everyMs = this.#options.settings.sampleIntervalS * 1000
    if (everyMs === 0) this.#sampleDueMs.delete(connector.id)
    else this.#sampleDueMs.set(connector.id, Math.floor(this.#options.clock.mono()) + everyMs)
  }

  #sampleWhereDue(monoMs: number, atMs: number): void {
    const { settings, connectors } = this.#options
    for (const connector of connectors) {
      const dueMs = this.#sampleDueMs.get(connector.id)
      if (dueMs === undefined || monoMs < dueMs) continue
      const everyMs = settings.sampleIntervalS * 1000
      // After a gap the missed samples are not made up: the next is due at the next multiple.
      this.#sampleDueMs.set(connector.id, dueMs + (Math.floor((monoMs - dueMs) / everyMs) + 1) * everyMs)
      this.sample(connector, 'Sample.Periodic', settings.sampledMeasurands)
    }
    if (atMs < this.#alignedDueMs) return
    for (const connector of connectors) this.sample(connector, 'Sample.Clock', settings.alignedMeasurands)
    const everyMs = settings.alignedIntervalS * 1000
    this.#alignedDueMs = (Math.floor(atMs / everyMs) + 1) * everyMs
  }

  #noticeState(connector: Connector): void {
    const { session } = connector
    if (!session) return
    const state = connector.chargingState()
    if (state === session.state) return
    session.state = state
    this.#tell(connector, session, { kind: 'state', state }, this.#options.settings.sampledMeasurands)
    this.#options.onStatus(connector)
  }

  #tell(
    connector: Connector,
    session: Session,
    draft: Draft,
    measurands: readonly string[],
    when = { atMs: this.#options.nowMs(), register: this.#register(connector) },
  ): void {
    const { online, dialect, enqueue } = this.#options
    const { atMs, register } = when
    const message: SessionMessage = {
      ...draft,
      sessionKey: session.key,
      connectorId: connector.id,
      seqNo: session.nextSeqNo,
      atMs,
      offline: !online(),
      registerMilliWh: register,
      readings: readMeter(connector, measurands, register),
    }
    // What the version has no message for takes no place in the session's order.
    if (!dialect.session(message, null)) return
    session.nextSeqNo++
    enqueue(message)
  }

  /** What the ledger holds of a session from its start on. */
  #written(connector: Connector, session: Session): LedgerStart {
    const { dialect, stationId } = this.#options
    return {
      sessionKey: session.key,
      stationId,
      connectorId: connector.id,
      evseId: connector.id,
      version: dialect.version,
      idToken: session.idToken,
      startedAt: instant(session.startedAtMs),
      startRegisterWh: formatWh(session.startRegisterMilliWh),
    }
  }

  /** The register as this version's messages give it. */
  #register(connector: Connector): MilliWh {
    const { registerStepMilliWh } = this.#options.dialect
    return Math.floor(connector.meter.milliWh / registerStepMilliWh) * registerStepMilliWh
  }
}
