/** A hello, in the database: the grant, presence and the facts that tell of them, in one transaction. */

import { instant } from '@switchyard/protocol/instant.ts'
import type { Hello } from '@switchyard/protocol/site/envelope.ts'
import { type Grant, grant } from '@switchyard/protocol/site/grant.ts'
import type { TransactionSql } from 'postgres'
import type { ServiceContext } from '../platform/service.ts'
import type { Conversation } from './conversation.ts'
import { isPlain } from './plain.ts'

/** Most documents that a hello is heard about. */
const MAX_DOCUMENT_NAMES = 100

interface SiteRow {
  tenant_id: string
  journal_id: string | null
  epoch: number
  last_heard_at: Date | null
  online: boolean
  /** In which it was last greeted. */
  generation: string | null
}

/** Undefined when the site is not registered here. */
export async function greet(
  { sql, eventLog, clock }: ServiceContext,
  siteId: string,
  hello: Hello,
): Promise<Conversation | undefined> {
  const conversation = (await sql.begin(async (tx) => {
    const [site] = await tx<SiteRow[]>`
      select tenant_id, journal_id, epoch, last_heard_at, online, generation from site_gateway.site
       where site_id = ${siteId} for update`
    if (!site) return undefined
    const [lane] = await tx<{ epoch: number; fenced: boolean }[]>`
      select epoch, fenced from site_gateway.lane where site_id = ${siteId} and journal_id = ${hello.journalId}`
    const now = clock.now()
    const authority = {
      journalId: site.journal_id,
      epoch: site.epoch,
      lastHeardMs: site.last_heard_at?.getTime() ?? null,
    }
    const granted = grant(authority, lane, hello, now)
    await keep(tx, siteId, hello, granted, new Date(now), eventLog.generation)
    const told = { tenantId: site.tenant_id, siteId, at: instant(now) }
    // A restored cloud has others to tell who may not know it.
    if (granted.authority && (!site.online || site.generation !== eventLog.generation))
      await eventLog.publish(tx, {
        ...told,
        kind: 'site.online',
        data: { journalId: hello.journalId, epoch: granted.epoch, version: hello.controller.version },
      })
    if (granted.fences)
      await eventLog.publish(tx, {
        ...told,
        kind: 'site.lane-fenced',
        data: { journalId: granted.fences, reason: `silent; journal ${hello.journalId} took its place` },
      })
    if (granted.fencedBecause)
      await eventLog.publish(tx, {
        ...told,
        kind: 'site.lane-fenced',
        data: { journalId: hello.journalId, reason: granted.fencedBecause },
      })
    return {
      siteId,
      tenantId: site.tenant_id,
      journalId: hello.journalId,
      epoch: granted.epoch,
      nonce: hello.nonce,
      authority: granted.authority,
    }
  })) as Conversation | undefined
  eventLog.wake()
  return conversation
}

async function keep(
  tx: TransactionSql,
  siteId: string,
  hello: Hello,
  granted: Grant,
  now: Date,
  generation: string,
): Promise<void> {
  await tx`
    insert into site_gateway.lane (site_id, journal_id, epoch, nonce, fenced, controller_version, hello_at)
    values (${siteId}, ${hello.journalId}, ${granted.epoch}, ${hello.nonce}, ${!granted.authority},
            ${hello.controller.version}, ${now})
    on conflict (site_id, journal_id) do update set
      epoch = excluded.epoch, nonce = excluded.nonce, fenced = excluded.fenced,
      controller_version = excluded.controller_version, hello_at = excluded.hello_at`
  if (granted.fences)
    await tx`update site_gateway.lane set fenced = true where site_id = ${siteId} and journal_id = ${granted.fences}`
  await tx`update site_gateway.site set journal_id = ${granted.site.journalId}, epoch = ${granted.site.epoch}
    where site_id = ${siteId}`
  if (!granted.authority) return
  await tx`update site_gateway.site set last_heard_at = ${now}, online = true, generation = ${generation}
    where site_id = ${siteId}`
  // What the site says it has is the truth: a restored box may have less than was once applied.
  const names = Object.keys(hello.documents)
    .filter((it) => isPlain(it) && isPlain(hello.documents[it]?.generation ?? ''))
    .slice(0, MAX_DOCUMENT_NAMES)
  await tx`delete from site_gateway.site_document where site_id = ${siteId}`
  if (names.length === 0) return
  await tx`
    insert into site_gateway.site_document (site_id, name, held_generation, held_n)
    select ${siteId}, d.name, d.generation, d.n
      from unnest(${names}::text[], ${names.map((it) => hello.documents[it]?.generation ?? '')}::text[],
                  ${names.map((it) => hello.documents[it]?.n ?? 0)}::bigint[]) as d(name, generation, n)`
}
