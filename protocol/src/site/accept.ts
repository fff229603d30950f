/**
 * Whether a batch is taken, and which part of it is new. The same function decides in production and in the simulator.
 *
 * Three refusals: a gap (rows before it are missing), a fork (another history under the same journal id), an unknown epoch.
 * An overlap with what is stored is dropped, after the rows that meet have been seen to be the same ones.
 */
import { mutated } from '../mutation.ts'
import type { Batch, BatchRow, Refusal } from './envelope.ts'

/** What the cloud holds of one lane's stream. */
export interface StreamState {
  /** Last committed seq; 0 before the first row. */
  last: number
  /** Id of that row; empty before the first row. */
  lastId: string
  /** Highest epoch that was granted to this journal. */
  epoch: number
  /** The conversation that the journal is in; unknown: it is not asked for. */
  nonce?: string
}

export type Acceptance =
  /** `rows` are the new ones with their seqs; empty when everything was stored already. */
  | { accepted: true; rows: (BatchRow & { seq: number })[]; next: { last: number; lastId: string } }
  | { accepted: false; refusal: Refusal; reason: string }

/**
 * Decides on a batch. `storedId(seq)` gives the id of a stored row, or undefined where it is not known any more;
 * it is asked only for seqs at or below `state.last`.
 */
export function accept(
  state: StreamState,
  batch: Batch,
  storedId: (seq: number) => string | undefined,
): Acceptance {
  if (batch.epoch > state.epoch) {
    return {
      accepted: false,
      refusal: 'unknown-epoch',
      reason: `epoch ${batch.epoch} was never granted, the last one is ${state.epoch}`,
    }
  }
  // A site that forked gives these rows to another journal: a batch of before, late on its way, would bring them twice.
  if (state.nonce !== undefined && batch.nonce !== undefined && batch.nonce !== state.nonce) {
    return {
      accepted: false,
      refusal: 'unknown-epoch',
      reason: 'it belongs to a conversation that another one has replaced',
    }
  }
  if (batch.from > state.last + 1 && !mutated('accept-gap')) {
    return {
      accepted: false,
      refusal: 'gap',
      reason: `rows ${state.last + 1}..${batch.from - 1} are missing`,
    }
  }
  const rows = withSeq(batch)
  if (rows.at(-1)?.seq !== batch.to)
    return { accepted: false, refusal: 'unreadable', reason: 'the rows do not add up to from..to' }

  const known = (seq: number): string | undefined =>
    seq === 0 ? '' : seq === state.last ? state.lastId : storedId(seq)
  const before = known(batch.from - 1)
  if (before !== undefined && before !== batch.prevId && !mutated('accept-fork')) {
    return { accepted: false, refusal: 'fork', reason: `row ${batch.from - 1} is another one here` }
  }
  for (const row of rows) {
    if (row.seq > state.last) break
    const stored = known(row.seq)
    if (stored !== undefined && stored !== row.row.id && !mutated('accept-fork')) {
      return { accepted: false, refusal: 'fork', reason: `row ${row.seq} is another one here` }
    }
  }
  const fresh = mutated('accept-without-overlap-check') ? rows : rows.filter((r) => r.seq > state.last)
  const newest = fresh.at(-1)
  return {
    accepted: true,
    rows: fresh.map(({ seq, row }) => ({ seq, ...onlyNew(row, seq - state.last) })),
    next: newest ? { last: newest.seq, lastId: newest.row.id } : { last: state.last, lastId: state.lastId },
  }
}

/** Of a gap that begins within what is stored, only the rest is new. */
function onlyNew(row: BatchRow, seqs: number): BatchRow {
  return row.covers !== undefined && row.covers > seqs ? { ...row, covers: seqs } : row
}

/** Pairs rows with the seq that each ends at. */
function withSeq(batch: Batch): { seq: number; row: BatchRow }[] {
  let seq = batch.from - 1
  return batch.rows.map((row) => {
    seq += row.covers ?? 1
    return { seq, row }
  })
}
