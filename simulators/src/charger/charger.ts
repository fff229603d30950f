/** The library's face: a charging station that a program plugs cars into. */
import type { EventEmitter } from 'node:events'
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import type { Car } from '../car/car.ts'
import { type Clock, systemClock } from '../clock.ts'
import { type Ledger, memoryLedger } from '../ledger.ts'
import { type Random, unpredictableRandom } from '../random.ts'
import type { ConnectorStatus } from './connector.ts'
import type { ChargerVersion, Nameplate } from './dialect.ts'
import type { Hardware } from './limits/resolve.ts'
import { RECONNECT_FIRST_MS, RECONNECT_LONGEST_MS } from './link.ts'
import type { Session, StopReason } from './session.ts'
import type { SettingValues } from './settings.ts'
import { type SocketFactory, webSocketFactory } from './socket.ts'
import { Station } from './station.ts'
import type { ChargerEvents } from './station-options.ts'
import { handle16 } from './v16/handlers.ts'
import { dialect16 } from './v16/messages.ts'
import { handle201 } from './v201/handlers.ts'
import { dialect201 } from './v201/messages.ts'

/** 22 kW on three phases. */
export const THREE_PHASE_22KW: Hardware = { currentMa: 32_000, phases: 3 }
/** 7.4 kW on one phase. */
export const SINGLE_PHASE_7KW: Hardware = { currentMa: 32_000, phases: 1 }

/** From sending a call to its answer. */
const CALL_TIMEOUT_MS = 30_000
/** How often the physics is looked at. */
const TICK_MS = 1_000
/** How long a restart keeps the station away. */
const REBOOT_MS = 2_000
/** How long a stop waits for the last messages to be answered, where the station will not remember them. */
const DELIVERY_PATIENCE_MS = 10_000
/** How long it waits for the socket to close. */
const CLOSE_PATIENCE_MS = 2_000

export interface ChargerOptions {
  /** Central system's address; the identity is added to its path. */
  url: string
  id: string
  version: ChargerVersion
  /** For basic authentication. */
  password?: string
  /** One entry per connector (1.6) or EVSE with one connector (2.0.1); one of 22 kW by default. */
  connectors?: readonly Hardware[]
  clock?: Clock
  random?: Random
  socketFactory?: SocketFactory
  ledger?: Ledger
  /** File that the station's memory is kept in over restarts. */
  stateFile?: string
  /** Other than the factory's; what the central system changed later goes before these. */
  settings?: Partial<SettingValues>
  nameplate?: Partial<Nameplate>
  callTimeoutMs?: number
  reconnectFirstMs?: number
  reconnectLongestMs?: number
  tickMs?: number
  rebootMs?: number
}

/** A connector as it is now. */
export interface ConnectorView {
  id: number
  status: ConnectorStatus
  registerMilliWh: number
  /** What the car draws. */
  powerMw: number
  currentMa: number
  phases: number
  /** What it is offered. */
  offeredMa: number
  session?: Readonly<Session> & { transactionId: string | null }
}

export interface Charger {
  readonly id: string
  readonly version: ChargerVersion
  readonly events: EventEmitter<ChargerEvents>
  /** Switches the station on; it connects, boots, and goes on with what it remembers. */
  start(): void
  /** Connected and accepted by the central system. */
  readonly online: boolean
  /** Session messages that the central system does not have yet. */
  readonly queued: number
  connector(connectorId?: number): ConnectorView
  /** The car plugged in, if any. */
  car(connectorId?: number): Car | undefined
  /** Throws when a car is there already. */
  plugIn(car: Car, connectorId?: number): void
  /**
   * Presents a token: starts a session (once a car is there), or ends the one that it started. Resolves with the central
   * system's word on it, `Accepted` where it may charge; `Offline` where nobody could be asked.
   */
  authorise(idToken: string, connectorId?: number): Promise<string>
  /** Takes the cable out, which ends a session; returns the car. */
  unplug(connectorId?: number): Car | undefined
  /** Ends the session at the station itself. */
  endSession(connectorId?: number, reason?: StopReason): void
  /** Loses the network, without a word. */
  goOffline(): void
  goOnline(): void
  /**
   * Switches the station off. With a state file, sessions and messages are kept for the next start; without, sessions end
   * and their last messages are delivered first, as far as that is possible in ten seconds.
   */
  stop(): Promise<void>
  /** Power fails: nothing is closed or said. What is on the disk stays. */
  kill(): void
}

