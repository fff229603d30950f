/** Signed meter values of sessions: kept as they were told, by whichever of its facts, and read with a session or its CDR. */
import type { SignedData } from '@switchyard/protocol/api/shapes.ts'
import { ocpiSignedData, type SignedValue } from '@switchyard/protocol/billing/signed-data.ts'
import { isKeepable, parseInstant } from '@switchyard/protocol/instant.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Sql, TransactionSql } from 'postgres'
import type { LogEntry } from '../platform/event-log/entry.ts'

/** Facts of one session that are read: more than its bound of bytes in a journal makes. */
const MAX_FACTS = 2_000

export async function keepSigned(
  tx: TransactionSql,
  { tenantId, sessionId, partition, position, receivedAt }: LogEntry,
  data: FactData<'session.signed'>,
): Promise<void> {
  if (sessionId === null) return
  const epochMs = parseInstant(data.at)
  const at = epochMs === undefined || !isKeepable(epochMs) ? receivedAt : new Date(epochMs)
  await tx`
    insert into billing.signed_value (tenant_id, session_id, source, measured_at, told)
    values (${tenantId}, ${sessionId}, ${`${partition}.${position}`}, ${at}, ${JSON.stringify(data)})
    on conflict do nothing`
}

/** Oldest first; a value that a station has sent twice stands there once. */
export async function signedDataOf(sql: Sql, tenantId: string, sessionId: string): Promise<SignedData> {
  const rows = await sql<{ told: string }[]>`
    select told from billing.signed_value
     where tenant_id = ${tenantId} and session_id = ${sessionId}
     order by measured_at, source limit ${MAX_FACTS}`
  const told = rows.map((row) => JSON.parse(row.told) as FactData<'session.signed'>)
  const once = new Map<string, SignedValue>()
  for (const { at, values } of told)
    for (const value of values) once.set(JSON.stringify([at, value]), { at, ...value })
  const values = [...once.values()]
  return {
    sessionId,
    values: values.map(({ at, measurand, value, unit = null, context = null, signed }) => ({
      at,
      measurand,
      value,
      unit,
      context,
      signed: signed ?? null,
    })),
    omitted: Math.max(0, ...told.map((it) => it.omitted ?? 0)),
    ocpi: ocpiSignedData(values) ?? null,
  }
}
