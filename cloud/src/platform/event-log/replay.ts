/** Takes up a parked site again: everything from the fact that failed up to where the consumer stands, then it is as if nothing had been. */
import type { TransactionSql } from 'postgres'
import { applyAll, CONSUME_BATCH, type ConsumeOptions, tellCommitted } from './consume.ts'
import type { LogEntry } from './entry.ts'
import { type EntryRow, entryOf } from './rows.ts'

export interface Replayed {
  /** Entries that were applied. */
  applied: number
  /** Why it is parked again; undefined when it is not. */
  parkedAgain: string | undefined
}

/** Undefined when the key (`site:<siteId>` or `tenant:<tenantId>`) is not parked for this consumer. */
export async function replayParked(options: ConsumeOptions, parkKey: string): Promise<Replayed | undefined> {
  let applied = 0
  for (;;) {
    const step = (await options.sql.begin((tx) => replayWithin(tx, options, parkKey))) as Step | undefined
    if (!step) return applied === 0 ? undefined : { applied, parkedAgain: undefined }
    applied += step.applied.length
    if (step.applied.length > 0) tellCommitted(options, step.applied)
    if (step.parkedAgain !== undefined || step.done) return { applied, parkedAgain: step.parkedAgain }
  }
}

interface Step {
  applied: LogEntry[]
  parkedAgain: string | undefined
  done: boolean
}

async function replayWithin(
  tx: TransactionSql,
  options: ConsumeOptions,
  parkKey: string,
): Promise<Step | undefined> {
  const { consumer, kinds } = options.projection
  const [found] = await tx<{ partition: number }[]>`
    select partition from log.parked where consumer = ${consumer} and park_key = ${parkKey}`
  if (!found) return undefined
  // The cursor's lock keeps the partition's worker away, so that nothing of the site is passed over meanwhile.
  const [cursor] = await tx<{ position: number }[]>`
    select position from log.cursor where consumer = ${consumer} and partition = ${found.partition} for update`
  const [parked] = await tx<
    { position: number; received_at: Date; tenant_id: string; site_id: string | null }[]
  >`
    select position, received_at, tenant_id, site_id from log.parked
     where consumer = ${consumer} and park_key = ${parkKey} for update`
  if (!cursor || !parked) return undefined
  const rows = await tx<EntryRow[]>`
    select * from log.entry
     where partition = ${found.partition} and position between ${parked.position} and ${cursor.position}
       and received_at >= ${parked.received_at} and tenant_id = ${parked.tenant_id}
       and site_id is not distinct from ${parked.site_id} and kind = any(${kinds as string[]}::text[])
     order by position limit ${CONSUME_BATCH}`
  const entries = rows.map(entryOf)
  await tx`delete from log.parked where consumer = ${consumer} and park_key = ${parkKey}`
  const result = await applyAll(tx, options, entries)
  const again = result.parked[0]
  const last = entries.at(-1)
  if (again === undefined && entries.length === CONSUME_BATCH && last) {
    await tx`insert into log.parked (consumer, park_key, partition, position, received_at, tenant_id, site_id, reason)
      values (${consumer}, ${parkKey}, ${found.partition}, ${last.position + 1}, ${last.receivedAt},
              ${parked.tenant_id}, ${parked.site_id}, 'being replayed')`
    return { applied: result.applied, parkedAgain: undefined, done: false }
  }
  if (again === undefined)
    await options.onReplayed(tx, { consumer, parkKey, tenantId: parked.tenant_id, siteId: parked.site_id })
  return { applied: result.applied, parkedAgain: again?.reason, done: true }
}