/** Makes a station, off; reads its state file, and throws when that cannot be read. */
export async function createCharger(options: ChargerOptions): Promise<Charger> {
  const { version, id, clock = systemClock, random = unpredictableRandom() } = options
  const handle = version === '1.6' ? handle16 : handle201
  const station: Station = new Station({
    ...options,
    handle: (action, payload) => handle(station, action, payload),
    dialect: version === '1.6' ? dialect16 : dialect201,
    validators: await loadValidators(version),
    connectors: options.connectors ?? [THREE_PHASE_22KW],
    clock,
    random,
    socketFactory: options.socketFactory ?? webSocketFactory,
    ledger: options.ledger ?? memoryLedger(),
    settings: options.settings ?? {},
    nameplate: {
      vendor: 'Switchyard',
      model: `Simulator ${version}`,
      serial: `S-${id}`.slice(0, 25),
      firmware: '1.0',
      ...options.nameplate,
    },
    callTimeoutMs: options.callTimeoutMs ?? CALL_TIMEOUT_MS,
    reconnectFirstMs: options.reconnectFirstMs ?? RECONNECT_FIRST_MS,
    reconnectLongestMs: options.reconnectLongestMs ?? RECONNECT_LONGEST_MS,
    tickMs: options.tickMs ?? TICK_MS,
    rebootMs: options.rebootMs ?? REBOOT_MS,
  })
  return {
    id,
    version,
    events: station.events,
    start: () => station.powerOn(),
    get online() {
      return station.online
    },
    get queued() {
      return station.queue.messages.length
    },
    connector: (connectorId = 1) => view(station, connectorId),
    car: (connectorId = 1) => station.connector(connectorId).car,
    plugIn: (car, connectorId = 1) => station.plugIn(station.connector(connectorId), car),
    authorise: (idToken, connectorId = 1) => authorise(station, idToken, connectorId),
    unplug: (connectorId = 1) => station.unplug(station.connector(connectorId)),
    endSession: (connectorId = 1, reason = 'Local') => station.stop(station.connector(connectorId), reason),
    goOffline: () => station.goOffline(),
    goOnline: () => station.goOnline(),
    stop: () => stop(station, clock, options.stateFile !== undefined),
    kill: () => station.cutPower(),
  }
}

async function authorise(station: Station, idToken: string, connectorId: number): Promise<string> {
  const connector = station.connector(connectorId)
  const running = connector.session?.idToken
  if (running !== undefined) {
    // The token that started it may end it; another may not (1.6 section 4.10; 2.0.1 use case E07).
    if (running !== idToken) return 'Invalid'
    station.stop(connector, 'Local', idToken)
    return 'Accepted'
  }
  const status = await station.authorization.decide(idToken)
  if (status === 'Accepted') station.hold(connector, { idToken, trigger: 'authorised' })
  return status
}

async function stop(station: Station, clock: Clock, remembers: boolean): Promise<void> {
  if (!remembers) {
    for (const connector of station.connectors) if (connector.session) station.stop(connector, 'Local')
    await until(clock, DELIVERY_PATIENCE_MS, () => !station.online || station.queue.messages.length === 0)
  }
  station.powerOff()
  await until(clock, CLOSE_PATIENCE_MS, () => !station.connected)
  station.save()
  station.cutPower()
}

/** Resolves when the condition holds, or at the latest after `patienceMs`. */
function until(clock: Clock, patienceMs: number, holds: () => boolean): Promise<void> {
  const latestMs = clock.mono() + patienceMs
  return new Promise((resolve) => {
    const look = () => {
      if (holds() || clock.mono() >= latestMs) resolve()
      else clock.after(20, look)
    }
    look()
  })
}

function view(station: Station, connectorId: number): ConnectorView {
  const connector = station.connector(connectorId)
  const { car, session } = connector
  return {
    id: connector.id,
    status: connector.status(),
    registerMilliWh: connector.meter.milliWh,
    powerMw: car?.powerMw ?? 0,
    currentMa: car?.currentMa ?? 0,
    phases: car?.phases ?? 0,
    offeredMa: connector.offer.currentMa,
    ...(session ? { session: { ...session, transactionId: station.transactionId(session) } } : {}),
  }
}
