/** Whether a site is heard from: last-heard with expiry, written in groups. Wills are only a hint, and not needed (decision 29). */

import { instant } from '@switchyard/protocol/instant.ts'
import { OFFLINE_AFTER_MS, PRESENCE_EXPIRY_MS } from '@switchyard/protocol/site/grant.ts'
import type { TransactionSql } from 'postgres'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { ServiceContext } from '../platform/service.ts'

/** How often what was heard is written, and sites that fell silent are looked for. */
export const PRESENCE_WRITE_MS = 1_000

export interface Presence {
  /** The lane in authority of this site said something. */
  heard(siteId: string): void
  /** Writes what was heard; sites that were offline are online again. */
  write(): Promise<void>
  /** Marks sites that have been silent for OFFLINE_AFTER_MS. */
  sweep(): Promise<void>
  /** Writes and sweeps on a timer. A start waits PRESENCE_EXPIRY_MS before it calls anybody silent: whom it cut off itself comes back until then. */
  start(): Loop
}

export function createPresence(context: ServiceContext): Presence {
  const { sql, clock, eventLog, log } = context
  const heardAt = new Map<string, number>()

  async function write(): Promise<void> {
    if (heardAt.size === 0) return
    const batch = [...heardAt]
    heardAt.clear()
    const returned = await sql.begin(async (tx) => {
      // In one order, so that two gateways cannot wait for each other.
      const sites = await tx<{ site_id: string; online: boolean }[]>`
        select site_id, online from site_gateway.site where site_id = any(${batch.map(([it]) => it)}::text[])
         order by site_id for update`
      await tx`
        update site_gateway.site s set last_heard_at = greatest(s.last_heard_at, h.at), online = true
          from unnest(${batch.map(([it]) => it)}::text[],
                      ${batch.map(([, at]) => instant(at))}::timestamptz[]) as h(site_id, at)
         where s.site_id = h.site_id`
      const back = sites.filter((it) => !it.online).map((it) => it.site_id)
      if (back.length > 0) await tellOnline(tx, back)
      return back.length
    })
    if (returned > 0) eventLog.wake()
  }

  async function tellOnline(tx: TransactionSql, siteIds: string[]): Promise<void> {
    const rows = await tx<
      { site_id: string; tenant_id: string; journal_id: string; epoch: number; controller_version: string }[]
    >`
      select s.site_id, s.tenant_id, l.journal_id, l.epoch, l.controller_version
        from site_gateway.site s join site_gateway.lane l on l.site_id = s.site_id and l.journal_id = s.journal_id
       where s.site_id = any(${siteIds}::text[])`
    for (const it of rows) {
      await eventLog.publish(tx, {
        tenantId: it.tenant_id,
        siteId: it.site_id,
        kind: 'site.online',
        at: instant(clock.now()),
        data: { journalId: it.journal_id, epoch: it.epoch, version: it.controller_version },
      })
    }
  }

  async function sweep(): Promise<void> {
    const silentSince = new Date(clock.now() - OFFLINE_AFTER_MS)
    const gone = await sql.begin(async (tx) => {
      const rows = await tx<{ site_id: string; tenant_id: string; last_heard_at: Date }[]>`
        update site_gateway.site set online = false
         where site_id in (select site_id from site_gateway.site
                            where online and last_heard_at < ${silentSince} order by site_id for update skip locked)
        returning site_id, tenant_id, last_heard_at`
      for (const it of rows) {
        await eventLog.publish(tx, {
          tenantId: it.tenant_id,
          siteId: it.site_id,
          kind: 'site.offline',
          at: instant(clock.now()),
          data: { lastHeardAt: instant(it.last_heard_at.getTime()) },
        })
      }
      return rows.length
    })
    if (gone > 0) eventLog.wake()
  }

  return {
    heard(siteId) {
      heardAt.set(siteId, clock.now())
    },
    write,
    sweep,
    start() {
      const startedMs = clock.mono()
      return createLoop({
        clock,
        log,
        name: 'presence',
        pollMs: PRESENCE_WRITE_MS,
        work: async () => {
          await write()
          if (clock.mono() - startedMs >= PRESENCE_EXPIRY_MS) await sweep()
          return false
        },
      })
    },
  }
}
