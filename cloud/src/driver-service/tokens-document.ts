/**
 * The document `tokens`: who may charge, one for all sites of a tenant. A change marks its bucket; a moment later the buckets
 * that were marked are made anew, so that an import of thousands makes a few versions and not thousands, and one token moves
 * one bucket. The log is told the version and the digest; the content is asked for here (tokens-content.ts).
 */
import { createHash } from 'node:crypto'
import { BUCKETS_FORM, bucketOf, bucketsOf, digestOfBuckets } from '@switchyard/protocol/site/buckets.ts'
import type { TransactionSql } from 'postgres'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { ServiceContext } from '../platform/service.ts'
import { tokensIn } from './queries.ts'

/** How long changes are gathered. */
export const GATHER_MS = 50
/**
 * After a version the next one of the tenant waits so many times as long as that one took to make: while an import goes on, it has the
 * tenant's tokens for itself most of the time, and the sites are not sent the half of them again and again. Of few tokens only a moment,
 * also where the database stood still meanwhile: who changes one waits for it.
 */
const REST_FACTOR = 2
const MIN_REST_MS = 100
const REST_OF_BUCKET_MS = 5
const MAX_REST_MS = 5_000
/** A document that was marked by a process that died is made this soon by another. */
const POLL_MS = 1_000
/** Most tokens of a tenant: at some 120 bytes each well below MAX_DOCUMENT_BYTES. */
export const MAX_TOKENS = 100_000
/** Tokens that are given their bucket in one statement, of those written before there were buckets. */
const ASSIGN_BATCH = 5_000

/** In the transaction that changes tokens; gives how many the tenant has now. `made`: how many of them are new. */
export async function markChanged(
  tx: TransactionSql,
  tenantId: string,
  idTokens: readonly string[],
  made: number,
): Promise<number> {
  const buckets = [...new Set(idTokens.map(bucketOf))].sort((a, b) => a - b)
  // Whoever holds the document's row has the tenant's tokens for itself until it commits.
  const [marked] = await tx<{ token_count: number }[]>`
    update driver.document set dirty = true, token_count = token_count + ${made}
     where tenant_id = ${tenantId} and token_count is not null returning token_count`
  const count = marked?.token_count ?? (await countAnew(tx, tenantId))
  await tx`
    insert into driver.changed_bucket (tenant_id, bucket)
    select ${tenantId}, unnest(${buckets}::smallint[]) on conflict do nothing`
  return count
}

async function countAnew(tx: TransactionSql, tenantId: string): Promise<number> {
  const [document] = await tx<{ token_count: number }[]>`
    insert into driver.document as d (tenant_id, dirty, token_count)
    values (${tenantId}, true, (select count(*) from driver.token where tenant_id = ${tenantId}))
    on conflict (tenant_id) do update set dirty = true, token_count = excluded.token_count
    returning token_count`
  return document?.token_count ?? 0
}

export interface TokensPublisher extends Loop {
  /** After a commit that marked a document. */
  changed(): void
  /** Told whenever this process has made a document, changed or not; returns how to stop that. */
  onMade(told: () => void): () => void
}

