/** One stream on its way up: one batch in flight, sent again until it is acknowledged or refused. */

import { mutated } from '@switchyard/protocol/mutation.ts'
import {
  type Ack,
  MAX_BATCH_ROWS,
  RETRANSMIT_CAP_MS,
  RETRANSMIT_FIRST_MS,
} from '@switchyard/protocol/site/envelope.ts'
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import { beginHops, type Hop } from '@switchyard/tracing/hop.ts'
import type { Random } from '../ports.ts'
import { stretchedMs } from './backoff.ts'
import type { EncodedBatch } from './batch.ts'
import { BatchMaker, type BatchMakerPorts, type Made, type Place } from './batch-maker.ts'
import type { Conversation } from './link.ts'

/** After so many sendings without an answer the conversation itself is doubted. */
const SENDINGS_BEFORE_DOUBT = 4

export interface LanePorts extends BatchMakerPorts {
  random: Random
  publish(stream: Stream, payload: Uint8Array): Promise<void>
  /** Whether this stream may start a batch now. */
  mayStart(): boolean
  started(): void
  acknowledged(upTo: number): void
  disagree(reason: string, parted?: boolean): void
  /** Something changed that may let a batch start. */
  wake(): void
}

interface InFlight extends EncodedBatch {
  sendings: number
  /** From here to the cloud's acknowledgement, of the facts in it that belong to traces. */
  hops: Hop[]
}

/** The batch that follows the one in flight, made while that one is under way. */
interface Ahead {
  after: Place
  made: Promise<Made>
}

export class Lane {
  readonly #stream: Stream
  readonly #ports: LanePorts
  #conversation: Conversation | undefined
  #cursor: Place
  #inFlight: InFlight | undefined
  #preparing = false
  #paused = false
  #cancelTimer = (): void => {}
  #sentTo = 0
  #ahead: Ahead | undefined
  readonly #maker: BatchMaker

  constructor(stream: Stream, ports: LanePorts, acked: number) {
    this.#stream = stream
    this.#ports = ports
    this.#maker = new BatchMaker(stream, ports)
    this.#cursor = { seq: acked, rowId: '' }
  }

