/** Who a site is talking as: its newest conversation per journal, from the database, kept for seconds. */
import type { Sql } from 'postgres'
import type { Clock } from '../platform/clock.ts'

export interface Conversation {
  siteId: string
  tenantId: string
  journalId: string
  epoch: number
  nonce: string
  /** The box that speaks; null: a version that did not tell. */
  bootId: string | null
  /** This lane has authority: it sets the current picture, gets commands, documents and answers. */
  authority: boolean
}

/** How long another replica's grant may go unseen here. */
const FRESH_MS = 10_000
/** Most sites kept; the oldest go first. */
const MAX_KEPT = 50_000

export interface Conversations {
  /** The lane in authority of a site; undefined when it has none, or is not known. */
  authorityOf(siteId: string): Promise<Conversation | undefined>
  /** As it was last seen here, without a look into the database. */
  lastKnown(siteId: string): Conversation | undefined
  /** A grant that was just made here. */
  begun(conversation: Conversation): void
  /** Something names another conversation than the one kept: look again next time. */
  forget(siteId: string): void
}

export function createConversations(sql: Sql, clock: Clock): Conversations {
  const kept = new Map<string, { conversation: Conversation; atMs: number }>()

  function keep(conversation: Conversation): void {
    kept.delete(conversation.siteId)
    kept.set(conversation.siteId, { conversation, atMs: clock.mono() })
    for (const oldest of kept.keys()) {
      if (kept.size <= MAX_KEPT) break
      kept.delete(oldest)
    }
  }

  return {
    async authorityOf(siteId) {
      const held = kept.get(siteId)
      if (held && clock.mono() - held.atMs < FRESH_MS) return held.conversation
      const conversation = await loadAuthority(sql, siteId)
      if (conversation) keep(conversation)
      else kept.delete(siteId)
      return conversation
    },
    lastKnown: (siteId) => kept.get(siteId)?.conversation,
    begun(conversation) {
      if (conversation.authority) keep(conversation)
    },
    forget(siteId) {
      const held = kept.get(siteId)
      if (held) held.atMs = Number.NEGATIVE_INFINITY
    },
  }
}

async function loadAuthority(sql: Sql, siteId: string): Promise<Conversation | undefined> {
  const [row] = await sql<
    { tenant_id: string; journal_id: string; epoch: number; nonce: string; boot_id: string | null }[]
  >`
    select s.tenant_id, l.journal_id, l.epoch, l.nonce, l.boot_id
      from site_gateway.site s join site_gateway.lane l on l.site_id = s.site_id and l.journal_id = s.journal_id
     where s.site_id = ${siteId}`
  return (
    row && {
      siteId,
      tenantId: row.tenant_id,
      journalId: row.journal_id,
      epoch: row.epoch,
      nonce: row.nonce,
      bootId: row.boot_id,
      authority: true,
    }
  )
}
