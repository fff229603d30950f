/**
 * Messages about sessions on their way to the central system: in order, one at a time, kept while the station is offline
 * and repeated until they are answered (1.6 sections 3.6 and 3.7; 2.0.1 use cases E04, E12, E13).
 */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Clock } from '../clock.ts'
import type { Call } from './dialect.ts'
import { CallFailed } from './rpc.ts'
import { isIntermediate, type SessionMessage } from './session.ts'

/** Messages that wait; at this many, every second intermediate one goes, and without those no session may start. */
export const QUEUE_MAX = 2_000
/** Pause when the connection's own queue is full. */
const BUSY_RETRY_MS = 1_000

export interface TransactionQueueOptions {
  clock: Clock
  /** Connected, and accepted by the central system. */
  ready: () => boolean
  toCall: (message: SessionMessage) => Call | undefined
  call: (call: Call) => Promise<JsonObject>
  /** How often a message is sent that is answered by an error, and the pause before the second time; it grows with each. */
  attempts: () => number
  retryIntervalS: () => number
  /** The central system has it; it is off the queue. */
  onAnswered: (message: SessionMessage, answer: JsonObject) => void
  /** It was given up, after so many errors or to make room. */
  onDropped: (message: SessionMessage, why: string) => void
  /** No answer came in time: the connection is taken for dead. */
  onTimeout: () => void
}

export class TransactionQueue {
  readonly #options: TransactionQueueOptions
  #messages: SessionMessage[]
  #sending = false
  #attempts = 0
  #cancelRetry: (() => void) | undefined

  constructor(options: TransactionQueueOptions, messages: readonly SessionMessage[] = []) {
    this.#options = options
    this.#messages = [...messages]
  }

  get messages(): readonly SessionMessage[] {
    return this.#messages
  }

  /** No session may start: its messages would have no room. */
  get full(): boolean {
    return this.#messages.length >= QUEUE_MAX
  }

  add(message: SessionMessage): void {
    if (this.full) this.#thin()
    this.#messages.push(message)
  }

  /** Sends what waits, as far as that is possible now. */
  pump(): void {
    if (this.#sending || this.#cancelRetry) return
    const head = this.#messages[0]
    if (!head || !this.#options.ready()) return
    const call = this.#options.toCall(head)
    if (!call) {
      this.#messages.shift()
      this.pump()
      return
    }
    this.#sending = true
    this.#options.call(call).then(
      (answer) => {
        this.#done()
        this.#options.onAnswered(head, answer)
        this.pump()
      },
      (error: unknown) => this.#failed(head, error),
    )
  }

  /** Forgets the pause before a repetition: the connection is new, or the station stops. */
  stop(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
  }

  #done(): void {
    this.#sending = false
    this.#attempts = 0
    this.#messages.shift()
  }

  #failed(head: SessionMessage, error: unknown): void {
    this.#sending = false
    const kind = error instanceof CallFailed ? error.kind : 'error'
    switch (kind) {
      case 'lost':
        return
      case 'timeout':
        this.#options.onTimeout()
        return
      case 'queue-full':
        this.#later(BUSY_RETRY_MS)
        return
      case 'error':
      case 'invalid': {
        this.#attempts++
        if (this.#attempts >= this.#options.attempts()) {
          this.#done()
          this.#options.onDropped(head, String(error))
          this.pump()
        } else {
          this.#later(this.#attempts * this.#options.retryIntervalS() * 1000)
        }
      }
    }
  }

  #later(delayMs: number): void {
    this.#cancelRetry = this.#options.clock.after(delayMs, () => {
      this.#cancelRetry = undefined
      this.pump()
    })
  }

  /** Every second intermediate message goes; never the head, which may be under way. */
  #thin(): void {
    let odd = false
    this.#messages = this.#messages.filter((message, index) => {
      if (index === 0 || !isIntermediate(message)) return true
      odd = !odd
      if (odd) this.#options.onDropped(message, `more than ${QUEUE_MAX} messages wait`)
      return !odd
    })
  }
}
