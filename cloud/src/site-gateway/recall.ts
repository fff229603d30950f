/** Asks a site for a new hello, in the conversation that it is in; lost or not understood, it costs only time. */
import type { Conversation } from './conversation.ts'
import type { Send } from './down.ts'

/** With a token the site marks its history first, so that it can be told from another box that has the same journal. */
export function sendRecall(
  send: Send,
  to: Pick<Conversation, 'siteId' | 'journalId' | 'epoch' | 'nonce'>,
  reason: string,
  token?: string,
): void {
  send(to, 'recall', { reason, ...(token === undefined ? {} : { token }) })
}

/** Rows of site_gateway.lane: each is asked in the conversation that it is in. */
export function recallLanes(
  send: Send,
  lanes: readonly { site_id: string; journal_id: string; epoch: number; nonce: string }[],
  reason: string,
): void {
  for (const { site_id: siteId, journal_id: journalId, epoch, nonce } of lanes)
    sendRecall(send, { siteId, journalId, epoch, nonce }, reason)
}
