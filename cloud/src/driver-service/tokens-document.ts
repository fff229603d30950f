/**
 * The document `tokens`: who may charge, one for all sites of a tenant. A change marks it; it is made anew a moment later, so
 * that an import of thousands makes a few versions and not thousands.
 */
import { createHash } from 'node:crypto'
import type { DocumentBody } from '@switchyard/protocol/site/document.ts'
import type { Sql, TransactionSql } from 'postgres'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { ServiceContext } from '../platform/service.ts'
import { listTokens } from './queries.ts'

/** How long changes are gathered. */
export const GATHER_MS = 200
/** A document that was marked by a process that died is made this soon by another. */
const POLL_MS = 1_000
/** Most tokens of a tenant: at some 120 bytes each well below MAX_DOCUMENT_BYTES. */
export const MAX_TOKENS = 100_000

/** In the transaction that changes a token. */
export async function markChanged(tx: TransactionSql, tenantId: string): Promise<void> {
  await tx`
    insert into driver.document (tenant_id, dirty) values (${tenantId}, true)
    on conflict (tenant_id) do update set dirty = true`
}

/** In a new life of the log every document is published again: sites may have seen later versions than this database knows. */
export async function markOfEarlierGenerations(sql: Sql, generation: string): Promise<void> {
  await sql`update driver.document set dirty = true where generation is distinct from ${generation}`
}

export interface TokensPublisher extends Loop {
  /** After a commit that marked a document. */
  changed(): void
}

export function startTokensPublisher(context: ServiceContext): TokensPublisher {
  const { sql, clock, log, eventLog } = context
  let gathering = false
  const loop = createLoop({
    clock,
    log,
    name: 'tokens document',
    pollMs: POLL_MS,
    work: async () => {
      const published = await sql.begin((tx) => publishOne(tx, context))
      if (published) eventLog.wake()
      return published
    },
  })
  return {
    ...loop,
    changed() {
      if (gathering) return
      gathering = true
      clock.after(GATHER_MS, () => {
        gathering = false
        loop.wake()
      })
    },
  }
}

/** Makes the document of one tenant that is marked; false when none is. */
export async function publishOne(
  tx: TransactionSql,
  { eventLog, clock }: Pick<ServiceContext, 'eventLog' | 'clock'>,
): Promise<boolean> {
  const [document] = await tx<
    { tenant_id: string; n: number; sha256: string | null; generation: string | null }[]
  >`
    select tenant_id, n, sha256, generation from driver.document where dirty limit 1 for update skip locked`
  if (document === undefined) return false
  const { tenant_id: tenantId } = document
  const rows = await listTokens(tx, tenantId, undefined, MAX_TOKENS)
  const body: DocumentBody<'tokens'> = {
    tokens: rows.map((row) => ({
      idToken: row.id_token,
      type: row.type,
      status: row.status,
      ...(row.expires_at === null ? {} : { expiresAt: row.expires_at.toISOString() }),
      ...(row.group_id === null ? {} : { groupId: row.group_id }),
    })),
  }
  const text = JSON.stringify(body)
  const sha256 = createHash('sha256').update(text, 'utf8').digest('hex')
  const { generation } = eventLog
  const isNew = sha256 !== document.sha256 || generation !== document.generation
  const n = isNew ? document.n + 1 : document.n
  await tx`
    update driver.document set dirty = false, n = ${n}, sha256 = ${sha256}, generation = ${generation}
    where tenant_id = ${tenantId}`
  if (isNew) {
    await eventLog.publish(tx, {
      tenantId,
      siteId: null,
      kind: 'document.published',
      at: new Date(clock.now()).toISOString(),
      data: { name: 'tokens', version: { generation, n }, sha256, body: text },
    })
  }
  return true
}
