/** The event log of the cloud, asked directly: invariants I2 and I3, and whether everything that reads it has caught up. */
import type { Sql } from 'postgres'

interface Hole {
  from: number
  to: number
}

/** What is wrong with the log; empty when nothing is. */
export async function logFaults(sql: Sql): Promise<string[]> {
  const faults: string[] = []
  const positions = await sql<{ partition: number; rows: string; newest: string; head: string }[]>`
    select h.partition, count(e.position) as rows, coalesce(max(e.position), 0) as newest, h.position as head
      from log.head h left join log.entry e on e.partition = h.partition
     group by h.partition, h.position`
  for (const it of positions)
    if (it.rows !== it.head || it.newest !== it.head)
      faults.push(
        `log partition ${it.partition}: ${it.rows} rows up to ${it.newest}, its head says ${it.head}`,
      )
  const lanes = await sql<Lane[]>`
    select e.site_id, e.journal_id, e.stream, array_agg(e.seq::int order by e.seq) as seqs,
           array_agg(distinct e.row_id) as ids, l.last::int, l.last_id,
           (array_agg(e.row_id order by e.seq desc))[1] as newest_id,
           exists (select 1 from site_gateway.lane f
                    where f.site_id = e.site_id and f.journal_id = e.journal_id and f.forked_from is not null) as forked
      from log.entry e
      left join log.lane l on l.site_id = e.site_id and l.journal_id = e.journal_id and l.stream = e.stream
     where e.journal_id is not null group by e.site_id, e.journal_id, e.stream, l.last, l.last_id`
  for (const lane of lanes) faults.push(...laneFaults(lane, await holesOf(sql, lane)))
  const twice = await sql<{ site_id: string; row_id: string; journals: string[] }[]>`
    select site_id, row_id, array_agg(journal_id) as journals from log.entry
     where row_id is not null and kind not in ('stream.gap', 'stream.loss', 'stream.shared')
     group by site_id, row_id having count(*) > 1 limit 20`
  for (const it of twice)
    faults.push(`${it.site_id}: row ${it.row_id} stands in ${it.journals.join(' and ')}`)
  const poison = await sql<
    { site_id: string; reason: string }[]
  >`select site_id, reason from log.poison limit 20`
  for (const it of poison) faults.push(`${it.site_id}: poison: ${it.reason}`)
  const parked = await sql<{ consumer: string; park_key: string; reason: string }[]>`
    select consumer, park_key, reason from log.parked limit 20`
  for (const it of parked) faults.push(`${it.consumer} parked ${it.park_key}: ${it.reason}`)
  const unbilled = await sql<{ cdr_id: string }[]>`
    select cdr_id from billing.cdr c
     where not exists (select 1 from billing.invoice_line l where l.tenant_id = c.tenant_id and l.cdr_id = c.cdr_id)`
  for (const it of unbilled) faults.push(`CDR ${it.cdr_id} stands on no invoice`)
  return faults
}

export interface Lane {
  site_id: string
  journal_id: string
  stream: string
  /** Ascending. */
  seqs: number[]
  ids: string[]
  last: number | null
  last_id: string | null
  newest_id: string
  /** Goes on where another journal ended: rows before that are that one's. */
  forked: boolean
}

/** Seqs from 1 (a forked journal's from its first) without a hole that no fact tells of, each row once, and the lane's own record at its newest row. */
export function laneFaults(lane: Lane, holes: readonly Hole[]): string[] {
  const name = `${lane.site_id} ${lane.stream} of ${lane.journal_id}`
  const faults: string[] = []
  let expected = lane.forked ? (lane.seqs[0] ?? 1) : 1
  for (const seq of lane.seqs) {
    if (seq < expected) faults.push(`${name}: row ${seq} stands there twice`)
    else if (seq > expected && !holes.some((it) => it.from <= expected && it.to >= seq - 1))
      faults.push(`${name}: rows ${expected} to ${seq - 1} are missing`)
    expected = Math.max(expected, seq + 1)
  }
  if (lane.ids.length !== lane.seqs.length) faults.push(`${name}: a row id stands there twice`)
  if (lane.last !== lane.seqs.at(-1) || lane.last_id !== lane.newest_id)
    faults.push(`${name}: acknowledged up to ${lane.last}, the newest row is ${lane.seqs.at(-1)}`)
  return faults
}

/** What gap and loss facts, and rows that stand under a journal of the same family, tell to be missing in a stream; they name the stream where they stand in another. */
async function holesOf(sql: Sql, lane: Lane): Promise<Hole[]> {
  const rows = await sql<{ stream: string; text: string }[]>`
    select stream, convert_from(body, 'UTF8') as text from log.entry
     where site_id = ${lane.site_id} and journal_id = ${lane.journal_id} and kind in ('stream.gap', 'stream.loss', 'stream.shared')`
  return rows.flatMap(({ stream, text }) => {
    const { data } = JSON.parse(text) as { data: Hole & { stream?: string } }
    return (data.stream ?? stream) === lane.stream ? [{ from: data.from, to: data.to }] : []
  })
}

/** Why readers of the log are not at its head; undefined when they are. */
export async function behind(sql: Sql): Promise<string | undefined> {
  const [cursor] = await sql<{ consumer: string; partition: number; position: string; head: string }[]>`
    select c.consumer, c.partition, c.position, h.position as head
      from log.cursor c join log.head h using (partition) where c.position < h.position limit 1`
  if (cursor)
    return `${cursor.consumer} is at ${cursor.position} of ${cursor.head} in log partition ${cursor.partition}`
  const outboxes = await sql<{ table_schema: string }[]>`
    select table_schema from information_schema.tables where table_name = 'outbox'`
  for (const { table_schema } of outboxes) {
    const [first] = await sql.unsafe(`select n from ${table_schema}.outbox limit 1`)
    if (first) return `the outbox of ${table_schema} is not empty`
  }
  return undefined
}

/** The newest row that is held of a journal's stream; 0 when none is. */
export async function heldOf(sql: Sql, siteId: string, journalId: string, stream: string): Promise<number> {
  const [row] = await sql<{ last: string }[]>`
    select last from log.lane where site_id = ${siteId} and journal_id = ${journalId} and stream = ${stream}`
  return Number(row?.last ?? 0)
}
