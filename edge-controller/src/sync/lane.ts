/** One stream on its way up: one batch in flight, sent again until it is acknowledged or refused. */

import { instant } from '@switchyard/protocol/instant.ts'
import { mutated } from '@switchyard/protocol/mutation.ts'
import {
  type Ack,
  type BatchRow,
  MAX_BATCH_COMPRESSED_BYTES,
  MAX_BATCH_INFLATED_BYTES,
  MAX_BATCH_ROWS,
  PROTOCOL_VERSION,
  RETRANSMIT_CAP_MS,
  RETRANSMIT_FIRST_MS,
} from '@switchyard/protocol/site/envelope.ts'
import type { Fact, FactStamp, Stream } from '@switchyard/protocol/site/fact.ts'
import type { Journal } from '../journal/port.ts'
import type { Clock, Log, Random } from '../ports.ts'
import type { SiteState } from '../site-state.ts'
import { stretchedMs } from './backoff.ts'
import { type Compress, type EncodedBatch, encodeBatch } from './batch.ts'
import type { Conversation } from './link.ts'
import { Refusals } from './packed-row.ts'

/** After so many sendings without an answer the conversation itself is doubted. */
const SENDINGS_BEFORE_DOUBT = 4
/** JSON text of facts compresses to about a tenth; the estimate follows what was seen. */
const FIRST_RATIO = 0.1
/** Quoting a fact's text within the batch makes it longer by about this. */
const QUOTING = 1.25
/** How much of a bound the estimate aims for. */
const AIM = 0.9

export interface LanePorts {
  siteId: string
  journal: Journal
  state: SiteState
  clock: Clock
  random: Random
  log: Log
  compress?: Compress
  publish(stream: Stream, payload: Uint8Array): Promise<void>
  /** Whether this stream may start a batch now. */
  mayStart(): boolean
  started(): void
  acknowledged(upTo: number): void
  disagree(reason: string, parted?: boolean): void
  /** Something changed that may let a batch start. */
  wake(): void
}

interface Place {
  seq: number
  rowId: string
}

interface InFlight extends EncodedBatch {
  sendings: number
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
  #ratio = FIRST_RATIO
  #maxRows = MAX_BATCH_ROWS
  #sentTo = 0
  readonly #refusals = new Refusals()

  constructor(stream: Stream, ports: LanePorts, acked: number) {
    this.#stream = stream
    this.#ports = ports
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
  }

  end(): void {
    this.#conversation = undefined
    this.#inFlight = undefined
    this.#preparing = false
    this.#paused = false
    this.#cancelTimer()
  }

  pump(): void {
    const conversation = this.#conversation
    if (!conversation || this.#preparing || this.#inFlight || this.#paused) return
    if (this.#cursor.seq > this.#head.seq) {
      this.#fork(`it holds row ${this.#cursor.seq}, the newest here is ${this.#head.seq}`)
      return
    }
    if (!this.waiting) return
    if (!this.#ports.mayStart()) return
    this.#preparing = true
    this.#ports.started()
    this.#prepare(conversation).catch((error: Error) => {
      if (this.#conversation !== conversation) return
      this.#preparing = false
      this.#ports.log.error({ ...this.#fields, error }, 'a batch could not be prepared')
      this.#pause(RETRANSMIT_FIRST_MS)
    })
  }

  async #prepare(conversation: Conversation): Promise<void> {
    const { journal, state } = this.#ports
    const cursor = this.#cursor
    const overtaken = (): boolean => {
      if (this.#conversation !== conversation) return true
      if (this.#cursor === cursor) return false
      // An acknowledgement came in between: begin again after it.
      this.#preparing = false
      this.#ports.wake()
      return true
    }
    const budget =
      (AIM / QUOTING) * Math.min(MAX_BATCH_COMPRESSED_BYTES / this.#ratio, MAX_BATCH_INFLATED_BYTES)
    const after = await journal.readAfter(this.#stream, this.#cursor.seq, this.#maxRows, Math.floor(budget))
    if (overtaken()) return
    if (after.prevId !== undefined && after.prevId !== cursor.rowId) {
      this.#preparing = false
      this.#fork(`row ${cursor.seq} is another one there`)
      return
    }
    const rows: BatchRow[] = after.pruned
      ? [this.#loss(cursor.seq, after.pruned)]
      : after.rows.slice(mutated('batch-skips-a-row') ? 1 : 0).map(({ seq: _, ...row }) => row)
    const instead = rows[0] && this.#refusals.instead(cursor.seq + 1, rows[0], this.#stamp())
    if (instead) rows.splice(0, rows.length, instead)
    if (rows.length === 0) {
      this.#preparing = false
      return
    }
    const encoded = await encodeBatch(
      {
        v: PROTOCOL_VERSION,
        journalId: state.journalId,
        stream: this.#stream,
        epoch: conversation.epoch,
        nonce: conversation.nonce,
        generation: conversation.generation,
      },
      cursor,
      rows,
      this.#ports.compress,
    )
    if (overtaken()) return
    this.#ratio = (3 * this.#ratio + encoded.payload.length / encoded.inflatedBytes) / 4
    this.#preparing = false
    this.#inFlight = { ...encoded, sendings: 0 }
    this.#sentTo = Math.max(this.#sentTo, encoded.to)
    this.#send()
    this.#ports.wake()
  }

  /** What was pruned is told as one row that stands for all of it and keeps the last one's id. */
  #loss(after: number, pruned: Place): BatchRow {
    const from = after + 1
    const fact: Fact = {
      ...this.#stamp(),
      kind: 'stream.loss',
      data: { from, to: pruned.seq, reason: 'pruned at the site before the cloud asked for it again' },
    }
    this.#ports.log.error(
      { ...this.#fields, from, to: pruned.seq },
      'the cloud asks for rows that are pruned: they are lost',
    )
    return { id: pruned.rowId, fact: JSON.stringify(fact), covers: pruned.seq - after }
  }

  #stamp(): FactStamp {
    const { clock, state } = this.#ports
    return {
      at: instant(clock.now()),
      monoMs: Math.round(clock.mono()),
      bootId: state.bootId,
      clock: clock.quality(),
    }
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
    if (known !== ack.rowId) {
      this.#fork(`it acknowledges row ${ack.upTo} under another id`)
      return
    }
    this.#cursor = { seq: ack.upTo, rowId: ack.rowId }
    this.#maxRows = MAX_BATCH_ROWS
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
        // A smaller batch may be readable; a single row that is not is sent in another way after a while.
        if (this.#inFlight?.rows.length === 1)
          this.#refusals.count(this.#inFlight.from, reason ?? 'no reason given')
        this.#maxRows = Math.max(1, Math.floor((this.#inFlight?.rows.length ?? 2) / 2))
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

  #drop(): void {
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
