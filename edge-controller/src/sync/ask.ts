/** Questions to the cloud while a station waits: only while there is a link, and never for long. */
import {
  CERTIFICATE_TIMEOUT_MS,
  type CertificateQuestion,
  type CertificateReply,
} from '@switchyard/protocol/site/certificate-question.ts'
import {
  type Answer,
  type Ask,
  type CertificateAnswer,
  type CertificateAsk,
  PROTOCOL_VERSION,
} from '@switchyard/protocol/site/envelope.ts'
import type { IdToken } from '@switchyard/protocol/site/fact.ts'
import { randomId } from '../ids.ts'
import type { Clock, Random } from '../ports.ts'
import type { Conversation } from './link.ts'

/** A driver stands at the charger: after this the site decides alone. */
export const ASK_TIMEOUT_MS = 2_000
/** Questions open at once; more are not asked, and the site decides alone. */
export const MAX_OPEN_ASKS = 200

/** What the cloud says of a token; undefined when there was no answer in time, or nobody to ask. */
export type AskCloud = (stationId: string, idToken: IdToken) => Promise<Answer['status'] | undefined>
/** What the cloud finds out about certificates; undefined when there was no answer in time, or nobody to ask. */
export type AskCertificates = (
  stationId: string,
  question: CertificateQuestion,
) => Promise<CertificateReply | undefined>

export interface AsksPorts {
  clock: Clock
  random: Random
  conversation(): Conversation | undefined
  publish(payload: string): Promise<void>
}

type AnyAnswer = Answer | CertificateAnswer

export class Asks {
  readonly #ports: AsksPorts
  readonly #open = new Map<string, (answer: AnyAnswer | undefined) => void>()

  constructor(ports: AsksPorts) {
    this.#ports = ports
  }

  readonly ask: AskCloud = async (stationId, idToken) => {
    const answer = await this.#put({ stationId, idToken }, ASK_TIMEOUT_MS)
    return answer && 'status' in answer ? answer.status : undefined
  }

  readonly askCertificates: AskCertificates = async (stationId, certificates) => {
    const answer = await this.#put({ stationId, certificates }, CERTIFICATE_TIMEOUT_MS)
    return answer && 'certificates' in answer ? answer.certificates : undefined
  }

  #put(
    question: Pick<Ask, 'stationId' | 'idToken'> | Pick<CertificateAsk, 'stationId' | 'certificates'>,
    timeoutMs: number,
  ): Promise<AnyAnswer | undefined> {
    const { clock, random, conversation, publish } = this.#ports
    const nonce = conversation()?.nonce
    if (nonce === undefined || this.#open.size >= MAX_OPEN_ASKS) return Promise.resolve(undefined)
    const id = randomId(random)
    const message: Ask | CertificateAsk = { v: PROTOCOL_VERSION, nonce, id, ...question }
    return new Promise((resolve) => {
      const cancel = clock.after(timeoutMs, () => settle(undefined))
      const settle = (answer: AnyAnswer | undefined): void => {
        cancel()
        this.#open.delete(id)
        resolve(answer)
      }
      this.#open.set(id, settle)
      publish(JSON.stringify(message)).catch(() => settle(undefined))
    })
  }

  answered(answer: AnyAnswer): void {
    this.#open.get(answer.id)?.(answer)
  }

  /** The link is gone: whoever waits need not wait longer. */
  end(): void {
    for (const settle of [...this.#open.values()]) settle(undefined)
  }
}
