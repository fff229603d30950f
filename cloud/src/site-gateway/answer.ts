/**
 * Questions that a station waits for: of a running authorization, put to driver-service and answered within two seconds or not at all;
 * and about certificates, put to whoever knows outside.
 */
import type { CertificateReply } from '@switchyard/protocol/site/certificate-question.ts'
import {
  type Answer,
  type Ask,
  answer,
  ask,
  type CertificateAsk,
  certificateAsk,
} from '@switchyard/protocol/site/envelope.ts'
import { z } from 'zod'
import { isStorable } from '../platform/event-log/storable.ts'
import type { ServiceContext } from '../platform/service.ts'
import { askForContract } from './certificates/contract.ts'
import { createOcsp } from './certificates/ocsp.ts'
import { fetchList } from './certificates/revocation-list.ts'
import { askToSign } from './certificates/v2g-ca.ts'
import type { Conversations } from './conversation.ts'
import type { Send } from './down.ts'

/** The site waits this long, then its offline policy decides. */
export const ANSWER_TIMEOUT_MS = 2_000
/** Questions under way at once; more are dropped, and the sites decide alone. */
export const MAX_ASKS = 500
/** Questions about certificates under way at once: a slow service outside holds nothing else up. */
export const MAX_CERTIFICATE_ASKS = 100

/** Longest identifier of OCPP (2.1; 1.6 has 20 characters). */
const MAX_ID_TOKEN_CHARS = 255

/** Reasons that the operator has chosen. */
const NOT_CONFIGURED = new Set(['NotEnabled', 'NoV2GCA'])

/** A question about certificates first: it has no token. */
const anyAsk = z.union([certificateAsk, ask])
const decision = z.object({ status: answer.shape.status })

export function createAnswers(
  { client, log, clock, config }: Pick<ServiceContext, 'client' | 'log' | 'clock' | 'config'>,
  conversations: Conversations,
  send: Send,
): { take(siteId: string, payload: Buffer): Promise<void> } {
  const underWay = { tokens: 0, certificates: 0 }
  const driver = client('driver-service')
  const { contractCertificateUrl, v2gCaUrl, ocspPrivateAddresses } = config.iso15118
  const askForStatus = createOcsp(clock, ocspPrivateAddresses)

  async function statusOf(tenantId: string, { value, type }: Ask['idToken']): Promise<Answer['status']> {
    // No token that is known can be so, whatever a station read from a broken card.
    if (value === '' || value.length > MAX_ID_TOKEN_CHARS || !isStorable(value)) return 'Unknown'
    const query = new URLSearchParams({ idToken: value, type })
    const caller = { tenantId, actor: 'site-gateway' }
    const request = { timeoutMs: ANSWER_TIMEOUT_MS }
    return (await driver.read(`/v1/authorize?${query}`, caller, decision, request)).status
  }

  function answerTo(
    siteId: string,
    { stationId, certificates: question }: CertificateAsk,
  ): Promise<CertificateReply> {
    switch (question.kind) {
      case 'contract':
        return askForContract(contractCertificateUrl, question)
      case 'status':
        return askForStatus(question)
      case 'sign':
        return askToSign(v2gCaUrl, { siteId, stationId }, question)
      case 'crl':
        return fetchList(question, ocspPrivateAddresses)
    }
  }

  async function found(siteId: string, question: CertificateAsk): Promise<CertificateReply> {
    const reply = await answerTo(siteId, question)
    const { stationId, certificates } = question
    if ('failed' in reply && !NOT_CONFIGURED.has(reply.code))
      log.warn(
        { siteId, stationId, kind: certificates.kind, reason: reply.failed },
        'a question about a certificate failed',
      )
    return reply
  }

  return {
    async take(siteId, payload) {
      const read = anyAsk.safeParse(parse(payload))
      if (!read.success) {
        log.warn({ siteId, reason: read.error.issues[0]?.message }, 'a question cannot be read')
        return
      }
      const question = read.data
      const of = 'certificates' in question ? 'certificates' : 'tokens'
      if (underWay[of] >= (of === 'tokens' ? MAX_ASKS : MAX_CERTIFICATE_ASKS)) return
      underWay[of]++
      try {
        const { id, nonce } = question
        let conversation = await conversations.authorityOf(siteId)
        if (conversation?.nonce !== nonce) {
          conversations.forget(siteId)
          conversation = await conversations.authorityOf(siteId)
        }
        if (!conversation || conversation.nonce !== nonce) return
        const reply =
          'certificates' in question
            ? { certificates: await found(siteId, question) }
            : { status: await statusOf(conversation.tenantId, question.idToken) }
        send(conversation, 'answer', { id, ...reply })
      } catch (error) {
        log.warn(
          { siteId, reason: (error as Error).message },
          'a question was not answered; the site decides alone',
        )
      } finally {
        underWay[of]--
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
