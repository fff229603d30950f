/** Makes the next batch of a stream: reads its rows after a place, and fits them into the bounds of the wire. */
import { instant } from '@switchyard/protocol/instant.ts'
import { mutated } from '@switchyard/protocol/mutation.ts'
import {
  type BatchRow,
  MAX_BATCH_COMPRESSED_BYTES,
  MAX_BATCH_INFLATED_BYTES,
  MAX_BATCH_ROWS,
  PROTOCOL_VERSION,
} from '@switchyard/protocol/site/envelope.ts'
import type { Fact, FactStamp, Stream } from '@switchyard/protocol/site/fact.ts'
import type { Journal } from '../journal/port.ts'
import type { Clock, Log } from '../ports.ts'
import type { SiteState } from '../site-state.ts'
import { type Compress, type EncodedBatch, encodeBatch } from './batch.ts'
import type { Conversation } from './link.ts'
import { Refusals } from './packed-row.ts'

/** JSON text of facts compresses to about a tenth; the estimate follows what was seen. */
const FIRST_RATIO = 0.1
/** Quoting a fact's text within the batch makes it longer by about this. */
const QUOTING = 1.25
/** How much of a bound the estimate aims for. */
const AIM = 0.9

export interface BatchMakerPorts {
  siteId: string
  journal: Journal
  state: SiteState
  clock: Clock
  log: Log
  compress?: Compress
}

export interface Place {
  seq: number
  rowId: string
}

/** `parted`: the row at the place is another one here. Undefined: there is nothing after it. */
export type Made = EncodedBatch | 'parted' | undefined

export class BatchMaker {
  readonly #stream: Stream
  readonly #ports: BatchMakerPorts
  #ratio = FIRST_RATIO
  #maxRows = MAX_BATCH_ROWS
  readonly #refusals = new Refusals()

  constructor(stream: Stream, ports: BatchMakerPorts) {
    this.#stream = stream
    this.#ports = ports
  }

  /** Rows of a full batch now; fewer after the cloud could not read one. */
  get maxRows(): number {
    return this.#maxRows
  }

  async make(conversation: Conversation, after: Place): Promise<Made> {
    const { journal, state, compress } = this.#ports
    const head = {
      v: PROTOCOL_VERSION,
      journalId: state.journalId,
      stream: this.#stream,
      epoch: conversation.epoch,
      nonce: conversation.nonce,
      generation: conversation.generation,
    }
    const budget =
      (AIM / QUOTING) * Math.min(MAX_BATCH_COMPRESSED_BYTES / this.#ratio, MAX_BATCH_INFLATED_BYTES)
    const read = await journal.readAfter(this.#stream, after.seq, this.#maxRows, Math.floor(budget))
    if (read.prevId !== undefined && read.prevId !== after.rowId && !mutated('ack-without-row-id'))
      return 'parted'
    const rows: BatchRow[] = read.pruned
      ? [this.#loss(after.seq, read.pruned)]
      : read.rows.slice(mutated('batch-skips-a-row') ? 1 : 0).map(({ seq: _, ...row }) => row)
    const instead = rows[0] && this.#refusals.instead(after.seq + 1, rows[0], this.#stamp())
    if (instead) rows.splice(0, rows.length, instead)
    if (rows.length === 0) return undefined
    const encoded = await encodeBatch(head, after, rows, compress)
    this.#ratio = (3 * this.#ratio + encoded.payload.length / encoded.inflatedBytes) / 4
    return encoded
  }

  /** The cloud took a batch. */
  taken(): void {
    this.#maxRows = MAX_BATCH_ROWS
  }

  /** A smaller batch may be readable; a single row that is not is sent in another way after a while. */
  unreadable(batch: EncodedBatch | undefined, reason: string): void {
    if (batch?.rows.length === 1) this.#refusals.count(batch.from, reason)
    this.#maxRows = Math.max(1, Math.floor((batch?.rows.length ?? 2) / 2))
  }

  /** What was pruned is told as one row that stands for all of it and keeps the last one's id. */
  #loss(after: number, pruned: Place): BatchRow {
    const from = after + 1
    const fact: Fact = {
      ...this.#stamp(),
      kind: 'stream.loss',
      data: { from, to: pruned.seq, reason: 'pruned at the site before the cloud asked for it again' },
    }
    const { log, siteId } = this.#ports
    log.error(
      { siteId, stream: this.#stream, from, to: pruned.seq },
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
}
