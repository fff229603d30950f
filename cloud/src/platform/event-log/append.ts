/** Appends rows of sites' journals to one log partition: one function call, one statement, one commit. */
import { readFact } from '@switchyard/protocol/site/fact.ts'
import type { Sql, TransactionSql } from 'postgres'
import type { AppendResult, LaneAppend } from './event-log.ts'
import { encodable, sanitised, UNREADABLE } from './rows.ts'

/** Longest text of an extracted column; the whole is in the body. */
const MAX_COLUMN_CHARS = 255

export async function appendLanes(
  sql: Sql | TransactionSql,
  partition: number,
  lanes: LaneAppend[],
): Promise<AppendResult[]> {
  if (lanes.length === 0) return []
  refuseTwice(lanes)
  const rows = columns()
  lanes.forEach((lane, index) => {
    for (const row of lane.rows) addRow(rows, index + 1, row)
  })
  const results = await sql<{ lane_no: number; appended: boolean; last: number; last_id: string }[]>`
    select * from log.append(
      ${partition}::smallint,
      ${lanes.map((it) => it.tenantId)}::text[], ${lanes.map((it) => it.siteId)}::text[],
      ${lanes.map((it) => it.journalId)}::text[], ${lanes.map((it) => it.stream)}::text[],
      ${lanes.map((it) => it.after)}::bigint[], ${lanes.map((it) => String(it.authority))}::text[]::boolean[],
      ${lanes.map((it) => it.trace ?? null)}::text[], ${lanes.map((it) => it.standing ?? null)}::bigint[],
      ${rows.lane}::int[], ${rows.seq}::bigint[], ${rows.rowId}::text[], ${rows.kind}::text[],
      ${rows.station}::text[], ${rows.session}::text[], ${rows.poison}::text[],
      ${rows.start}::int[], ${rows.length}::int[], ${blobOf(sql, rows.bodies)})`
  return results.map((it) =>
    it.appended
      ? {
          appended: true,
          last: it.last,
          lastId: it.last_id,
          unreadable: rows.poison.filter((poison, i) => poison !== null && rows.lane[i] === it.lane_no)
            .length,
        }
      : { appended: false, stale: true as const },
  )
}

/** Column by column, as the function takes them. */
function columns() {
  return {
    lane: [] as number[],
    seq: [] as number[],
    rowId: [] as string[],
    kind: [] as string[],
    station: [] as (string | null)[],
    session: [] as (string | null)[],
    poison: [] as (string | null)[],
    start: [] as number[],
    length: [] as number[],
    bodies: [] as string[],
    end: 0,
  }
}

function addRow(
  into: ReturnType<typeof columns>,
  lane: number,
  row: { seq: number; id: string; fact: string },
): void {
  const body = encodable(row.fact)
  const bytes = Buffer.byteLength(body, 'utf8')
  const read = readFact(row.fact)
  into.lane.push(lane)
  into.seq.push(row.seq)
  into.rowId.push(row.id)
  into.kind.push(read.ok ? column(read.fact.kind) : UNREADABLE)
  into.station.push(read.ok && read.fact.stationId !== undefined ? column(read.fact.stationId) : null)
  into.session.push(read.ok && read.fact.sessionId !== undefined ? column(read.fact.sessionId) : null)
  into.poison.push(read.ok ? null : column(read.reason))
  into.start.push(into.end)
  into.length.push(bytes)
  into.bodies.push(body)
  into.end += bytes
}

/** Bytes end to end. As text they are half as long on their way as in hex, but text takes no NUL. */
function blobOf(sql: Sql | TransactionSql, bodies: readonly string[]) {
  const text = bodies.join('')
  return text.includes('\0') ? sql`${Buffer.from(text, 'utf8')}::bytea` : sql`convert_to(${text}, 'UTF8')`
}

function column(text: string): string {
  return sanitised(text.slice(0, MAX_COLUMN_CHARS))
}

/** Two pieces of one lane in one statement would both see the same last seq. */
function refuseTwice(lanes: LaneAppend[]): void {
  const seen = new Set<string>()
  for (const { siteId, journalId, stream } of lanes) {
    const key = JSON.stringify([siteId, journalId, stream])
    if (seen.has(key)) throw new Error(`one append has the lane ${key} twice`)
    seen.add(key)
  }
}
