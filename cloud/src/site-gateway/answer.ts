/** Questions of a running authorization: put to driver-service, answered within two seconds or not at all. */
import { answer, ask } from '@switchyard/protocol/site/envelope.ts'
import { z } from 'zod'
import type { ServiceContext } from '../platform/service.ts'
import type { Conversations } from './conversation.ts'
import type { Send } from './down.ts'

/** The site waits this long, then its offline policy decides. */
export const ANSWER_TIMEOUT_MS = 2_000
/** Questions under way at once; more are dropped, and the sites decide alone. */
export const MAX_ASKS = 500

const decision = z.object({ status: answer.shape.status })

export function createAnswers(
  { client, log }: Pick<ServiceContext, 'client' | 'log'>,
  conversations: Conversations,
  send: Send,
): { take(siteId: string, payload: Buffer): Promise<void> } {
  let underWay = 0
  const driver = client('driver-service')

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
        const { id, nonce, idToken, stationId } = read.data
        let conversation = await conversations.authorityOf(siteId)
        if (conversation?.nonce !== nonce) {
          conversations.forget(siteId)
          conversation = await conversations.authorityOf(siteId)
        }
        if (!conversation || conversation.nonce !== nonce) return
        const query = new URLSearchParams({ idToken: idToken.value, type: idToken.type, siteId, stationId })
        const { status } = await driver.read(
          `/v1/authorize?${query}`,
          { tenantId: conversation.tenantId, actor: 'site-gateway' },
          decision,
          { timeoutMs: ANSWER_TIMEOUT_MS },
        )
        send(conversation, 'answer', { id, status })
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
