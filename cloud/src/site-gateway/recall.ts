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
