/**
 * Who runs the controller of a direct site: one ocpp-gateway at a time. Times are Postgres' own, so that no two clocks have to
 * agree; what is safe rests on the epoch alone, which every commit of a journal checks.
 */
import type { Sql } from 'postgres'

/** A holder that has not renewed for so long is taken to be gone. */
export const LEASE_MS = 20_000
/** How often the holder renews. */
export const RENEW_MS = 5_000

export interface Lease {
  siteId: string
  tenantId: string
  epoch: number
}

export interface Leases {
  /** Takes the site's lease, whoever has it: the station is here. */
  take(siteId: string, tenantId: string): Promise<Lease>
  /** Those that are still ours. */
  renew(held: readonly Lease[]): Promise<Set<string>>
  /** Gives them up at once; one that is another's by now stays so. */
  release(held: readonly Lease[]): Promise<void>
  /** Takes over at most `max` sites of holders that are gone. */
  adopt(max: number): Promise<Lease[]>
}

/** `holder` tells in the table which process it is; it decides nothing. */
export function createLeases(sql: Sql, holder: string): Leases {
  const columns = (held: readonly Lease[]) =>
    sql`unnest(${held.map((it) => it.siteId)}::text[], ${held.map((it) => it.epoch)}::bigint[]) as h(site_id, epoch)`
  return {
    async take(siteId, tenantId) {
      const [row] = await sql<{ epoch: number }[]>`
        insert into ocpp_gateway.lease as l (site_id, holder, epoch, expires_at)
        values (${siteId}, ${holder}, 1, now() + ${LEASE_MS} * interval '1 ms')
        on conflict (site_id) do update
          set holder = excluded.holder, epoch = l.epoch + 1, expires_at = excluded.expires_at
        returning epoch`
      return { siteId, tenantId, epoch: row!.epoch }
    },
    async renew(held) {
      const rows = await sql<{ site_id: string }[]>`
        update ocpp_gateway.lease l set expires_at = now() + ${LEASE_MS} * interval '1 ms'
          from ${columns(held)} where l.site_id = h.site_id and l.epoch = h.epoch
        returning l.site_id`
      return new Set(rows.map((it) => it.site_id))
    },
    async release(held) {
      await sql`
        update ocpp_gateway.lease l set expires_at = now()
          from ${columns(held)} where l.site_id = h.site_id and l.epoch = h.epoch`
    },
    async adopt(max) {
      const rows = await sql<{ site_id: string; tenant_id: string; epoch: number }[]>`
        update ocpp_gateway.lease l
           set holder = ${holder}, epoch = l.epoch + 1, expires_at = now() + ${LEASE_MS} * interval '1 ms'
          from (select o.site_id, s.tenant_id from ocpp_gateway.lease o
                  join ocpp_gateway.site s on s.site_id = o.site_id
                 where o.expires_at < now() order by o.expires_at limit ${max} for update of o skip locked) gone
         where l.site_id = gone.site_id
        returning l.site_id, gone.tenant_id, l.epoch`
      return rows.map((it) => ({ siteId: it.site_id, tenantId: it.tenant_id, epoch: it.epoch }))
    },
  }
}
