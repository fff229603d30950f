/** A charging station: connectors, sessions, profiles and settings behind one connection to a central system. */
import { EventEmitter } from 'node:events'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Car } from '../car/car.ts'
import type { LedgerEntry } from '../ledger.ts'
import { Authorization } from './authorization.ts'
import { type Connector, type HeldToken, makeConnectors } from './connector.ts'
import type { Call, Dialect, RegistrationStatus } from './dialect.ts'
import { HeldTokens } from './held-tokens.ts'
import { ProfileStore } from './limits/profile-store.ts'
import { Link } from './link.ts'
import { Registration } from './registration.ts'
import { Restart } from './restart.ts'
import type { Session, SessionMessage, StopReason } from './session.ts'
import { Sessions } from './sessions.ts'
import { factorySettings, Settings, type SettingValues } from './settings.ts'
import type { ChargerEvents, StationOptions } from './station-options.ts'
import { loadState, type StationState, saveState } from './station-state.ts'
import { Statuses } from './statuses.ts'
import { TransactionQueue } from './transaction-queue.ts'

/** What has been answered is taken off the kept queue so much later at most; a loss in between means a repetition. */
const SAVE_LATER_MS = 250
export class Station {
  readonly id: string
  readonly dialect: Dialect
  readonly events = new EventEmitter<ChargerEvents>()
  readonly connectors: readonly Connector[]
  readonly settings: Settings
  readonly profiles: ProfileStore
  readonly sessions: Sessions
  readonly registration: Registration
  readonly authorization: Authorization
  readonly queue: TransactionQueue
  readonly statuses: Statuses
  readonly restart: Restart
  readonly #options: StationOptions
  readonly #link: Link
  readonly #transactionIds: Map<string, string>
  readonly #heldTokens: HeldTokens
  #clockOffsetMs = 0
  #cancelTick: (() => void) | undefined
  #cancelSave: (() => void) | undefined
  #dead = false

