/** The review queue: what billing holds opens an item, a decision or a bill settles it, and a newer hold opens it again. */
import type { TransactionSql } from 'postgres'
import { type BillVersion, billVersionOf, isOutdated } from '../platform/event-log/bill-version.ts'
import type { CloudFact } from '../platform/event-log/cloud-fact.ts'
import type { LogEntry, ReadEntry, Reading } from '../platform/event-log/entry.ts'
import { HeldRows } from '../platform/event-log/held-rows.ts'
import { insertSettlement } from './review-queries.ts'
import { REVIEW, type ReviewRow } from './review-row.ts'
import { timeOf } from './time-of.ts'

export type Reviewed = Extract<CloudFact, { kind: 'session.reviewed' }>['data']

export async function projectReviews(tx: TransactionSql, readings: readonly Reading[]): Promise<void> {
  const told = readings.flatMap(({ entry, read }) => {
    const version = billVersionOf(read)
    return version && read.sessionId !== undefined
      ? { entry, read, version, key: { session_id: read.sessionId } }
      : []
  })
  const reviews = await HeldRows.of<ReviewRow>(
    tx,
    REVIEW,
    told.map((it) => it.key),
  )
  for (const { entry, read, version, key } of told) {
    const row = reviews.get(key)
    const after = row ? reviewAfter(row, entry, read, version) : firstOf(entry, read, key.session_id)
    if (after !== undefined && after !== row) reviews.put(after)
    if (read.kind === 'session.reviewed') await keepDecision(tx, entry, read.data, key.session_id)
  }
  await reviews.write(tx)
}

/** Only what is held makes an item; most bills have none. */
function firstOf(entry: LogEntry, fact: ReadEntry, sessionId: string): ReviewRow | undefined {
  const { tenantId, siteId, stationId } = entry
  if (fact.kind !== 'session.held' || siteId === null || stationId === null) return undefined
  const { ended, origin, reasons, revision, settlement } = fact.data
  if (ended === undefined) return undefined
  return {
    session_id: sessionId,
    tenant_id: tenantId,
    site_id: siteId,
    station_id: stationId,
    status: 'open',
    revision,
    reasons,
    ended,
    origin: origin ?? null,
    opened_at: timeOf(fact.at, entry.receivedAt),
    settled_at: null,
    settlement,
    rank: 1,
  }
}

function reviewAfter(row: ReviewRow, entry: LogEntry, fact: ReadEntry, version: BillVersion): ReviewRow {
  if (row.tenant_id !== entry.tenantId || isOutdated(version, row)) return row
  const at = timeOf(fact.at, entry.receivedAt)
  if (fact.kind !== 'session.held') return { ...row, ...version, status: 'settled', settled_at: at }
  const { ended = row.ended, origin, reasons } = fact.data
  return {
    ...row,
    ...version,
    status: 'open',
    reasons,
    ended,
    origin: origin ?? (row.revision === version.revision ? row.origin : null),
    // Who waits since when: another reason does not begin the waiting anew.
    opened_at: row.status === 'open' ? row.opened_at : at,
    settled_at: null,
  }
}

/** Written by the route that took it; from the log again where these tables are made anew. */
async function keepDecision(
  tx: TransactionSql,
  entry: LogEntry,
  data: Reviewed,
  sessionId: string,
): Promise<void> {
  await insertSettlement(tx, { tenantId: entry.tenantId, sessionId, at: entry.receivedAt }, data)
}
