/** Questions of a running authorization: put to driver-service, answered within two seconds or not at all. */
import { type Answer, type Ask, answer, ask } from '@switchyard/protocol/site/envelope.ts'
import { z } from 'zod'
import { isStorable } from '../platform/event-log/storable.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { Conversations } from './conversation.ts'
import type { Send } from './down.ts'

/** The site waits this long, then its offline policy decides. */
export const ANSWER_TIMEOUT_MS = 2_000
/** Questions under way at once; more are dropped, and the sites decide alone. */
export const MAX_ASKS = 500

/** Longest identifier of OCPP (2.1; 1.6 has 20 characters). */
const MAX_ID_TOKEN_CHARS = 255

const decision = z.object({ status: answer.shape.status })

export function createAnswers(
  { client, log }: Pick<ServiceContext, 'client' | 'log'>,
  conversations: Conversations,
  send: Send,
): { take(siteId: string, payload: Buffer): Promise<void> } {
  let underWay = 0
  const driver = client('driver-service')

  async function statusOf(tenantId: string, { value, type }: Ask['idToken']): Promise<Answer['status']> {
    // No token that is known can be so, whatever a station read from a broken card.
    if (value === '' || value.length > MAX_ID_TOKEN_CHARS || !isStorable(value)) return 'Unknown'
    const query = new URLSearchParams({ idToken: value, type })
    const caller = { tenantId, actor: 'site-gateway' }
    const request = { timeoutMs: ANSWER_TIMEOUT_MS }
    return (await driver.read(`/v1/authorize?${query}`, caller, decision, request)).status
  }

  return {
    async take(siteId, payload) {
      const read = ask.safeParse(parse(payload))
      if (!read.success) {
        log.warn({ siteId, reason: read.error.issues[0]?.message }, 'a question cannot be read')
        return
      }
      if (underWay >= MAX_ASKS) return
      underWay++
      try {
        const { id, nonce, idToken } = read.data
        let conversation = await conversations.authorityOf(siteId)
        if (conversation?.nonce !== nonce) {
          conversations.forget(siteId)
          conversation = await conversations.authorityOf(siteId)
        }
        if (!conversation || conversation.nonce !== nonce) return
        send(conversation, 'answer', { id, status: await statusOf(conversation.tenantId, idToken) })
      } catch (error) {
        log.warn(
          { siteId, reason: (error as Error).message },
          'a question was not answered; the site decides alone',
        )
      } finally {
        underWay--
      }
    },
  }
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'))
  } catch {
    return undefined
  }
}