export function startTokensPublisher(context: ServiceContext): TokensPublisher {
  const { sql, clock, log, eventLog } = context
  let gathering = false
  const resting = new Set<string>()
  const waiting = new Set<() => void>()
  const loop = createLoop({
    clock,
    log,
    name: 'tokens document',
    pollMs: POLL_MS,
    work: async () => {
      const beganAt = clock.mono()
      const made = await sql.begin((tx) => publishOne(tx, context, resting))
      if (made === undefined) return false
      eventLog.wake()
      for (const told of [...waiting]) told()
      const mostMs = Math.min(MAX_REST_MS, MIN_REST_MS + REST_OF_BUCKET_MS * made.buckets)
      rest(made.tenantId, Math.min(mostMs, REST_FACTOR * (clock.mono() - beganAt)))
      return true
    },
  })
  function rest(tenantId: string, forMs: number): void {
    resting.add(tenantId)
    clock.after(forMs, () => {
      resting.delete(tenantId)
      loop.wake()
    })
  }
  return {
    ...loop,
    onMade(told) {
      waiting.add(told)
      return () => waiting.delete(told)
    },
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

interface Document {
  tenant_id: string
  n: number
  sha256: string | null
  generation: string | null
}

/**
 * Makes the document of one tenant that is marked, or was published in another life of the log, of which sites may have seen more; gives
 * whose it was, and how many of its buckets were marked.
 */
async function publishOne(
  tx: TransactionSql,
  { eventLog, clock }: Pick<ServiceContext, 'eventLog' | 'clock'>,
  without: ReadonlySet<string>,
): Promise<{ tenantId: string; buckets: number } | undefined> {
  const { generation } = eventLog
  const [document] = await tx<Document[]>`
    select tenant_id, n, sha256, generation from driver.document
     where (dirty or generation is distinct from ${generation}) and tenant_id <> all(${[...without]}::text[])
     limit 1 for update skip locked`
  if (document === undefined) return undefined
  const { tenant_id: tenantId } = document
  const n = document.n + 1
  await assignBuckets(tx, tenantId)
  const buckets = await remake(tx, tenantId, n)
  const digest = await digestOf(tx, tenantId)
  const isNew = digest !== document.sha256 || document.generation !== generation
  await tx`
    update driver.document set dirty = false, n = ${isNew ? n : document.n}, sha256 = ${digest}, generation = ${generation}
     where tenant_id = ${tenantId}`
  if (isNew) {
    await eventLog.publish(tx, {
      tenantId,
      siteId: null,
      kind: 'document.announced',
      at: new Date(clock.now()).toISOString(),
      data: {
        name: 'tokens',
        version: { generation, n },
        digest,
        form: BUCKETS_FORM,
        owner: 'driver-service',
      },
    })
  }
  return { tenantId, buckets }
}

/** Tokens that were written before there were buckets. */
async function assignBuckets(tx: TransactionSql, tenantId: string): Promise<void> {
  for (;;) {
    const rows = await tx<{ id_token: string; id_token_key: string; type: string }[]>`
      select id_token, id_token_key, type from driver.token
       where tenant_id = ${tenantId} and bucket is null limit ${ASSIGN_BATCH}`
    if (rows.length === 0) return
    const buckets = rows.map((it) => bucketOf(it.id_token))
    await tx`
      update driver.token t set bucket = given.bucket
        from unnest(${rows.map((it) => it.id_token_key)}::text[], ${rows.map((it) => it.type)}::text[],
                    ${buckets}::smallint[]) as given(key, type, bucket)
       where t.tenant_id = ${tenantId} and t.id_token_key = given.key and t.type = given.type`
    await tx`
      insert into driver.changed_bucket (tenant_id, bucket)
      select distinct ${tenantId}, b from unnest(${buckets}::smallint[]) b on conflict do nothing`
  }
}

/** Makes the buckets that were marked, and gives how many; those that are as they were keep their version. */
async function remake(tx: TransactionSql, tenantId: string, n: number): Promise<number> {
  const marked = await tx<{ bucket: number }[]>`
    delete from driver.changed_bucket where tenant_id = ${tenantId} returning bucket`
  const buckets = marked.map((it) => it.bucket)
  if (buckets.length === 0) return 0
  const texts = bucketsOf(await tokensIn(tx, tenantId, buckets))
  const made = buckets.map((it) => texts.get(it) ?? '')
  await tx`
    insert into driver.published_bucket as p (tenant_id, bucket, text, sha256, changed_n)
    select ${tenantId}, given.bucket, given.text, given.sha256, ${n}
      from unnest(${buckets}::smallint[], ${made}::text[], ${made.map(sha256Of)}::text[]) as given(bucket, text, sha256)
    on conflict (tenant_id, bucket) do update
      set text = excluded.text, sha256 = excluded.sha256, changed_n = excluded.changed_n
    where p.text <> excluded.text`
  return buckets.length
}

async function digestOf(tx: TransactionSql, tenantId: string): Promise<string> {
  const rows = await tx<{ bucket: number; sha256: string }[]>`
    select bucket, sha256 from driver.published_bucket where tenant_id = ${tenantId} and text <> ''`
  return digestOfBuckets(new Map(rows.map((it) => [it.bucket, it.sha256])), sha256Of)
}

function sha256Of(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}
