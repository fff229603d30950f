/** What travels between the journal port and where its file is: one request, one response with its number. */
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import type { FlatChanges } from './flat-changes.ts'
import { ChangeRefused, type Heads, JournalFailed, JournalFull } from './port.ts'
import type { Acknowledgements, SerialisedFork } from './sqlite.ts'
import type { ThinRequest } from './thin.ts'

export interface JournalFile {
  file: string
  /** Names the journal if the file is made now. */
  newJournalId: string
  /** The file and the reserve together shall not be larger. */
  maxBytes?: number | undefined
  /** Pages in the write-ahead log at which a commit takes it over; the simulator tries few. */
  checkpointPages?: number | undefined
}

export type Work =
  | { op: 'open' }
  | { op: 'group'; changes: FlatChanges; acknowledged: Acknowledgements }
  | { op: 'readAfter'; stream: Stream; seq: number; maxRows: number; maxBytes: number }
  | { op: 'fork'; fork: SerialisedFork }
  | { op: 'withdraw'; stream: Stream; upTo: number }
  | { op: 'prune'; stream: Stream; upTo: number }
  | { op: 'measure' }
  | { op: 'growReserve' }
  | { op: 'backup'; to: string }
  | ({ op: 'thin' } & ThinRequest)
  | { op: 'close' }

export type Request = Work & { n: number }
export type Response =
  | { n: number; ok: true; value: unknown }
  /** `broken`: the file cannot be worked on any further. */
  | { n: number; ok: false; name: string; message: string; broken?: boolean }

/** What became of a group: where the journal ends after it, and which of its changes were refused, by index. */
export interface GroupResult {
  heads: Heads
  refused: Record<number, { name: string; message: string }>
  /** The reserve was given up for it. */
  reserveSpent: boolean
}

/** Errors lose their class between threads; this gives it back. */
export function revive(name: string, message: string): Error {
  if (name === 'JournalFull') return new JournalFull(message)
  if (name === 'ChangeRefused') return new ChangeRefused(message)
  return new JournalFailed(message)
}
