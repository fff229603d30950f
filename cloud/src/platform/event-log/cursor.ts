/**
 * Cursors of consumers. Each stands twice, in the log and in the schema of its service, and both are moved by the transaction that
 * changes the service's tables: where they differ, one of the two was restored from a backup.
 */
import type { Logger } from 'pino'
import type { Sql, TransactionSql } from 'postgres'
import type { Projection } from './entry.ts'

/** A consumer, and where its cursors stand. */
export interface ConsumerPlace {
  sql: Sql
  log: Logger
  projection: Projection
  /** Of the service whose tables the projection writes. */
  schema: string
  generation: string
}

interface Place {
  partition: number
  position: number
  /** When the entry there was received; null: not known. */
  receivedAt: Date | null
}

/** Makes the cursors of a consumer that is new; an old one goes on where it was, or from the earlier of two places. */
export async function registerConsumer({
  sql,
  log,
  schema,
  projection: { consumer },
}: ConsumerPlace): Promise<void> {
  const places = await sql.begin(async (tx) => {
    // Places in large tables may have to be forgotten.
    await tx`set local statement_timeout = 0`
    return await tx<{ in_partition: number; was: number; goes_on: number }[]>`
      select * from log.place_consumer(${schema}, ${consumer})`
  })
  for (const { in_partition, was, goes_on } of places)
    if (goes_on < was)
      log.warn(
        { consumer, partition: in_partition, was, from: goes_on },
        'one of two copies was restored: facts are taken again from an earlier place',
      )
}

/** Moves both cursors, in the transaction in which the entries up to there were applied. */
export async function moveCursor(
  tx: TransactionSql,
  { schema, generation, projection: { consumer } }: ConsumerPlace,
  { partition, position, receivedAt }: Place,
): Promise<void> {
  await tx`
    with own as (
      insert into ${tx(schema)}.cursor (consumer, partition, generation, position)
      values (${consumer}, ${partition}, ${generation}, ${position})
      on conflict (consumer, partition) do update set generation = excluded.generation, position = excluded.position
    )
    update log.cursor set position = ${position}, generation = ${generation}, in_schema = true,
        received_at = coalesce(${receivedAt}::timestamptz, received_at)
      where consumer = ${consumer} and partition = ${partition}`
}
