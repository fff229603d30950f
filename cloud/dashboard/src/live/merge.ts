/**
 * Facts and live picture together. The rule: facts stand; a picture adds what it knows beyond them and never overrides a
 * newer fact. What is on a connector (structure) is taken from the picture only if the picture knows at least the facts that
 * the resource shows; a reading (power, energy) is the one with the later time, as long as the facts say the session runs.
 */
import type { Session, Site, StreamLive } from '@switchyard/protocol/api/shapes.ts'
import type { Station } from '@switchyard/protocol/api/stations.ts'
import { milliWhOf } from '../format/energy.ts'
import { epochOf } from '../format/time.ts'
import type { ReceivedPicture } from './live-store.ts'

/** A picture that was not renewed for this long says nothing about now: the protocol's PRESENCE_EXPIRY_MS. */
export const PICTURE_EXPIRY_MS = 30_000
/** Power that was read longer ago than this is shown as last known, with its age, and not as the power of now. */
export const READING_FRESH_MS = 120_000

export interface Reading {
  milliWh: number | null
  powerW: number | null
  currentMa: number[] | null
  socPercent: number | null
  readAt: string | null
}

export interface SessionView extends Reading {
  sessionId: string
  startedAt: string
  /** As the site names it: Charging, SuspendedEV, ... */
  chargingState: string | null
  /** What load control allows now, mA per phase. */
  limitMa: number | null
  idToken: string | null
  /** The reading is recent enough to be called the present one. */
  current: boolean
  /** The site no longer has it on a connector; the fact that ends it is on its way. */
  finishing: boolean
}

export interface ConnectorView {
  evseId: number
  connectorId: number
  status: string
  detail: string | null
  errorCode: string | null
  since: string | null
  session: SessionView | null
}

export interface StationView {
  station: Station
  connected: boolean
  connectors: ConnectorView[]
  /** The site is not heard from: everything here is as it was last told. */
  stale: boolean
  /** Whether the live picture was taken for what is on the connectors. */
  live: boolean
}

/** Whether the picture may say what is on the connectors of a resource that shows facts up to `resourceSeq`. */
export function pictureHolds(
  site: Site | undefined,
  resourceSeq: number,
  received: ReceivedPicture | undefined,
  nowMs: number,
): received is ReceivedPicture {
  if (!site?.online || !received) return false
  if (nowMs - received.receivedMs > PICTURE_EXPIRY_MS) return false
  if (site.journal && site.journal.journalId !== received.picture.journalId) return false
  return received.picture.ledgerSeq >= resourceSeq
}

/**
 * Rows that the site has and the cloud not yet: the newer of what the picture and the resource say. Ledger rows that have
 * arrived since the picture was taken are not counted, so that a picture does not call behind what is here.
 */
export function rowsBehind(site: Site, picture: StreamLive | undefined): Site['backlog'] {
  if (!picture) return site.backlog
  const { ledger, telemetry } = picture.backlog
  const notHere = Math.max(0, picture.ledgerSeq - (site.journal?.ledgerSeq ?? 0))
  return { ledger: Math.min(ledger, notHere), telemetry }
}

type PictureStation = StreamLive['stations'][number]
type PictureSession = NonNullable<PictureStation['connectors'][number]['session']>

function pictureStation(
  received: ReceivedPicture | undefined,
  stationId: string,
): PictureStation | undefined {
  return received?.picture.stations.find((station) => station.stationId === stationId)
}

function pictureSession(received: ReceivedPicture | undefined, session: Session): PictureSession | undefined {
  return pictureStation(received, session.stationId)?.connectors.find(
    (connector) => connector.session?.sessionId === session.sessionId,
  )?.session
}

function factReading(session: Session): Reading {
  return {
    milliWh: session.energyWh === null ? null : milliWhOf(session.energyWh),
    powerW: session.powerW,
    currentMa: session.currentMa,
    socPercent: session.socPercent,
    readAt: session.readAt,
  }
}

function liveReading(session: PictureSession): Reading {
  return {
    milliWh: session.energyMilliWh ?? null,
    powerW: session.powerW ?? null,
    currentMa: session.currentMa ?? null,
    socPercent: session.socPercent ?? null,
    readAt: session.readAt ?? null,
  }
}

/** The later of the two; what it lacks is taken from the other, except power, which belongs to its moment. */
function newerReading(fact: Reading, live: Reading): Reading {
  const factMs = epochOf(fact.readAt) ?? Number.NEGATIVE_INFINITY
  const liveMs = epochOf(live.readAt) ?? Number.NEGATIVE_INFINITY
  const [newer, older] = liveMs >= factMs ? [live, fact] : [fact, live]
  return {
    milliWh: newer.milliWh ?? older.milliWh,
    powerW: newer.powerW,
    currentMa: newer.currentMa,
    socPercent: newer.socPercent ?? older.socPercent,
    readAt: newer.readAt ?? older.readAt,
  }
}

