/** Documents on their way to sites: the newest version of each, sent until the site says that it has it. */
import { DOCUMENT_CHUNK_BYTES, type DocumentVersion } from '@switchyard/protocol/site/document.ts'
import type { TransactionSql } from 'postgres'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { ServiceContext } from '../platform/service.ts'
import { chunksOf } from './chunks.ts'
import type { Send } from './down.ts'

/** A document that was sent and not answered is sent again after this. */
export const DOCUMENT_RESEND_MS = 60_000
/** Most sites that one look sends to; the rest follow in the next. */
const MAX_SENDING = 100

export interface Documents {
  /** Keeps a version; an older place in the log never replaces a newer one. */
  keep(tx: TransactionSql, document: StoredDocument): Promise<void>
  held(tx: TransactionSql, siteId: string, name: string, version: DocumentVersion): Promise<void>
  rejected(tx: TransactionSql, siteId: string, name: string, version: DocumentVersion): Promise<void>
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
  body: string
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
}

/** A site's own version of a document stands before the tenant's. `room` resolves when the link can take a large message. */
export function createDocuments(
  { sql, clock, log, eventLog: { generation } }: ServiceContext,
  send: Send,
  room: () => Promise<void>,
): Documents {
  async function flush(siteId?: string): Promise<number> {
    const now = new Date(clock.now())
    const due = await sql<Due[]>`
      with wanted as (
        select s.site_id, l.journal_id, l.epoch, l.nonce, d.tenant_id, d.site_key, d.name, d.generation, d.n
          from site_gateway.site s
          join site_gateway.lane l on l.site_id = s.site_id and l.journal_id = s.journal_id
          join site_gateway.document d on d.tenant_id = s.tenant_id and d.site_key in ('', s.site_id)
          left join site_gateway.site_document h on h.site_id = s.site_id and h.name = d.name
         where not (d.site_key = '' and exists (
                 select 1 from site_gateway.document own
                  where own.tenant_id = d.tenant_id and own.site_key = s.site_id and own.name = d.name))
           and d.generation = ${generation}
           and s.online and (${siteId === undefined} or s.site_id = ${siteId ?? ''})
           and (h.held_generation, h.held_n) is distinct from (d.generation, d.n)
           and (h.rejected_generation, h.rejected_n) is distinct from (d.generation, d.n)
           and ((h.sent_generation, h.sent_n) is distinct from (d.generation, d.n)
                or h.sent_at <= ${new Date(clock.now() - DOCUMENT_RESEND_MS)})
         order by s.site_id, d.name limit ${MAX_SENDING}
      ), marked as (
        insert into site_gateway.site_document as h (site_id, name, sent_generation, sent_n, sent_at)
        select site_id, name, generation, n, ${now} from wanted
        on conflict (site_id, name) do update
          set sent_generation = excluded.sent_generation, sent_n = excluded.sent_n, sent_at = excluded.sent_at
      )
      select site_id, journal_id, epoch, nonce, tenant_id, site_key, name from wanted`
    for (const it of due) await sendOne(it)
    return due.length
  }

  async function sendOne(to: Due): Promise<void> {
    const [document] = await sql<{ generation: string; n: number; sha256: string; body: string }[]>`
      select generation, n, sha256, body from site_gateway.document
       where tenant_id = ${to.tenant_id} and site_key = ${to.site_key} and name = ${to.name}`
    if (!document) return
    const { generation, n, sha256, body } = document
    const pieces = chunksOf(body, DOCUMENT_CHUNK_BYTES)
    const conversation = { siteId: to.site_id, journalId: to.journal_id, epoch: to.epoch, nonce: to.nonce }
    for (const [index, piece] of pieces.entries()) {
      await room()
      send(conversation, 'document', {
        name: to.name,
        version: { generation, n },
        sha256,
        chunk: { index, of: pieces.length },
        body: piece,
      })
    }
  }

  return {
    flush,
    async keep(tx, { tenantId, siteId, name, version, sha256, body, position }) {
      await tx`
        insert into site_gateway.document as d (tenant_id, site_key, name, generation, n, sha256, body, position)
        values (${tenantId}, ${siteId ?? ''}, ${name}, ${version.generation}, ${version.n}, ${sha256}, ${body}, ${position})
        on conflict (tenant_id, site_key, name) do update set
          generation = excluded.generation, n = excluded.n, sha256 = excluded.sha256, body = excluded.body,
          position = excluded.position
        where d.position < excluded.position and (d.generation <> excluded.generation or d.n < excluded.n)`
    },
    async held(tx, siteId, name, version) {
      await tx`
        insert into site_gateway.site_document as h (site_id, name, held_generation, held_n)
        values (${siteId}, ${name}, ${version.generation}, ${version.n})
        on conflict (site_id, name) do update set held_generation = excluded.held_generation, held_n = excluded.held_n
        where h.held_generation is distinct from excluded.held_generation or h.held_n < excluded.held_n`
    },
    async rejected(tx, siteId, name, version) {
      await tx`
        insert into site_gateway.site_document (site_id, name, rejected_generation, rejected_n)
        values (${siteId}, ${name}, ${version.generation}, ${version.n})
        on conflict (site_id, name) do update
          set rejected_generation = excluded.rejected_generation, rejected_n = excluded.rejected_n`
    },
    async wanted(siteId) {
      const rows = await sql<{ name: string; generation: string; n: number }[]>`
        select d.name, d.generation, d.n from site_gateway.site s
          join site_gateway.document d on d.tenant_id = s.tenant_id and d.site_key in ('', s.site_id)
         where s.site_id = ${siteId} and d.generation = ${generation} order by d.site_key`
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
