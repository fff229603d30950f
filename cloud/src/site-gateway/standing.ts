/** Where journals stand by which batches are judged: conversation, authority, what is held, and whether others may hold the same rows. */
import type { Batch } from '@switchyard/protocol/site/envelope.ts'
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import { type Member, STANDING_FOR_OTHERS } from '@switchyard/protocol/site/kin.ts'
import type { Sql, TransactionSql } from 'postgres'

export interface ReadItem {
  siteId: string
  batch: Batch
}

export interface Standing extends Member {
  tenantId: string
  /** Of the conversation that it is in, for addressing the answer. */
  epoch: number
  nonce: string
  authority: boolean
  lastId: string
  /** Changes with what it is judged by (log.standing). */
  n: number
  /** The journal at the root of its family. */
  root: string
  /** There are others in its family. */
  hasKin: boolean
}

interface Row {
  ord: number
  tenant_id: string
  epoch: number
  nonce: string
  authority: boolean
  last: number
  last_id: string
  n: number
  root: string
  base_ledger: number
  base_telemetry: number
  kin: boolean
}

/** One look for the whole group. A journal that never said hello has epoch -1: no batch of it can be taken. */
export async function standingsOf(
  sql: Sql | TransactionSql,
  items: readonly ReadItem[],
): Promise<(Standing | undefined)[]> {
  const rows = await sql<Row[]>`
    select w.ord::int as ord, s.tenant_id, coalesce(l.epoch, -1) as epoch, coalesce(l.nonce, '') as nonce,
           coalesce(s.journal_id = w.journal_id, false) as authority, coalesce(h.last, 0) as last,
           coalesce(h.last_id, '') as last_id, coalesce(t.n, 0) as n, coalesce(l.root_id, w.journal_id) as root,
           coalesce(l.root_ledger, 0) as base_ledger, coalesce(l.root_telemetry, 0) as base_telemetry,
           coalesce(l.kin, false) as kin
      from unnest(${items.map((it) => it.siteId)}::text[], ${items.map((it) => it.batch.journalId)}::text[],
                  ${items.map((it) => it.batch.stream)}::text[]) with ordinality as w(site_id, journal_id, stream, ord)
      join site_gateway.site s on s.site_id = w.site_id
      left join site_gateway.lane l on l.site_id = w.site_id and l.journal_id = w.journal_id
      left join log.standing t on t.site_id = w.site_id and t.journal_id = w.journal_id
      left join log.lane h on h.site_id = w.site_id and h.journal_id = w.journal_id and h.stream = w.stream`
  const standings: (Standing | undefined)[] = items.map(() => undefined)
  for (const it of rows) {
    standings[it.ord - 1] = {
      tenantId: it.tenant_id,
      epoch: it.epoch,
      nonce: it.nonce,
      authority: it.authority,
      base: items[it.ord - 1]?.batch.stream === 'ledger' ? it.base_ledger : it.base_telemetry,
      last: it.last,
      lastId: it.last_id,
      n: it.n,
      root: it.root,
      hasKin: it.kin,
    }
  }
  return standings
}

export interface Kin extends Member {
  journalId: string
  /** At the place of our newest row it has one, and that is another one. */
  haveParted: boolean
}

/** The others of a family, in one stream; rows that stand for others tell nothing (see kin.ts). */
export async function kinOf(
  sql: Sql | TransactionSql,
  siteId: string,
  journalId: string,
  stream: Stream,
  own: Standing,
): Promise<Kin[]> {
  const rows = await sql<{ journal_id: string; base: number; last: number; parted: boolean }[]>`
    select k.journal_id, k.base, coalesce(h.last, 0) as last,
           coalesce(mine.row_id <> theirs.row_id, false) as parted
      from (select l.journal_id, case when ${stream} = 'ledger' then l.root_ledger else l.root_telemetry end as base
              from site_gateway.lane l
             where l.site_id = ${siteId} and l.journal_id <> ${journalId}
               and coalesce(l.root_id, l.journal_id) = ${own.root}) as k
      left join log.lane h on h.site_id = ${siteId} and h.journal_id = k.journal_id and h.stream = ${stream}
      left join lateral (select row_id from log.entry
                          where site_id = ${siteId} and journal_id = ${journalId} and stream = ${stream}
                            and seq = ${own.last} and kind <> all(${[...STANDING_FOR_OTHERS]}::text[])) mine on true
      left join lateral (select row_id from log.entry
                          where site_id = ${siteId} and journal_id = k.journal_id and stream = ${stream}
                            and seq = ${own.base + own.last}::bigint - k.base
                            and kind <> all(${[...STANDING_FOR_OTHERS]}::text[])) theirs on true`
  return rows.map((it) => ({
    journalId: it.journal_id,
    base: it.base,
    last: it.last,
    haveParted: it.parted,
  }))
}