function isCurrent(readAt: string | null, site: Site | undefined, nowMs: number): boolean {
  const readMs = epochOf(readAt)
  return site?.online === true && readMs !== undefined && nowMs - readMs <= READING_FRESH_MS
}

/** A session resource with what the picture adds. One that has ended is never changed by a picture. */
export function mergeSession(
  session: Session,
  site: Site | undefined,
  received: ReceivedPicture | undefined,
  nowMs: number,
): SessionView {
  const fact = factReading(session)
  const shown: SessionView = {
    ...fact,
    sessionId: session.sessionId,
    startedAt: session.startedAt,
    chargingState: null,
    limitMa: null,
    idToken: session.idToken?.value ?? null,
    current: false,
    finishing: false,
  }
  if (session.status !== 'running') return shown
  const inPicture = pictureSession(received, session)
  const reading = inPicture ? newerReading(fact, liveReading(inPicture)) : fact
  const structural = pictureHolds(site, session.ledgerSeq, received, nowMs)
  return {
    ...shown,
    ...reading,
    chargingState: (structural && inPicture?.chargingState) || null,
    limitMa: (structural ? inPicture?.limitMa : undefined) ?? null,
    current: isCurrent(reading.readAt, site, nowMs),
    finishing: structural && !inPicture && pictureStation(received, session.stationId) !== undefined,
  }
}

/** EVSE 0 is the station as a whole (OCPP): it is a line of its own only when it says that something is wrong. */
function isShown(connector: ConnectorView): boolean {
  return connector.evseId > 0 || connector.status === 'Faulted' || connector.status === 'Unavailable'
}

/** A station resource with its running sessions and what the picture adds. */
export function mergeStation(
  station: Station,
  runningSessions: readonly Session[],
  site: Site | undefined,
  received: ReceivedPicture | undefined,
  nowMs: number,
): StationView {
  const stale = site !== undefined && !site.online
  const known = new Map(runningSessions.map((session) => [session.sessionId, session]))
  const inPicture = pictureHolds(site, station.ledgerSeq, received, nowMs)
    ? pictureStation(received, station.stationId)
    : undefined
  const ofFacts = station.evses.flatMap((evse) =>
    evse.connectors.map((connector): ConnectorView => {
      const session = evse.sessionId === null ? undefined : known.get(evse.sessionId)
      const here = session && (session.connectorId === connector.connectorId || evse.connectors.length === 1)
      return {
        ...connector,
        evseId: evse.evseId,
        session: here ? mergeSession(session, site, received, nowMs) : null,
      }
    }),
  )
  if (!inPicture) {
    return { station, connected: station.connected, connectors: ofFacts.filter(isShown), stale, live: false }
  }
  const connectors = inPicture.connectors.map((connector): ConnectorView => {
    const fact = ofFacts.find(
      (of) => of.evseId === connector.evseId && of.connectorId === connector.connectorId,
    )
    const same = fact?.status === connector.status && (fact.detail ?? null) === (connector.detail ?? null)
    return {
      evseId: connector.evseId,
      connectorId: connector.connectorId,
      status: connector.status,
      detail: connector.detail ?? null,
      errorCode: same ? fact.errorCode : null,
      since: same ? fact.since : null,
      session: connector.session
        ? liveSessionView(connector.session, known.get(connector.session.sessionId), site, received, nowMs)
        : null,
    }
  })
  const named = new Set(connectors.map((connector) => `${connector.evseId}/${connector.connectorId}`))
  const rest = ofFacts.filter((connector) => !named.has(`${connector.evseId}/${connector.connectorId}`))
  return {
    station,
    connected: inPicture.connected,
    connectors: [...connectors, ...rest].filter(isShown),
    stale,
    live: true,
  }
}

/** A session that the picture shows; its facts may not be here yet. */
function liveSessionView(
  live: PictureSession,
  fact: Session | undefined,
  site: Site | undefined,
  received: ReceivedPicture | undefined,
  nowMs: number,
): SessionView {
  if (fact?.status === 'running') {
    const merged = mergeSession(fact, site, received, nowMs)
    return {
      ...merged,
      chargingState: live.chargingState ?? merged.chargingState,
      limitMa: live.limitMa ?? merged.limitMa,
    }
  }
  return {
    ...liveReading(live),
    sessionId: live.sessionId,
    startedAt: live.startedAt,
    chargingState: live.chargingState ?? null,
    limitMa: live.limitMa ?? null,
    idToken: live.idToken ?? null,
    current: isCurrent(live.readAt ?? null, site, nowMs),
    finishing: false,
  }
}
