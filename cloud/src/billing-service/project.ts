/** Projection `billing`: sessions that ended, and what is needed to bill them. */
import { endedByStop, hasEnergy, sessionIdOfStop } from '@switchyard/protocol/billing/unmatched.ts'
import type { TransactionSql } from 'postgres'
import type { LogEntry, Projection, Reading } from '../platform/event-log/entry.ts'
import type { EventLog } from '../platform/event-log/event-log.ts'
import { storable } from '../platform/event-log/storable.ts'
import { billSession } from './bill-session.ts'
import { decideSession } from './decide-session.ts'
import { sideBySide } from './side-by-side.ts'
import { keepSigned } from './signed-values.ts'
import { assign } from './tariffs.ts'
import { markSite } from './tariffs-document.ts'
import { takeTokens } from './tokens.ts'

export const CONSUMER = 'billing'

export function billingProjection(eventLog: EventLog, now: () => Date): Projection {
  return {
    consumer: CONSUMER,
    kinds: [
      'session.ended',
      'session.forgotten',
      'session.stop-unmatched',
      'session.signed',
      'session.reviewed',
      'site.registered',
      'site.policy',
      'token.changed',
      'station.tariff-assigned',
    ],
    atOnce: 2,
    async apply(tx, readings) {
      for (const run of runsOf(readings)) {
        const sort = sortOf(run[0] as Reading)
        if (sort === 'tokens') await takeTokens(tx, run)
        else if (sort === 'ends')
          await sideBySide(run, stationOf, (reading) => takeOne(tx, eventLog, reading, now))
        else for (const reading of run) await takeOne(tx, eventLog, reading, now)
      }
    },
    committed: () => eventLog.wake(),
  }
}

const ENDS: ReadonlySet<string> = new Set(['session.ended', 'session.forgotten', 'session.stop-unmatched'])

/** Tokens come by thousands. Sessions that ended know of each other only where they had the same connector. All else is taken in its turn. */
function sortOf({ read }: Reading): 'tokens' | 'ends' | 'other' {
  if (read.kind === 'token.changed') return 'tokens'
  return ENDS.has(read.kind) ? 'ends' : 'other'
}

function stationOf({ entry: { tenantId, stationId } }: Reading): string {
  return JSON.stringify([tenantId, stationId])
}

/** Neighbours of the same sort, in their order. */
function* runsOf(readings: readonly Reading[]): Generator<Reading[]> {
  let run: Reading[] = []
  for (const reading of readings) {
    if (run[0] && sortOf(run[0]) !== sortOf(reading)) {
      yield run
      run = []
    }
    run.push(reading)
  }
  if (run.length > 0) yield run
}

async function takeOne(
  tx: TransactionSql,
  eventLog: EventLog,
  { entry, read }: Reading,
  now: () => Date,
): Promise<void> {
  // Before anything that a column cannot hold is taken out of it.
  if (read.kind === 'session.signed') return await keepSigned(tx, entry, read.data)
  const fact = storable(read)
  const { tenantId, siteId, stationId, sessionId, trace, journal } = entry
  const origin = journal ? { origin: placeOf(journal) } : {}
  switch (fact.kind) {
    case 'session.ended':
    case 'session.forgotten':
      if (siteId === null || stationId === null || sessionId === null) return
      await billSession(
        tx,
        eventLog,
        { tenantId, siteId, stationId, sessionId, trace, data: fact.data, ...origin },
        now(),
      )
      return
    case 'session.stop-unmatched': {
      if (siteId === null || stationId === null || !hasEnergy(fact.data)) return
      const unmatched = sessionIdOfStop(siteId, stationId, fact.data)
      const session = { tenantId, siteId, stationId, sessionId: unmatched, trace }
      await billSession(tx, eventLog, { ...session, data: endedByStop(fact.data), ...origin }, now())
      return
    }
    case 'session.reviewed': {
      if (siteId === null || stationId === null || sessionId === null) return
      const session = { tenantId, siteId, stationId, sessionId, trace }
      await decideSession(tx, eventLog, session, fact.data, now())
      return
    }
    case 'site.policy':
      await tx`
        update billing.site set bills_unidentified = ${fact.data.unidentifiedEnergy === 'bill'}
         where site_id = ${siteId} and tenant_id = ${tenantId}`
      return
    case 'site.registered':
      if (siteId === null) return
      await tx`
        insert into billing.site (site_id, tenant_id, time_zone) values (${siteId}, ${tenantId}, ${fact.data.timeZone})
        on conflict (site_id) do nothing`
      await markSite(tx, tenantId, siteId)
      return
    case 'station.tariff-assigned':
      if (siteId === null || stationId === null) return
      await assign(tx, {
        tenantId,
        scope: 'station',
        scopeId: stationId,
        siteId,
        tariffId: fact.data.tariffId,
        validFrom: new Date(fact.at),
        source: `${entry.partition}.${entry.position}`,
      })
      await markSite(tx, tenantId, siteId)
      return
    default:
      return
  }
}

function placeOf({ journalId, stream, seq }: NonNullable<LogEntry['journal']>) {
  return { journalId, stream, seq }
}
