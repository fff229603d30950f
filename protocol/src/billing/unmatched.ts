/**
 * A stop for a transaction that nobody knows, with energy on it, is a session of which only the end is known: it goes to review
 * like any other, under an id that comes from what was told, so that a stop sent twice is one session.
 */
import type { FactData } from '../site/fact.ts'
import type { Ended } from './settle.ts'

type Stop = FactData<'session.stop-unmatched'>

/** No energy can have flowed where the meter stands at zero. */
export function hasEnergy({ registerMilliWh }: Stop): boolean {
  return registerMilliWh !== 0
}

/** Nobody mints ids with this beginning. */
export function sessionIdOfStop(
  siteId: string,
  stationId: string,
  { transactionId, at, registerMilliWh }: Stop,
): string {
  return ['stop', siteId, stationId, transactionId, at, registerMilliWh ?? 'none'].join('~')
}

/** EVSE 0 is the station as a whole: the stop does not say where. */
export function endedByStop(stop: Stop): Ended {
  return {
    evseId: 0,
    connectorId: 0,
    revision: 1,
    startedAt: stop.at,
    endedAt: stop.at,
    durationMs: 0,
    ...(stop.registerMilliWh === undefined ? {} : { endRegisterMilliWh: stop.registerMilliWh }),
    ...(stop.idToken === undefined ? {} : { idToken: stop.idToken }),
    authorization: 'None',
    reason: stop.reason ?? 'Local',
    presumed: false,
    review: ['unknown-start', 'register-missing'],
    profile: [],
    transactionId: stop.transactionId,
  }
}
