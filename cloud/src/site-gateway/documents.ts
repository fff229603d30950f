/** Documents on their way to sites: the newest version of each, sent until the site says that it has it. */
import { DOCUMENT_CHUNK_BYTES, type DocumentVersion } from '@switchyard/protocol/site/document.ts'
import type { TransactionSql } from 'postgres'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import { faultOf } from '../platform/log.ts'
import type { ServiceContext } from '../platform/service.ts'
import { chunksOf } from './chunks.ts'
import { type Content, createContents } from './document-content.ts'
import type { Send } from './down.ts'

/** A document that was sent and not answered is sent again after this. */
export const DOCUMENT_RESEND_MS = 60_000
/** The whole of a large one is under way for a while: meanwhile no newer one is sent, or a slow link would never have all of one. */
const WHOLE_RESEND_MS = 120_000
/** Most sites that one look sends to; the rest follow in the next. */
const MAX_SENDING = 100

export interface Documents {
  /** Keeps a version; an older place in the log never replaces a newer one. */
  keep(tx: TransactionSql, document: StoredDocument): Promise<void>
  /** Versions that a site shall have. */
  wanted(siteId: string): Promise<Record<string, DocumentVersion>>
  /** Sends what is due to one site, or to all that are online; gives how many were sent. */
  flush(siteId?: string): Promise<number>
  start(): Loop
}

export interface StoredDocument {
  tenantId: string
  siteId: string | null
  name: string
  version: DocumentVersion
  sha256: string
  /** Null: it lies with its owner, in this form. */
  body: string | null
  form: number
  owner: string | null
  position: number
}

interface Due {
  site_id: string
  journal_id: string
  epoch: number
  nonce: string
  tenant_id: string
  site_key: string
  name: string
  /** Of the document as it lies with its owner, and of what the site can take. */
  document_form: number
  site_form: number | null
  generation: string
  n: number
  held_generation: string | null
  held_n: number | null
}

/** A site's own version of a document stands before the tenant's. `room` resolves when the link can take a large message. */
export function createDocuments(context: ServiceContext, send: Send, room: () => Promise<void>): Documents {
  const {
    sql,
    clock,
    log,
    eventLog: { generation: current },
  } = context
  const contents = createContents(context)

  async function flush(siteId?: string): Promise<number> {
    const now = new Date(clock.now())
    const due = await sql<Due[]>`
      with wanted as (
        select s.site_id, l.journal_id, l.epoch, l.nonce, d.tenant_id, d.site_key, d.name, d.generation, d.n,
               d.form as document_form, h.form as site_form, h.held_generation, h.held_n
          from site_gateway.site s
          join site_gateway.lane l on l.site_id = s.site_id and l.journal_id = s.journal_id
          join site_gateway.document d on d.tenant_id = s.tenant_id and d.site_key in ('', s.site_id)
          left join site_gateway.site_document h on h.site_id = s.site_id and h.name = d.name
         where not (d.site_key = '' and exists (
                 select 1 from site_gateway.document own
                  where own.tenant_id = d.tenant_id and own.site_key = s.site_id and own.name = d.name))
           and d.generation = ${current}
           and s.online and (${siteId === undefined} or s.site_id = ${siteId ?? ''})
           and (h.held_generation is distinct from d.generation or h.held_n < d.n)
           and (h.rejected_generation, h.rejected_n) is distinct from (d.generation, d.n)
           and ((h.sent_generation, h.sent_n) is distinct from (d.generation, d.n)
                or h.sent_at <= ${new Date(clock.now() - DOCUMENT_RESEND_MS)})
           and not (coalesce(h.sent_whole, false) and h.sent_at > ${new Date(clock.now() - WHOLE_RESEND_MS)})
         order by s.site_id, d.name limit ${MAX_SENDING}
      ), marked as (
        insert into site_gateway.site_document as h (site_id, name, sent_generation, sent_n, sent_at)
        select site_id, name, generation, n, ${now} from wanted
        on conflict (site_id, name) do update set
          sent_generation = excluded.sent_generation, sent_n = excluded.sent_n, sent_at = excluded.sent_at,
          sent_whole = false
      )
      select * from wanted`
    for (const it of due) {
      try {
        await sendOne(it)
      } catch (error) {
        // The others' must not wait for the owner of one; it is due again after a while.
        log.warn({ ...faultOf(error), siteId: it.site_id, document: it.name }, 'a document was not sent')
      }
    }
    return due.length
  }

  async function sendOne(to: Due): Promise<void> {
    const content = await contentFor(to)
    if (!content) return
    const { version, sha256, form, base, bodies } = content
    if (form > 0 && base === null && bodies.length > 1)
      await sql`update site_gateway.site_document set sent_whole = true
        where site_id = ${to.site_id} and name = ${to.name}`
    const conversation = { siteId: to.site_id, journalId: to.journal_id, epoch: to.epoch, nonce: to.nonce }
    for (const [index, body] of bodies.entries()) {
      await room()
      send(conversation, 'document', {
        name: to.name,
        version,
        sha256,
        chunk: { index, of: bodies.length },
        body,
        ...(form === 0 ? {} : { form }),
        ...(base === null ? {} : { base: { generation: version.generation, n: base } }),
      })
    }
  }

  /** A site that cannot take the form gets form 0, which every site can. */
  async function contentFor(to: Due): Promise<Content | undefined> {
    const [document] = await sql<
      { generation: string; n: number; sha256: string; body: string | null; owner: string | null }[]
    >`
      select generation, n, sha256, body, owner from site_gateway.document
       where tenant_id = ${to.tenant_id} and site_key = ${to.site_key} and name = ${to.name}`
    if (!document) return undefined
    const { generation, n, sha256, body, owner } = document
    const version = { generation, n }
    if (body !== null || owner === null)
      return { version, sha256, form: 0, base: null, bodies: chunksOf(body ?? '', DOCUMENT_CHUNK_BYTES) }
    const form = Math.min(to.document_form, to.site_form ?? 0)
    const base = form > 0 && to.held_generation === generation ? (to.held_n ?? undefined) : undefined
    return await contents.get({ tenantId: to.tenant_id, owner, name: to.name, version, form, base })
  }

  return {
    flush,
    async keep(tx, { tenantId, siteId, name, version, sha256, body, form, owner, position }) {
      await tx`
        insert into site_gateway.document as d (tenant_id, site_key, name, generation, n, sha256, body, form, owner, position)
        values (${tenantId}, ${siteId ?? ''}, ${name}, ${version.generation}, ${version.n}, ${sha256}, ${body},
                ${form}, ${owner}, ${position})
        on conflict (tenant_id, site_key, name) do update set
          generation = excluded.generation, n = excluded.n, sha256 = excluded.sha256, body = excluded.body,
          form = excluded.form, owner = excluded.owner, position = excluded.position
        where d.position < excluded.position and (d.generation <> excluded.generation or d.n < excluded.n)`
    },
    async wanted(siteId) {
      const rows = await sql<{ name: string; generation: string; n: number }[]>`
        select d.name, d.generation, d.n from site_gateway.site s
          join site_gateway.document d on d.tenant_id = s.tenant_id and d.site_key in ('', s.site_id)
         where s.site_id = ${siteId} and d.generation = ${current} order by d.site_key`
      return Object.fromEntries(rows.map((it) => [it.name, { generation: it.generation, n: it.n }]))
    },
    start() {
      return createLoop({
        clock,
        log,
        name: 'documents',
        pollMs: DOCUMENT_RESEND_MS / 4,
        work: async () => (await flush()) === MAX_SENDING,
      })
    },
  }
}
