/** A charging station: connectors, sessions, profiles and settings behind one connection to a central system. */
import { EventEmitter } from 'node:events'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Validators } from '@switchyard/protocol/ocpp/validators.ts'
import { Car } from '../car/car.ts'
import type { Clock } from '../clock.ts'
import type { Ledger, LedgerEntry, LedgerStart } from '../ledger.ts'
import type { Random } from '../random.ts'
import { Authorization } from './authorization.ts'
import { Connector, type ConnectorStatus, type HeldToken } from './connector.ts'
import type { Call, Dialect, Nameplate, RegistrationStatus } from './dialect.ts'
import { ProfileStore } from './limits/profile-store.ts'
import type { Hardware } from './limits/resolve.ts'
import { Link } from './link.ts'
import { Registration } from './registration.ts'
import type { Session, SessionMessage, StopReason } from './session.ts'
import { Sessions } from './sessions.ts'
import { factorySettings, Settings, type SettingValues } from './settings.ts'
import type { SocketFactory } from './socket.ts'
import { loadState, type StationState, saveState } from './station-state.ts'
import { TransactionQueue } from './transaction-queue.ts'

/** What has been answered is taken off the kept queue so much later at most; a loss in between means a repetition. */
const SAVE_LATER_MS = 250
/** A soft reset waits so long for its last messages to be answered. */
const SOFT_RESET_PATIENCE_MS = 5_000

export interface ChargerEvents {
  connected: []
  disconnected: [reason: string]
  boot: [status: RegistrationStatus]
  status: [connectorId: number, status: ConnectorStatus]
  'session-started': [start: LedgerStart]
  'session-ended': [entry: LedgerEntry]
  /** The central system has a session's message. */
  answered: [message: SessionMessage]
  /** A session's message was given up. */
  dropped: [message: SessionMessage, why: string]
  /** Something invalid was sent or received, or refused. */
  fault: [description: string]
  /** Every frame as it goes over the wire. */
  frame: [direction: 'in' | 'out', text: string]
}