  /** Rows that the cloud has not acknowledged. */
  get backlog(): number {
    return Math.max(0, this.#head.seq - this.#cursor.seq)
  }

  /** Rows that are not even on their way. */
  get waiting(): boolean {
    return this.#head.seq > (this.#inFlight?.to ?? this.#cursor.seq)
  }

  /** Rows up to this one may have been sent, in this run of the program. */
  get sentTo(): number {
    return Math.max(this.#sentTo, this.#cursor.seq)
  }

  get #head(): Place {
    return this.#ports.state.heads[this.#stream]
  }

  begin(conversation: Conversation): void {
    this.end()
    this.#conversation = conversation
    this.#cursor = conversation.expected[this.#stream]
    this.#pause(conversation.holdMs + Math.round(conversation.backoffMs * this.#ports.random.fraction()))
  }

  /** The journal is a new one: nothing of it is acknowledged. */
  forked(): void {
    this.#cursor = { seq: 0, rowId: '' }
    this.#ahead = undefined
  }

  end(): void {
    this.#conversation = undefined
    this.#inFlight = undefined
    this.#ahead = undefined
    this.#preparing = false
    this.#paused = false
    this.#cancelTimer()
  }

  pump(): void {
    const conversation = this.#conversation
    if (!conversation) return
    if (this.#inFlight) this.#makeAhead(conversation, this.#inFlight)
    if (this.#preparing || this.#inFlight || this.#paused) return
    if (this.#cursor.seq > this.#head.seq) {
      this.#fork(`it holds row ${this.#cursor.seq}, the newest here is ${this.#head.seq}`)
      return
    }
    if (!this.waiting) return
    if (!this.#ports.mayStart()) return
    this.#preparing = true
    this.#ports.started()
    this.#start(conversation, this.#cursor).catch((error: Error) => {
      if (this.#conversation !== conversation) return
      this.#preparing = false
      this.#ports.log.error({ ...this.#fields, error }, 'a batch could not be prepared')
      this.#pause(RETRANSMIT_FIRST_MS)
    })
  }

  async #start(conversation: Conversation, cursor: Place): Promise<void> {
    const ahead = this.#ahead
    this.#ahead = undefined
    const fits = ahead?.after.seq === cursor.seq && ahead.after.rowId === cursor.rowId
    const made = await (fits ? ahead.made : this.#maker.make(conversation, cursor))
    if (this.#conversation !== conversation) return
    this.#preparing = false
    // An acknowledgement came in between: begin again after it.
    if (this.#cursor !== cursor) return this.#ports.wake()
    if (made === 'parted') return this.#fork(`row ${cursor.seq} is another one there`)
    if (made === undefined) return
    this.#inFlight = { ...made, sendings: 0, hops: this.#hopsOf(made) }
    this.#sentTo = Math.max(this.#sentTo, made.to)
    this.#send()
    this.#ports.wake()
  }

  /** Reading and packing take as long as a short way to the cloud does. It is sent only once the one before is acknowledged. */
  #makeAhead(conversation: Conversation, { to, rows }: InFlight): void {
    if (this.#ahead || this.#maker.maxRows < MAX_BATCH_ROWS) return
    // What is less than a whole batch may be one by the time that it can go.
    if (this.#head.seq - to < MAX_BATCH_ROWS) return
    const after = { seq: to, rowId: rows.at(-1)!.id }
    const made = this.#maker.make(conversation, after)
    this.#ahead = { after, made }
    made.then(
      (it) => {
        // Rows that are packed already are left as they are.
        if (typeof it === 'object') this.#sentTo = Math.max(this.#sentTo, it.to)
      },
      (error: Error) => {
        if (this.#ahead?.made === made) this.#ahead = undefined
        this.#ports.log.warn({ ...this.#fields, error }, 'a batch could not be prepared ahead')
      },
    )
  }

  #send(): void {
    const batch = this.#inFlight!
    if (mutated('no-retransmission') && batch.sendings > 0) return
    if (batch.sendings === SENDINGS_BEFORE_DOUBT) {
      this.#ports.disagree(`no answer to batch ${this.#stream} ${batch.from}..${batch.to}`)
      return
    }
    const { clock, random, log } = this.#ports
    this.#ports.publish(this.#stream, batch.payload).catch((error: Error) => {
      log.debug({ ...this.#fields, reason: error.message }, 'a batch was not sent')
    })
    const delayMs = stretchedMs(batch.sendings++, RETRANSMIT_FIRST_MS, RETRANSMIT_CAP_MS, random)
    this.#cancelTimer()
    this.#cancelTimer = clock.after(delayMs, () => this.#send())
  }

  /** Takes an acknowledgement or a refusal; what does not fit is ignored, and the batch is sent again. */
  async acked(ack: Ack): Promise<void> {
    const conversation = this.#conversation
    if (!conversation) return
    if (ack.refused) return this.#refused(ack)
    if (ack.upTo <= this.#cursor.seq) return
    const known = await this.#idOf(ack.upTo)
    if (this.#conversation !== conversation) return
    if (known !== ack.rowId && !mutated('ack-without-row-id')) {
      this.#fork(`it acknowledges row ${ack.upTo} under another id`)
      return
    }
    this.#cursor = { seq: ack.upTo, rowId: ack.rowId }
    this.#maker.taken()
    for (const hop of this.#inFlight?.hops.splice(0) ?? [])
      hop.end(undefined, { 'batch.sendings': this.#inFlight?.sendings ?? 0 })
    this.#drop()
    this.#ports.acknowledged(ack.upTo)
    this.#pause(ack.retryAfterMs ?? 0)
  }

  /** The row's id here; undefined when there is none, which an acknowledgement of it contradicts. */
  async #idOf(seq: number): Promise<string | undefined> {
    const sent = this.#inFlight?.rows.find((row) => row.seq === seq)
    if (sent) return sent.id
    if (seq > this.#head.seq) return undefined
    return (await this.#ports.journal.readAfter(this.#stream, seq, 1, 1)).prevId
  }

  #refused(ack: Ack): void {
    const { refused, reason, upTo, rowId } = ack
    this.#ports.log.warn({ ...this.#fields, refused, reason, upTo }, 'the cloud refused a batch')
    this.#ahead = undefined
    switch (refused) {
      case 'fork':
      case 'unknown-epoch':
        this.#ports.disagree(`${refused}: ${reason ?? 'no reason given'}`, refused === 'fork')
        return
      case 'gap':
        if (!mutated('cursor-past-gap')) this.#cursor = { seq: upTo, rowId }
        this.#drop()
        this.#pause(ack.retryAfterMs ?? 0)
        return
      case 'unreadable':
        this.#maker.unreadable(this.#inFlight, reason ?? 'no reason given')
        this.#drop()
        this.#pause(ack.retryAfterMs ?? RETRANSMIT_FIRST_MS)
        return
      default:
        this.#drop()
        this.#pause(
          ack.retryAfterMs ?? stretchedMs(0, RETRANSMIT_FIRST_MS, RETRANSMIT_CAP_MS, this.#ports.random),
        )
    }
  }

  #fork(reason: string): void {
    this.#ports.log.error({ ...this.#fields, reason }, 'the cloud holds another history of this journal')
    this.#ports.disagree(`fork: ${reason}`, true)
  }

  #hopsOf({ traces }: EncodedBatch): Hop[] {
    return beginHops('mqtt deliver', 'producer', traces, {
      'site.id': this.#ports.siteId,
      stream: this.#stream,
    })
  }

  #drop(): void {
    for (const hop of this.#inFlight?.hops.splice(0) ?? []) hop.end('not taken')
    this.#inFlight = undefined
    this.#cancelTimer()
  }

  /** Goes on after the delay; at once for 0. */
  #pause(delayMs: number): void {
    this.#cancelTimer()
    if (delayMs <= 0) {
      this.#paused = false
      this.#ports.wake()
      return
    }
    this.#paused = true
    this.#cancelTimer = this.#ports.clock.after(Math.min(delayMs, RETRANSMIT_CAP_MS), () => {
      this.#paused = false
      this.#ports.wake()
    })
  }

  get #fields() {
    return { siteId: this.#ports.siteId, stream: this.#stream }
  }
}
