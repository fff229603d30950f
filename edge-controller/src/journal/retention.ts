/** How long rows stay after the cloud has them: long enough for a cloud that comes back from an old backup. */
import { mutated } from '@switchyard/protocol/mutation.ts'
import { readFact, STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import type { Clock, Log } from '../ports.ts'
import type { Heads, Journal } from './port.ts'

const SWEEP_INTERVAL_MS = 3_600_000
/** Most calls of `prune` in one sweep, each bounded itself; the rest waits for the next. */
const MAX_PRUNES = 200

/** Removes acknowledged rows older than the retention; returns how many. */
export async function pruneOld(journal: Journal, heads: Heads, olderThanMs: number): Promise<number> {
  let removed = 0
  for (const stream of STREAMS) {
    const upTo = await newestOlderThan(journal, stream, heads[stream].seq, olderThanMs)
    for (let i = 0; i < MAX_PRUNES; i++) {
      const n = await journal.prune(stream, upTo)
      removed += n
      if (n === 0) break
    }
  }
  return removed
}

/** Highest seq whose row was written before the time; found by halving, for rows are written in order of time where that was known. */
async function newestOlderThan(
  journal: Journal,
  stream: Stream,
  head: number,
  timeMs: number,
): Promise<number> {
  let low = (await journal.readAfter(stream, 0, 1, 1)).pruned?.seq ?? 0
  let high = head
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const known = await firstSynced(journal, stream, middle, high)
    if (known && known.ms < timeMs) low = known.seq
    else high = middle - 1
  }
  return low
}

/** Rows that are looked through for one whose time is known. */
const MAX_UNSURE_ROWS = 200
const MAX_UNSURE_BYTES = 1024 * 1024

/** The first row from `from` to `to` that was written under a synced clock: what an unset one said orders nothing. */
async function firstSynced(
  journal: Journal,
  stream: Stream,
  from: number,
  to: number,
): Promise<{ seq: number; ms: number } | undefined> {
  // Nearly always the first one says it.
  for (const count of [1, MAX_UNSURE_ROWS]) {
    const { rows } = await journal.readAfter(stream, from - 1, count, MAX_UNSURE_BYTES)
    for (const { seq, fact } of rows) {
      if (seq > to) return undefined
      const read = readFact(fact)
      if (read.ok && read.fact.clock === 'synced') return { seq, ms: Date.parse(read.fact.at) }
    }
  }
  return undefined
}

/** Newest time among the last rows that were written under a synced clock, ms; the real time cannot lie before it. */
export async function newestSyncedMs(journal: Journal, heads: Heads): Promise<number | undefined> {
  const from = Math.max(0, heads.ledger.seq - 500)
  const { rows } = await journal.readAfter('ledger', from, 500, 8 * 1024 * 1024)
  const times = rows
    .map((row) => readFact(row.fact))
    .flatMap((read) =>
      read.ok && (read.fact.clock === 'synced' || mutated('clock-floor-of-any-row'))
        ? [Date.parse(read.fact.at)]
        : [],
    )
    .filter((ms) => !Number.isNaN(ms))
  return times.length > 0 ? Math.max(...times) : undefined
}

/** Sweeps every hour while the clock can be trusted; returns how to stop it. */
export function keepRetention(ports: {
  journal: Journal
  clock: Clock
  log: Log
  retentionMs: number
  heads(): Heads
}): () => void {
  const { journal, clock, log, retentionMs, heads } = ports
  let cancel = (): void => {}
  const sweep = async (): Promise<void> => {
    try {
      if (clock.quality() === 'synced') {
        const removed = await pruneOld(journal, heads(), clock.now() - retentionMs)
        if (removed > 0) log.info({ removed }, 'acknowledged rows past their retention were removed')
      }
    } catch (error) {
      log.warn({ error }, 'old rows could not be removed')
    }
    cancel = clock.after(SWEEP_INTERVAL_MS, () => void sweep())
  }
  cancel = clock.after(SWEEP_INTERVAL_MS / 60, () => void sweep())
  return () => cancel()
}