export interface StationOptions {
  url: string
  id: string
  dialect: Dialect
  validators: Validators
  password?: string
  connectors: readonly Hardware[]
  clock: Clock
  random: Random
  socketFactory: SocketFactory
  ledger: Ledger
  /** Where the station's memory is kept; without it, nothing outlives the process. */
  stateFile?: string
  settings: Partial<SettingValues>
  nameplate: Nameplate
  callTimeoutMs: number
  reconnectFirstMs: number
  reconnectLongestMs: number
  tickMs: number
  rebootMs: number
}

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
  readonly #options: StationOptions
  readonly #link: Link
  readonly #transactionIds: Map<string, string>
  /** Status that the central system knows, by connector, in its own words. */
  readonly #told = new Map<number, string>()
  /** Status as last shown to listeners. */
  readonly #shown = new Map<number, ConnectorStatus>()
  readonly #tokenTimeouts = new Map<number, () => void>()
  #clockOffsetMs = 0
  #cancelTick: (() => void) | undefined
  #cancelSave: (() => void) | undefined
  #cancelReboot: (() => void) | undefined
  #resetWhenIdle = false

  constructor(options: StationOptions) {
    this.#options = options
    const { id, dialect, clock, random } = options
    this.id = id
    this.dialect = dialect
    const kept = options.stateFile ? loadState(options.stateFile, id, dialect.version) : undefined
    this.connectors = makeConnectors(options, kept)
    this.settings = new Settings(
      { ...factorySettings(dialect.version), ...options.settings, ...kept?.settings },
      (name) => this.#settingChanged(name),
    )
    this.profiles = new ProfileStore(kept?.profiles)
    this.#transactionIds = new Map(Object.entries(kept?.transactionIds ?? {}))
    this.#link = new Link({
      ...options,
      handle: (action, payload) => dialect.handle(this, action, payload),
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
        ask: async (idToken) => dialect.readAuthorize(await this.call(dialect.authorize(idToken))),
      },
      kept?.acceptedTokens,
    )
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
      onStatus: (connector) => this.tellStatus(connector),
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
  powerOff(abruptly = false): void {
    this.sessions.tick()
    this.#cancelTick?.()
    this.#cancelTick = undefined
    this.#cancelReboot?.()
    this.queue.stop()
    for (const cancel of this.#tokenTimeouts.values()) cancel()
    this.#tokenTimeouts.clear()
    this.save()
    this.#cancelSave?.()
    this.#link.close(abruptly)
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
    this.tellStatus(connector)
  }

  /** Takes the cable out; a running session ends by it, unless StopTransactionOnEVSideDisconnect is off (then it is suspended). */
  unplug(connector: Connector): Car | undefined {
    const { car } = connector
    this.sessions.tick()
    if (this.settings.values.stopOnEvDisconnect) this.sessions.end(connector, 'EVDisconnected')
    connector.car = undefined
    connector.finishing = false
    this.save()
    this.tellStatus(connector)
    return car
  }

  /** Keeps an accepted token on a connector: with a car there the session starts, else it waits for one. */
  hold(connector: Connector, token: HeldToken): void {
    if (connector.session || !connector.operative) return
    if (connector.car) {
      this.#begin(connector, token)
      this.save()
    } else {
      connector.token = token
      this.#tokenTimeouts.get(connector.id)?.()
      const timeoutMs = this.settings.values.connectionTimeoutS * 1000
      this.#tokenTimeouts.set(
        connector.id,
        this.#options.clock.after(timeoutMs, () => {
          connector.token = undefined
          this.tellStatus(connector)
        }),
      )
    }
    this.tellStatus(connector)
  }

  stop(connector: Connector, reason: StopReason, stoppedBy?: string): void {
    this.sessions.tick()
    this.sessions.end(connector, reason, stoppedBy)
    this.save()
    this.tellStatus(connector)
  }

  /** Profiles or settings have changed: what is offered follows now, not at the next tick. */
  limitsChanged(): void {
    this.sessions.tick()
    this.#saveLater()
  }

  /** Ends all sessions and restarts (1.6 section 5.14; 2.0.1 use cases B11, B12). `OnIdle` waits until no session runs. */
  reset(kind: 'Soft' | 'Hard' | 'OnIdle'): void {
    if (kind === 'OnIdle' && this.connectors.some((it) => it.session)) {
      this.#resetWhenIdle = true
      return
    }
    for (const connector of this.connectors) {
      if (connector.session) this.stop(connector, kind === 'Hard' ? 'HardReset' : 'SoftReset')
      connector.token = undefined
    }
    if (kind === 'Hard') this.#reboot()
    else this.#rebootOnceDelivered(this.#options.clock.mono() + SOFT_RESET_PATIENCE_MS)
  }

  get resetPending(): boolean {
    return this.#resetWhenIdle
  }

  /** Tells a connector's status, if the central system does not know it yet. */
  tellStatus(connector: Connector, evenIfKnown = false): void {
    const status = connector.status()
    if (this.#shown.get(connector.id) !== status) this.events.emit('status', connector.id, status)
    this.#shown.set(connector.id, status)
    const known = this.#told.get(connector.id) === this.dialect.statusWord(status)
    if (this.online && (!known || evenIfKnown)) this.#tellStatusOf(connector.id, status)
  }

  /** 1.6: connector 0 is the station as a whole; 2.0.1 has no status of its own for that. */
  tellStationStatus(): void {
    if (this.dialect.version !== '1.6') return
    const operative = this.connectors.some((it) => it.operative)
    this.#tellStatusOf(0, operative ? 'Available' : 'Unavailable')
  }

  save(): void {
    const { stateFile } = this.#options
    if (stateFile) saveState(stateFile, this.#state())
  }

  #begin(connector: Connector, token: HeldToken): void {
    this.#tokenTimeouts.get(connector.id)?.()
    if (this.queue.full) {
      this.events.emit('fault', 'no session can start: too many messages wait for the central system')
      connector.token = undefined
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
    if (this.#resetWhenIdle && this.connectors.every((it) => !it.session)) {
      this.#resetWhenIdle = false
      this.#rebootOnceDelivered(this.#options.clock.mono() + SOFT_RESET_PATIENCE_MS)
    }
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
    this.#told.clear()
    this.tellStationStatus()
    this.#resume()
  }

  /** The central system can be told again: what has changed meanwhile, then what waits. */
  #resume(): void {
    for (const connector of this.connectors) this.tellStatus(connector)
    this.queue.stop()
    this.queue.pump()
  }

  #tellStatusOf(connectorId: number, status: ConnectorStatus): void {
    const word = this.dialect.statusWord(status)
    this.#told.set(connectorId, word)
    this.call(this.dialect.status(connectorId, status, this.nowMs())).catch(() => {
      // Not known after all: told again at the next occasion.
      if (this.#told.get(connectorId) === word) this.#told.delete(connectorId)
    })
  }

  #rebootOnceDelivered(latestMs: number): void {
    const { clock } = this.#options
    if (this.queue.messages.length === 0 || !this.online || clock.mono() >= latestMs) {
      this.#reboot()
      return
    }
    this.#cancelReboot = clock.after(50, () => this.#rebootOnceDelivered(latestMs))
  }

  #reboot(): void {
    this.#cancelReboot?.()
    this.registration.reset('RemoteReset')
    this.#told.clear()
    this.#link.close(false)
    this.#cancelReboot = this.#options.clock.after(this.#options.rebootMs, () => this.#link.open())
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
    if (this.#cancelSave || !this.#options.stateFile) return
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

/** Meters start anywhere in a life of up to 50 MWh: nobody may count on a start at zero. */
const LIFETIME_MAX_MILLI_WH = 50_000_000_000

function makeConnectors(options: StationOptions, kept: StationState | undefined): Connector[] {
  const forgotten = kept?.connectors.slice(options.connectors.length).find((it) => it.session)
  if (forgotten) {
    throw new Error(`a session runs on a connector that station ${options.id} would not have any more`)
  }
  return options.connectors.map((hardware, index) => {
    const state = kept?.connectors[index] ?? {
      registerMilliWh: options.random.int(1_000_000, LIFETIME_MAX_MILLI_WH),
      registerRestMicrojoules: 0,
      operative: true,
      finishing: false,
    }
    return new Connector(index + 1, hardware, state, state.car ? new Car(state.car) : undefined)
  })
}
