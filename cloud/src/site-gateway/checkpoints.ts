/** Rows that the cloud tells a site whose history has parted from what is held, so that it finds where. */
import type { Hello, Welcome } from '@switchyard/protocol/site/envelope.ts'
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import { spacedBelow, spacedWithin } from '@switchyard/protocol/site/fork.ts'
import type { Sql } from 'postgres'

type Checkpoints = NonNullable<Welcome['checkpoints']>

/** Inside the bounds that the site asks for; without bounds of each stream, from its newest row that both may have. */
export async function checkpointsOf(
  sql: Sql,
  siteId: string,
  { journalId, heads, probe }: Hello,
  expected: Welcome['expected'],
): Promise<Checkpoints> {
  const all: Checkpoints = []
  for (const stream of STREAMS) {
    const asked = probe?.[stream]
    if (!asked && (probe?.ledger || probe?.telemetry)) continue
    const bounds = asked && { ...asked, differs: Math.min(asked.differs, expected[stream].seq + 1) }
    const seqs = bounds
      ? spacedWithin(bounds)
      : spacedBelow(Math.min(heads[stream].seq, expected[stream].seq))
    all.push(...(await rowsAt(sql, siteId, journalId, stream, seqs, bounds?.shared ?? 0)))
  }
  return all
}

/** The row at each seq, or the nearest before it where one row stands for several; none at or below `above`. */
async function rowsAt(
  sql: Sql,
  siteId: string,
  journalId: string,
  stream: Stream,
  seqs: number[],
  above: number,
): Promise<Checkpoints> {
  if (seqs.length === 0) return []
  const rows = await sql<{ seq: number; row_id: string }[]>`
    select distinct e.seq, e.row_id from unnest(${seqs}::bigint[]) as wanted(seq)
     cross join lateral (
       select seq, row_id from log.entry
        where site_id = ${siteId} and journal_id = ${journalId} and stream = ${stream}
          and seq <= wanted.seq and seq > ${above}
        order by seq desc limit 1) as e
     order by e.seq desc`
  return rows.map((it) => ({ stream, seq: it.seq, rowId: it.row_id }))
}
