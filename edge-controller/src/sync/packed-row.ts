/** A row that the cloud cannot read however it is sent: its text goes up packed, in a row that can be read, so that the stream goes on. */
import { gzipSync } from 'node:zlib'
import type { BatchRow } from '@switchyard/protocol/site/envelope.ts'
import type { Fact, FactStamp } from '@switchyard/protocol/site/fact.ts'

/** A row alone in its batch is refused so often before it is packed: a refusal may be of a batch that was damaged on its way. */
const REFUSALS_BEFORE_PACKING = 3
/** Where even that is refused, its text stays at the site, and only the hole is told. */
const REFUSALS_BEFORE_NAMING = 6
/** Longest reason that is passed on. */
const MAX_REASON_CHARS = 500

/** Counts what the cloud says of a row that was sent alone. */
export class Refusals {
  #seq = 0
  #times = 0
  #reason = ''

  count(seq: number, reason: string): void {
    this.#times = seq === this.#seq ? this.#times + 1 : 1
    this.#seq = seq
    this.#reason = reason.slice(0, MAX_REASON_CHARS)
  }

  /** The row as it shall be sent now; undefined: as it is. */
  instead(seq: number, row: BatchRow, stamp: FactStamp): BatchRow | undefined {
    if (seq !== this.#seq || this.#times < REFUSALS_BEFORE_PACKING || row.covers !== undefined)
      return undefined
    const reason = this.#reason
    const fact: Fact =
      this.#times < REFUSALS_BEFORE_NAMING
        ? { ...stamp, kind: 'stream.row-packed', data: { reason, packed: pack(String(row.fact)) } }
        : {
            ...stamp,
            kind: 'stream.loss',
            data: { from: seq, to: seq, reason: `refused by the cloud: ${reason}` },
          }
    return { id: row.id, fact: JSON.stringify(fact) }
  }
}

function pack(text: string): string {
  return gzipSync(text).toString('base64')
}
