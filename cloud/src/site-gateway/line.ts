/**
 * How much is held of the journals before a fork: of a cloud that was restored that may be less than the fork counts on, or another box's,
 * which came first since.
 */
import type { Hello, Welcome } from '@switchyard/protocol/site/envelope.ts'
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import { heldOfLine, lineOf, STANDING_FOR_OTHERS } from '@switchyard/protocol/site/kin.ts'
import type { Sql } from 'postgres'

interface LaneRow {
  journalId: string
  forkedFrom: string | null
  base_ledger: number
  base_telemetry: number
  last_ledger: number
  last_telemetry: number
}

/** Undefined where the site tells of no family. */
export async function heldOfFamily(sql: Sql, siteId: string, hello: Hello): Promise<Welcome['root']> {
  const { root } = hello
  if (!root || (root.ledger === 0 && root.telemetry === 0)) return undefined
  const line = lineOf(await familyOf(sql, siteId, root.journalId), hello.forkedFrom, root.journalId)
  const held = { ledger: { seq: 0, rowId: '' }, telemetry: { seq: 0, rowId: '' } }
  for (const stream of STREAMS) {
    const members = line.map((it) => ({ base: it[`base_${stream}`], last: it[`last_${stream}`] }))
    const { place, by } = heldOfLine(members, root[stream])
    const seq = place - (members[by]?.base ?? 0)
    const rowId = seq > 0 ? await idOf(sql, siteId, line[by]!.journalId, stream, seq) : ''
    held[stream] = { seq: place, rowId }
  }
  return held
}

async function familyOf(sql: Sql, siteId: string, rootId: string): Promise<LaneRow[]> {
  return await sql<LaneRow[]>`
    select l.journal_id as "journalId", l.forked_from as "forkedFrom",
           l.root_ledger::int as base_ledger, l.root_telemetry::int as base_telemetry,
           coalesce(h.last, 0)::int as last_ledger, coalesce(t.last, 0)::int as last_telemetry
      from site_gateway.lane l
      left join log.lane h on h.site_id = l.site_id and h.journal_id = l.journal_id and h.stream = 'ledger'
      left join log.lane t on t.site_id = l.site_id and t.journal_id = l.journal_id and t.stream = 'telemetry'
     where l.site_id = ${siteId} and coalesce(l.root_id, l.journal_id) = ${rootId}`
}

async function idOf(
  sql: Sql,
  siteId: string,
  journalId: string,
  stream: Stream,
  seq: number,
): Promise<string> {
  const [row] = await sql<{ row_id: string }[]>`
    select row_id from log.entry
     where site_id = ${siteId} and journal_id = ${journalId} and stream = ${stream} and seq = ${seq}
       and kind <> all(${[...STANDING_FOR_OTHERS]}::text[])`
  return row?.row_id ?? ''
}