  constructor(options: StationOptions) {
    this.#options = options
    const { id, dialect, clock, random } = options
    this.id = id
    this.dialect = dialect
    const kept = options.stateFile ? loadState(options.stateFile, id, dialect.version) : undefined
    this.connectors = makeConnectors(options.connectors, kept?.connectors ?? [], random)
    this.settings = new Settings(
      { ...factorySettings(dialect.version), ...options.settings, ...kept?.settings },
      (name) => this.#settingChanged(name),
    )
    this.profiles = new ProfileStore(kept?.profiles)
    this.#transactionIds = new Map(Object.entries(kept?.transactionIds ?? {}))
    this.#link = new Link({
      ...options,
      pingIntervalS: () => this.settings.values.pingIntervalS,
      onConnected: () => this.#connected(),
      onDisconnected: (reason) => this.#disconnected(reason),
      onFault: (description) => this.events.emit('fault', description),
      onFrame: (direction, text) => this.events.emit('frame', direction, text),
    })
    this.registration = new Registration(
      {
        dialect,
        nameplate: options.nameplate,
        clock,
        call: (call) => this.call(call),
        heartbeatIntervalS: () => this.settings.values.heartbeatIntervalS,
        setHeartbeatInterval: (intervalS) => void this.settings.set('heartbeatIntervalS', String(intervalS)),
        setClock: (epochMs) => this.#setClock(epochMs),
        stationTimeMs: () => this.nowMs(),
        onStatus: (status) => this.#registered(status),
      },
      'PowerUp',
    )
    this.queue = new TransactionQueue(
      {
        clock,
        ready: () => this.online,
        toCall: (message) => dialect.session(message, this.#transactionIdOf(message.sessionKey)),
        call: (call) => this.call(call),
        attempts: () => this.settings.values.messageAttempts,
        retryIntervalS: () => this.settings.values.messageRetryIntervalS,
        onAnswered: (message, answer) => this.#answered(message, answer),
        onDropped: (message, why) => this.events.emit('dropped', message, why),
        onTimeout: () => this.#link.restart(),
      },
      kept?.queue,
    )
    this.authorization = new Authorization(
      {
        settings: this.settings.values,
        online: () => this.online,
        ask: async (idToken, tokenType) =>
          dialect.readAuthorize(await this.call(dialect.authorize(idToken, tokenType))),
      },
      kept?.acceptedTokens,
    )
    this.statuses = new Statuses({
      dialect,
      connectors: this.connectors,
      online: () => this.online,
      nowMs: () => this.nowMs(),
      call: (call) => this.call(call),
      onStatus: (connectorId, status) => this.events.emit('status', connectorId, status),
    })
    this.#heldTokens = new HeldTokens(
      clock,
      () => this.settings.values.connectionTimeoutS,
      (connector) => this.statuses.tell(connector),
    )
    this.restart = new Restart({
      clock,
      connectors: this.connectors,
      rebootMs: options.rebootMs,
      endSession: (connector, reason) => this.stop(connector, reason),
      delivered: () => !this.online || this.queue.messages.length === 0,
      goDown: () => {
        this.registration.reset('RemoteReset')
        this.#link.close(false)
      },
      comeUp: () => this.#link.open(),
    })
    this.sessions = new Sessions({
      stationId: id,
      dialect,
      clock,
      nowMs: () => this.nowMs(),
      newKey: () => random.uuid(),
      connectors: this.connectors,
      settings: this.settings.values,
      profiles: this.profiles,
      ledger: options.ledger,
      online: () => this.online,
      transactionId: (session) => this.transactionId(session),
      enqueue: (message) => this.#enqueue(message),
      onStarted: (start) => this.events.emit('session-started', start),
      onEnded: (entry) => this.#ended(entry),
      onStatus: (connector) => this.statuses.tell(connector),
    })
  }

  /** Switches the station on: it goes on with the sessions that it remembers, and connects. */
  powerOn(): void {
    // A crash between ledger and state: the session has ended, and only its stop is missing.
    for (const connector of this.connectors) {
      this.sessions.endAsRecorded(connector)
    }
    this.#tickLater()
    this.#link.open()
  }

  /** Switches the station off; sessions stay as they are, in the state file if there is one. */
  powerOff(): void {
    this.sessions.tick()
    this.#stopTimers()
    this.save()
    this.#link.close(false)
  }

  /** Power fails: nothing is saved, closed or said. */
  cutPower(): void {
    this.#dead = true
    this.#stopTimers()
    this.#link.close(true)
  }

  /** The station's own wall clock, as the central system has set it. */
  nowMs(): number {
    return this.#options.clock.now() + this.#clockOffsetMs
  }

  /** Connected and accepted. */
  get online(): boolean {
    return this.#link.connected && this.registration.accepted
  }

  get connected(): boolean {
    return this.#link.connected
  }

  /** Throws RangeError where there is no such connector. */
  connector(id: number): Connector {
    const connector = this.connectors[id - 1]
    if (!connector) throw new RangeError(`station ${this.id} has no connector ${id}`)
    return connector
  }

  /** OCPP's id of a session; null as long as 1.6's StartTransaction is not answered. */
  transactionId(session: Session): string | null {
    return this.#transactionIdOf(session.key)
  }

  /** The connector whose session OCPP knows by this id. */
  connectorOfTransaction(transactionId: string): Connector | undefined {
    return this.connectors.find((it) => it.session && this.transactionId(it.session) === transactionId)
  }

  call(call: Call): Promise<JsonObject> {
    return this.#link.call(call.action, call.payload)
  }

  /** A call whose failure changes nothing here. */
  tell(call: Call): void {
    this.call(call).catch((error: Error) => this.events.emit('fault', error.message))
  }

  goOffline(): void {
    this.#link.close(true)
  }

  goOnline(): void {
    this.#link.open()
  }

  plugIn(connector: Connector, car: Car): void {
    if (connector.car) throw new Error(`a car is plugged in at connector ${connector.id} already`)
    this.sessions.tick()
    connector.car = car
    connector.finishing = false
    if (connector.token) this.#begin(connector, { ...connector.token, trigger: 'plugged-in' })
    this.save()
    this.statuses.tell(connector)
  }

  /** Takes the cable out; a running session ends by it, unless StopTransactionOnEVSideDisconnect is off (then it is suspended). */
  unplug(connector: Connector): Car | undefined {
    const { car } = connector
    this.sessions.tick()
    if (this.settings.values.stopOnEvDisconnect) this.sessions.end(connector, 'EVDisconnected')
    connector.car = undefined
    connector.finishing = false
    this.save()
    this.statuses.tell(connector)
    return car
  }

  /** Keeps an accepted token on a connector: with a car there the session starts, else it waits for one. */
  hold(connector: Connector, token: HeldToken): void {
    if (connector.session || !connector.operative) return
    if (connector.car) {
      this.#begin(connector, token)
      this.save()
    } else {
      this.#heldTokens.hold(connector, token)
    }
    this.statuses.tell(connector)
  }

  stop(connector: Connector, reason: StopReason, stoppedBy?: string): void {
    this.sessions.tick()
    this.sessions.end(connector, reason, stoppedBy)
    this.save()
    this.statuses.tell(connector)
  }

  /** Profiles or settings have changed: what is offered follows now, not at the next tick. */
  limitsChanged(): void {
    this.sessions.tick()
    this.#saveLater()
  }

  save(): void {
    const { stateFile } = this.#options
    if (stateFile && !this.#dead) saveState(stateFile, this.#state())
  }

  #stopTimers(): void {
    this.#cancelTick?.()
    this.#cancelTick = undefined
    this.#cancelSave?.()
    this.#cancelSave = undefined
    this.restart.stop()
    this.queue.stop()
    this.#heldTokens.stop()
  }

  #begin(connector: Connector, token: HeldToken): void {
    this.#heldTokens.release(connector)
    if (this.queue.full) {
      this.events.emit('fault', 'no session can start: too many messages wait for the central system')
      return
    }
    this.sessions.start(connector, token)
    if (token.profile && connector.session) {
      const session = connector.session
      this.profiles.install(token.profile, {
        version: this.dialect.version,
        connectorId: connector.id,
        connectorCount: this.connectors.length,
        session: { sessionKey: session.key, startedAtMs: session.startedAtMs, transactionId: null },
      })
    }
  }

  #enqueue(message: SessionMessage): void {
    this.queue.add(message)
    // On the disk before it leaves: what the central system was told is never above what a restart remembers.
    this.save()
    this.queue.pump()
  }

  #answered(message: SessionMessage, answer: JsonObject): void {
    const { transactionId, authorization } = this.dialect.readSession(message, answer)
    if (transactionId !== undefined) this.#transactionIds.set(message.sessionKey, transactionId)
    if (message.kind === 'ended') this.#transactionIds.delete(message.sessionKey)
    const connector = this.connectors.find((it) => it.session?.key === message.sessionKey)
    if (authorization !== undefined && message.kind === 'started') {
      this.authorization.learn(message.idToken, authorization)
      if (authorization !== 'Accepted' && connector && this.settings.values.stopOnInvalidId) {
        this.stop(connector, 'DeAuthorized')
      }
    }
    if (transactionId !== undefined) this.save()
    else this.#saveLater()
    this.events.emit('answered', message)
  }

  #ended(entry: LedgerEntry): void {
    this.events.emit('session-ended', entry)
    this.restart.sessionEnded()
  }

  #transactionIdOf(sessionKey: string): string | null {
    if (this.dialect.version !== '1.6') return sessionKey
    return this.#transactionIds.get(sessionKey) ?? null
  }

  #connected(): void {
    this.events.emit('connected')
    this.registration.connected()
    if (this.online) this.#resume()
  }

  #disconnected(reason: string): void {
    this.registration.disconnected()
    this.events.emit('disconnected', reason)
  }

  #registered(status: RegistrationStatus): void {
    this.events.emit('boot', status)
    if (status !== 'Accepted') return
    this.statuses.forget()
    this.statuses.tellStation()
    this.#resume()
  }

  /** The central system can be told again: what has changed meanwhile, then what waits. */
  #resume(): void {
    for (const connector of this.connectors) this.statuses.tell(connector)
    this.queue.stop()
    this.queue.pump()
  }

  #setClock(epochMs: number): void {
    this.#clockOffsetMs += epochMs - this.nowMs()
    this.sessions.rearm()
  }

  #settingChanged(name: keyof SettingValues): void {
    if (name === 'heartbeatIntervalS') this.registration.rearm()
    if (name === 'sampleIntervalS' || name === 'alignedIntervalS') this.sessions.rearm()
    this.#saveLater()
  }

  #tickLater(): void {
    this.#cancelTick = this.#options.clock.after(this.#options.tickMs, () => {
      this.#tickLater()
      this.sessions.tick()
    })
  }

  #saveLater(): void {
    if (this.#dead || this.#cancelSave || !this.#options.stateFile) return
    this.#cancelSave = this.#options.clock.after(SAVE_LATER_MS, () => {
      this.#cancelSave = undefined
      this.save()
    })
  }

  #state(): StationState {
    return {
      format: 1,
      stationId: this.id,
      version: this.dialect.version,
      settings: this.settings.values,
      connectors: this.connectors.map((it) => it.state()),
      queue: [...this.queue.messages],
      profiles: [...this.profiles.installed],
      transactionIds: Object.fromEntries(this.#transactionIds),
      acceptedTokens: [...this.authorization.accepted],
    }
  }
}
