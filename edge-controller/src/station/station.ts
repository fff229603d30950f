/** A charging station as the site knows it: one entity (kind `station`), version-neutral. OCPP 1.6's connector n is EVSE n, connector 1. */
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { Draft, StateReader } from '../draft.ts'
import { OcppFault } from '../ocpp/fault.ts'

export const STATION_KIND = 'station'

/** More connectors than any station has; one that reports another is refused. */
export const MAX_CONNECTORS = 64

export type ConnectorStatus = 'Available' | 'Occupied' | 'Reserved' | 'Unavailable' | 'Faulted'

export interface Connector {
  evseId: number
  connectorId: number
  /** Absent until the station has said so. */
  status?: ConnectorStatus
  /** The 1.6 word, where it says more than `status`. */
  detail?: string
  errorCode?: string
  /** Running session here. */
  sessionId?: string
  /** The session started last here, running or not: what a resent start is compared with. */
  newestSessionId?: string
  /** Newest register known of this connector's meter. */
  register?: { milliWh: number; atMs: number }
  /** When this connector's meter was first seen above zero, ms. */
  aboveZeroSinceMs?: number
}

export interface Boot {
  vendor: string
  model: string
  serial?: string
  firmware?: string
  status: 'Accepted' | 'Pending' | 'Rejected'
  /** When it was received. */
  at: string
}

export interface StationCertificate {
  /** Hex, upper case. */
  serialNumber: string
  notAfter: string
  /** Of the certificate of the connection on which it was signed, if it had one. */
  before?: string
  /** The command that had the station ask for it. */
  change?: string
  /** A connection came with it. */
  proved?: boolean
}

export interface Station {
  stationId: string
  /** By onboarding; the stations document has the last word. */
  approved: boolean
  /** Removal of the stations document that it came after. */
  afterRemoval?: string
  /** Highest OCPP security profile that it has proved, since the reset of the stations document named here. */
  proved?: { profile: number; reset?: string }
  /** The newest rotation of its password of which the new one was used. */
  provedRotation?: string
  /** The newest rotation of which the new password may have gone to the station. */
  sentRotation?: string
  /** The newest rotation of which the new password never came to the station. */
  givenUpRotation?: string
  /** The newest that the site has signed for it, and that it took. */
  certificate?: StationCertificate
  /** Serial numbers of certificates that gave way to a newer one; the oldest is forgotten beyond MAX_SUPERSEDED. */
  superseded?: string[]
  ocpp?: OcppVersion
  boot?: Boot
  connectors: Connector[]
  /** Sessions that run, oldest first. */
  running: string[]
  /** Sessions that ended, oldest first: kept for late stops and resends. */
  ended: string[]
}

/** The connector with a register of its meter; the newest is kept, and when it was first above zero. */
export function withRegister(connector: Connector, milliWh: number, atMs: number): Connector {
  const { register, aboveZeroSinceMs } = connector
  const isNewest = register === undefined || register.atMs <= atMs
  const isFirst = milliWh > 0 && (aboveZeroSinceMs === undefined || atMs < aboveZeroSinceMs)
  if (!isNewest && !isFirst) return connector
  return {
    ...connector,
    ...(isNewest ? { register: { milliWh, atMs } } : {}),
    ...(isFirst ? { aboveZeroSinceMs: atMs } : {}),
  }
}

/** Highest number of an EVSE or connector in a message: the schemas of OCPP set no end to it, tables do. */
export const MAX_PLACE = 65_535

/** Highest number of an EVSE or connector: OCPP's integers have 31 bits. */
const LARGEST_NUMBER = 2 ** 31 - 1

/** Throws OcppFault for numbers that no EVSE or connector can have. */
export function assertPlace(evseId: number, connectorId: number): void {
  for (const number of [evseId, connectorId])
    if (number < 0 || number > LARGEST_NUMBER)
      throw new OcppFault('PropertyConstraintViolation', 'no EVSE and no connector has such a number')
}

export function newStation(stationId: string, approved: boolean, afterRemoval?: string): Station {
  const station = { stationId, approved, connectors: [], running: [], ended: [] }
  return afterRemoval === undefined ? station : { ...station, afterRemoval }
}

export function stationOf(state: StateReader, stationId: string): Station | undefined {
  return state.get<Station>(STATION_KIND, stationId)
}

export function connectorOf(station: Station, evseId: number, connectorId: number): Connector | undefined {
  return station.connectors.find((c) => c.evseId === evseId && c.connectorId === connectorId)
}

/** Whether `changeConnector` takes a connector that a message names somewhere within: it is known, or one that the station can have besides. */
export function hasRoomFor(
  state: StateReader,
  stationId: string,
  evseId: number,
  connectorId: number,
): boolean {
  const station = stationOf(state, stationId)
  if (station && connectorOf(station, evseId, connectorId)) return true
  const isPlace = [evseId, connectorId].every((number) => number >= 0 && number <= MAX_PLACE)
  return isPlace && (station?.connectors.length ?? 0) < MAX_CONNECTORS
}

/** Changes the station in the draft; a station that was never seen is not changed. */
export function changeStation(draft: Draft, stationId: string, change: (station: Station) => Station): void {
  const station = stationOf(draft, stationId)
  if (station) draft.put(STATION_KIND, stationId, change(station))
}

/** Changes one connector, which comes into being by its first mention. Throws OcppFault beyond MAX_CONNECTORS, and for numbers that none has. */
export function changeConnector(
  draft: Draft,
  stationId: string,
  evseId: number,
  connectorId: number,
  change: (connector: Connector) => Connector,
): void {
  assertPlace(evseId, connectorId)
  changeStation(draft, stationId, (station) => {
    const known = connectorOf(station, evseId, connectorId)
    if (!known && station.connectors.length >= MAX_CONNECTORS)
      throw new OcppFault(
        'PropertyConstraintViolation',
        `a station has at most ${MAX_CONNECTORS} connectors here`,
      )
    const changed = change(known ?? { evseId, connectorId })
    const connectors = known
      ? station.connectors.map((c) => (c === known ? changed : c))
      : [...station.connectors, changed].sort((a, b) => a.evseId - b.evseId || a.connectorId - b.connectorId)
    return { ...station, connectors }
  })
}
