/** What a central system can have a station do, in words that both OCPP versions share. */
import type { Connector } from './connector.ts'
import { compositeSchedule } from './limits/composite.ts'
import type { Profile } from './limits/profile.ts'
import type { Hardware, Until } from './limits/resolve.ts'
import type { Station } from './station.ts'

/** Handlers of a version's calls, by action; `M` is the version's table of messages. */
export type Handlers<M extends Record<string, { request: unknown; response: unknown }>> = {
  [A in keyof M]?: (
    station: Station,
    request: M[A]['request'],
  ) => { payload: M[A]['response'] & object; afterwards?: () => void }
}

/** Longest composite schedule, seconds: a week. */
const COMPOSITE_MAX_S = 7 * 86_400

export interface RemoteStart {
  idToken: string
  /** 2.0.1's type of it. */
  tokenType?: string
  /** Absent: the station chooses. */
  connectorId?: number
  remoteStartId?: number
  profile?: Profile
}

/** What to do once the answer is sent; undefined: refused (1.6 section 5.11; 2.0.1 use cases F01, F02). */
export function remoteStart(station: Station, start: RemoteStart): (() => void) | undefined {
  const { idToken, tokenType, connectorId, remoteStartId, profile } = start
  if (!station.registration.accepted || (profile && profile.purpose !== 'Tx')) return undefined
  const free = (it: Connector) => !it.session && !it.token && it.operative
  const candidates = station.connectors.filter(
    (it) => free(it) && (connectorId === undefined || it.id === connectorId),
  )
  const connector = candidates.find((it) => it.car) ?? candidates[0]
  if (!connector) return undefined
  const token = {
    idToken,
    ...(tokenType === undefined ? {} : { tokenType }),
    trigger: 'remote' as const,
    ...(remoteStartId === undefined ? {} : { remoteStartId }),
    ...(profile === undefined ? {} : { profile }),
  }
  return () => {
    if (!station.settings.values.authorizeRemote) {
      station.hold(connector, token)
      return
    }
    station.authorization.decide(idToken, tokenType).then((status) => {
      if (status === 'Accepted') station.hold(connector, token)
      else station.events.emit('fault', `remote start of ${idToken}: ${status}`)
    })
  }
}

/** What to do once the answer is sent; undefined: no such transaction runs (1.6 section 5.12; 2.0.1 use case F03). */
export function remoteStop(station: Station, transactionId: string): (() => void) | undefined {
  const connector = station.connectorOfTransaction(transactionId)
  return connector && (() => station.stop(connector, 'Remote'))
}

/** Installs a profile at a connector; returns why it is refused, if it is. The limit follows at once. */
export function installProfile(station: Station, connectorId: number, profile: Profile): string | undefined {
  const session = station.connectors[connectorId - 1]?.session
  const refusal = station.profiles.install(profile, {
    version: station.dialect.version,
    connectorId,
    connectorCount: station.connectors.length,
    ...(session
      ? {
          session: {
            sessionKey: session.key,
            startedAtMs: session.startedAtMs,
            transactionId: station.transactionId(session),
          },
        }
      : {}),
  })
  if (refusal) station.events.emit('fault', `charging profile ${profile.id} is refused: ${refusal}`)
  else station.limitsChanged()
  return refusal
}

export interface AvailabilityOutcome {
  status: 'Accepted' | 'Rejected' | 'Scheduled'
  afterwards: () => void
}

/** Connector 0 is all of them; a running session goes on, and what was asked comes after it (1.6 section 5.2; 2.0.1 G03, G04). */
export function changeAvailability(
  station: Station,
  connectorId: number,
  operative: boolean,
): AvailabilityOutcome {
  const concerned = station.connectors.filter((it) => connectorId === 0 || it.id === connectorId)
  if (concerned.length === 0) return { status: 'Rejected', afterwards: () => {} }
  for (const connector of concerned) {
    if (connector.session) connector.operativeAfterwards = operative
    else {
      connector.operative = operative
      connector.operativeAfterwards = undefined
    }
  }
  return {
    status: !operative && concerned.some((it) => it.session) ? 'Scheduled' : 'Accepted',
    afterwards: () => {
      station.save()
      if (connectorId === 0) station.statuses.tellStation()
      for (const connector of concerned) station.statuses.tell(connector)
    },
  }
}

/** The composite schedule of a connector, or of the station's connectors together (0); undefined where there is none. */
export function compositeOf(station: Station, connectorId: number, durationS: number, unit: 'A' | 'W') {
  const connectors = station.connectors.filter((it) => connectorId === 0 || it.id === connectorId)
  if (connectors.length === 0 || durationS < 1 || durationS > COMPOSITE_MAX_S) return undefined
  const fromMs = station.nowMs()
  const offerAt = (atMs: number): Until<Hardware> => {
    const offers = connectors.map((connector) => station.sessions.offerAt(connector, atMs))
    return {
      value: {
        currentMa: offers.reduce((sum, { value }) => sum + value.currentMa, 0),
        phases: Math.max(...offers.map(({ value }) => value.phases)),
      },
      untilMs: Math.min(...offers.map(({ untilMs }) => untilMs)),
    }
  }
  return { fromMs, ...compositeSchedule(offerAt, fromMs, durationS, unit) }
}

/** Meter values on request: of the session, or of the idle connector. */
export function triggerMeterValues(station: Station, connector: Connector): void {
  const measurands = station.settings.values.sampledMeasurands
  station.sessions.tick()
  if (connector.session && station.dialect.version === '1.6') {
    station.sessions.sample(connector, 'Trigger', measurands)
    return
  }
  const readings = station.sessions.read(connector, measurands)
  if (readings.length === 0) return
  station.tell(station.dialect.meter(connector.id, 'Trigger', readings, station.nowMs()))
}
