/**
 * Thins telemetry that the cloud does not have yet: of every run of rows only the last stays, and one gap fact stands for the
 * others, with the id of the last of them. A run may hold gaps of an earlier pass, so that passes thin further.
 */
import type { Fact, FactStamp } from '@switchyard/protocol/site/fact.ts'
import type { Database } from './sqlite-driver.ts'

/** Of so many rows in sequence one stays. */
export const THIN_KEEP_ONE_OF = 10
/** Most rows that one pass looks at, so that it never holds up commits for long. */
export const THIN_MAX_ROWS = 2_000

export interface ThinRequest {
  /** Rows up to this one may have been sent: they stay as they are. */
  after: number
  /** The time that the gap facts carry. */
  stamp: FactStamp
}

export interface Thinned {
  /** Rows that are no more. */
  removed: number
  /** Where the next pass goes on; undefined at the end of the stream. */
  next?: number
}

interface Row {
  seq: number
  id: string
  covers: number | null
}

/** One pass over telemetry after `after`. The newest row always stays: the next one is counted from it. Seqs count from `base`. */
export function thin(db: Database, base: number, { after, stamp }: ThinRequest): Thinned {
  const rows = db
    .prepare('SELECT seq, id, covers FROM row_telemetry WHERE seq > ? ORDER BY seq LIMIT ?')
    .all(base + after, THIN_MAX_ROWS) as Row[]
  const remove = db.prepare('DELETE FROM row_telemetry WHERE seq BETWEEN ? AND ?')
  const put = db.prepare('UPDATE row_telemetry SET fact = ?, covers = ? WHERE seq = ?')
  let removed = 0
  const work = db.transaction(() => {
    for (let i = 0; i + THIN_KEEP_ONE_OF < rows.length; i += THIN_KEEP_ONE_OF) {
      const first = rows[i]!
      const last = rows[i + THIN_KEEP_ONE_OF - 2]!
      const from = first.seq - (first.covers ?? 1) + 1
      const gap: Fact = {
        kind: 'stream.gap',
        ...stamp,
        data: { from: from - base, to: last.seq - base, reason: 'thinned: the disk of the site was filling' },
      }
      removed += Number(remove.run(first.seq, last.seq - 1).changes)
      put.run(JSON.stringify(gap), last.seq - from + 1, last.seq)
    }
  })
  work.immediate()
  return rows.length === THIN_MAX_ROWS ? { removed, next: rows.at(-1)!.seq - base } : { removed }
}
