/** What sites have of their documents: as a hello says it, and as their facts say it afterwards. */
import { type DocumentVersion, documentVersion } from '@switchyard/protocol/site/document.ts'
import type { Hello } from '@switchyard/protocol/site/envelope.ts'
import type { TransactionSql } from 'postgres'
import { isPlain } from './plain.ts'

/** Most documents that a hello is heard about. */
const MAX_DOCUMENT_NAMES = 100
const MAX_FORM = 1_000

/** What the site says it has is the truth: a restored box may have less than was once applied. */
export async function heldByHello(
  tx: TransactionSql,
  siteId: string,
  { documents, forms = {} }: Hello,
): Promise<void> {
  const version = (name: string): DocumentVersion | undefined => {
    const read = Object.hasOwn(documents, name) ? documentVersion.safeParse(documents[name]).data : undefined
    return read && isPlain(read.generation) ? read : undefined
  }
  const form = (name: string) =>
    Math.min(Math.max(0, Object.hasOwn(forms, name) ? forms[name]! : 0), MAX_FORM)
  const names = [...new Set([...Object.keys(documents), ...Object.keys(forms)])]
    .filter((it) => isPlain(it))
    .slice(0, MAX_DOCUMENT_NAMES)
  await tx`delete from site_gateway.site_document where site_id = ${siteId}`
  if (names.length === 0) return
  await tx`
    insert into site_gateway.site_document (site_id, name, held_generation, held_n, form)
    select ${siteId}, d.name, d.generation, d.n, d.form
      from unnest(${names}::text[], ${names.map((it) => version(it)?.generation ?? null)}::text[],
                  ${names.map((it) => version(it)?.n ?? null)}::bigint[], ${names.map(form)}::int[])
           as d(name, generation, n, form)`
}

export async function held(
  tx: TransactionSql,
  siteId: string,
  name: string,
  { generation, n }: DocumentVersion,
): Promise<void> {
  await tx`
    insert into site_gateway.site_document as h (site_id, name, held_generation, held_n)
    values (${siteId}, ${name}, ${generation}, ${n})
    on conflict (site_id, name) do update set
      held_generation = excluded.held_generation, held_n = excluded.held_n, sent_whole = false
    where h.held_generation is distinct from excluded.held_generation or h.held_n < excluded.held_n`
}

export async function rejected(
  tx: TransactionSql,
  siteId: string,
  name: string,
  { generation, n }: DocumentVersion,
): Promise<void> {
  await tx`
    insert into site_gateway.site_document (site_id, name, rejected_generation, rejected_n)
    values (${siteId}, ${name}, ${generation}, ${n})
    on conflict (site_id, name) do update set
      rejected_generation = excluded.rejected_generation, rejected_n = excluded.rejected_n, sent_whole = false`
}
