/** Projection `billing`: sessions that ended, and what is needed to bill them. */
import { oneByOne, type Projection } from '../platform/event-log/entry.ts'
import type { EventLog } from '../platform/event-log/event-log.ts'
import { storable } from '../platform/event-log/storable.ts'
import { billSession } from './bill-session.ts'
import { assign } from './tariffs.ts'
import { markSite } from './tariffs-document.ts'

export const CONSUMER = 'billing'

export function billingProjection(eventLog: EventLog, now: () => Date): Projection {
  return {
    consumer: CONSUMER,
    kinds: ['session.ended', 'site.registered', 'token.changed', 'station.tariff-assigned'],
    apply: oneByOne(async (tx, entry, read) => {
      const fact = storable(read)
      const { tenantId, siteId, stationId, sessionId, trace } = entry
      switch (fact.kind) {
        case 'session.ended':
          if (siteId === null || stationId === null || sessionId === null) return
          await billSession(
            tx,
            eventLog,
            { tenantId, siteId, stationId, sessionId, trace, data: fact.data },
            now(),
          )
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
