/** Sites that a consumer leaves alone after a fact it could not take, until they are replayed. */
import type { TransactionSql } from 'postgres'
import type { LogEntry } from './entry.ts'

export interface Parked {
  consumer: string
  parkKey: string
  partition: number
  /** First position that was not taken. */
  position: number
  tenantId: string
  siteId: string | null
  reason: string
}

/** Longest reason kept, characters. */
const MAX_REASON_CHARS = 2_000

/** A site is parked as a whole, because later facts of it may build on the one that failed. */
export function parkKey(entry: Pick<LogEntry, 'siteId' | 'tenantId'>): string {
  return entry.siteId === null ? `tenant:${entry.tenantId}` : `site:${entry.siteId}`
}

export async function parkedKeys(
  tx: TransactionSql,
  consumer: string,
  partition: number,
): Promise<Set<string>> {
  const rows = await tx<{ park_key: string }[]>`
    select park_key from log.parked where consumer = ${consumer} and partition = ${partition}`
  return new Set(rows.map((it) => it.park_key))
}

export async function park(
  tx: TransactionSql,
  consumer: string,
  entry: LogEntry,
  reason: string,
): Promise<Parked> {
  const parked: Parked = {
    consumer,
    parkKey: parkKey(entry),
    partition: entry.partition,
    position: entry.position,
    tenantId: entry.tenantId,
    siteId: entry.siteId,
    reason: reason.slice(0, MAX_REASON_CHARS).replaceAll('\0', ''),
  }
  await tx`insert into log.parked (consumer, park_key, partition, position, received_at, tenant_id, site_id, reason)
    values (${consumer}, ${parked.parkKey}, ${entry.partition}, ${entry.position}, ${entry.receivedAt},
            ${entry.tenantId}, ${entry.siteId}, ${parked.reason})
    on conflict (consumer, park_key) do update set reason = excluded.reason, position = excluded.position,
      received_at = excluded.received_at`
  return parked
}
