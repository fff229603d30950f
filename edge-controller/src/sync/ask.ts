/** Questions to the cloud in the middle of an authorization: only while there is a link, and never for long. */
import { type Answer, type Ask, PROTOCOL_VERSION } from '@switchyard/protocol/site/envelope.ts'
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

export interface AsksPorts {
  clock: Clock
  random: Random
  conversation(): Conversation | undefined
  publish(payload: string): Promise<void>
}

export class Asks {
  readonly #ports: AsksPorts
  readonly #open = new Map<string, (status: Answer['status'] | undefined) => void>()

  constructor(ports: AsksPorts) {
    this.#ports = ports
  }

  readonly ask: AskCloud = (stationId, idToken) => {
    const { clock, random, conversation, publish } = this.#ports
    const nonce = conversation()?.nonce
    if (nonce === undefined || this.#open.size >= MAX_OPEN_ASKS) return Promise.resolve(undefined)
    const id = randomId(random)
    const question: Ask = { v: PROTOCOL_VERSION, nonce, id, stationId, idToken }
    return new Promise((resolve) => {
      const cancel = clock.after(ASK_TIMEOUT_MS, () => settle(undefined))
      const settle = (status: Answer['status'] | undefined): void => {
        cancel()
        this.#open.delete(id)
        resolve(status)
      }
      this.#open.set(id, settle)
      publish(JSON.stringify(question)).catch(() => settle(undefined))
    })
  }

  answered(answer: Answer): void {
    this.#open.get(answer.id)?.(answer.status)
  }

  /** The link is gone: whoever waits need not wait longer. */
  end(): void {
    for (const settle of [...this.#open.values()]) settle(undefined)
  }
}
