/** Projection `billing`: sessions that ended, and what is needed to bill them. */
import { endedByStop, hasEnergy, sessionIdOfStop } from '@switchyard/protocol/billing/unmatched.ts'
import { type LogEntry, oneByOne, type Projection } from '../platform/event-log/entry.ts'
import type { EventLog } from '../platform/event-log/event-log.ts'
import { storable } from '../platform/event-log/storable.ts'
import { billSession } from './bill-session.ts'
import { decideSession } from './decide-session.ts'
import { assign } from './tariffs.ts'
import { markSite } from './tariffs-document.ts'

export const CONSUMER = 'billing'

export function billingProjection(eventLog: EventLog, now: () => Date): Projection {
  return {
    consumer: CONSUMER,
    kinds: [
      'session.ended',
      'session.stop-unmatched',
      'session.reviewed',
      'site.registered',
      'site.policy',
      'token.changed',
      'station.tariff-assigned',
    ],
    apply: oneByOne(async (tx, entry, read) => {
      const fact = storable(read)
      const { tenantId, siteId, stationId, sessionId, trace, journal } = entry
      const origin = journal ? { origin: placeOf(journal) } : {}
      switch (fact.kind) {
        case 'session.ended':
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
        case 'token.changed': {
          const { idToken, type, driverId } = fact.data
          await tx`
            insert into billing.token as t (tenant_id, id_token_key, type, driver_id, position)
            values (${tenantId}, upper(${idToken}), ${type}, ${driverId}, ${entry.position})
            on conflict (tenant_id, id_token_key, type) do update set
              driver_id = excluded.driver_id, position = excluded.position
            where t.position < excluded.position`
          return
        }
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
    }),
    committed: () => eventLog.wake(),
  }
}

function placeOf({ journalId, stream, seq }: NonNullable<LogEntry['journal']>) {
  return { journalId, stream, seq }
}
