/**
 * When the write-ahead log goes over into the journal's file. SQLite would do it within whichever commit passes its threshold,
 * with two fsyncs more: on a slow disk everybody waits for four of them then. So it is done when nobody waits; and where
 * that never happens, together with a commit, whose fsync it saves: two fsyncs for both, not three.
 */
import { JournalFailed } from './port.ts'
import { pragmaNumber, SYNCHRONOUS_FULL } from './schema.ts'
import type { Database } from './sqlite-driver.ts'

/** Pages in the log from which on a quiet moment is used. */
export const CHECKPOINT_IDLE_PAGES = 1_000
/**
 * Pages in the log at which the next commit takes them over, quiet or not: rare enough that of a hundred messages less than one waits
 * for it, where stations never pause.
 */
export const CHECKPOINT_PAGES = 6_000
const PAGE_BYTES = 4_096
/** A disk is this many times as large as the log, at least. */
const DISK_PER_LOG = 64

/** How long the log may become on a disk of that size. */
export function checkpointPages(capacityBytes: number): number {
  const pages = Math.floor(capacityBytes / DISK_PER_LOG / PAGE_BYTES)
  return Math.min(CHECKPOINT_PAGES, Math.max(CHECKPOINT_IDLE_PAGES, pages))
}
/** SQLite tells the length of its log without writing anything from this version on; an older one keeps to its own way. */
const TELLS_FROM = [3, 51]

interface Told {
  busy: number
  log: number
  checkpointed: number
}

export class Checkpoint {
  readonly #db: Database
  readonly #length: { get(): unknown } | undefined
  readonly #most: number
  #pages = 0
  /** The file had no room for the log; it is tried again when nobody waits. */
  #hadNoRoom = false

  constructor(db: Database, pages = CHECKPOINT_PAGES) {
    this.#db = db
    this.#most = pages
    const version = String(db.prepare('SELECT sqlite_version()').pluck().get()).split('.').map(Number)
    const tells =
      version[0]! > TELLS_FROM[0]! || (version[0] === TELLS_FROM[0] && version[1]! >= TELLS_FROM[1]!)
    db.pragma(`wal_autocheckpoint = ${tells ? 0 : CHECKPOINT_IDLE_PAGES}`)
    this.#length = tells ? db.prepare('PRAGMA wal_checkpoint(NOOP)') : undefined
    this.measure()
  }

  /** To be called after every commit. */
  measure(): void {
    const told = this.#length?.get() as Told | undefined
    this.#pages = told ? told.log - told.checkpointed : 0
  }

  /** The next commit has to take the log over. */
  get isDue(): boolean {
    return this.#pages >= this.#most && !this.#hadNoRoom
  }

  /** To be called when nobody waits. A full disk is no fault here: the log stays, and holds everything. */
  whileIdle(): void {
    if (this.#pages < CHECKPOINT_IDLE_PAGES) return
    this.#takeOver()
    this.measure()
  }

  /** The disk is full: whether the log begins anew now, over what it has taken already. */
  makeRoom(): boolean {
    if (this.#pages === 0) return false
    const isRoom = this.#takeOver()
    this.measure()
    return isRoom
  }

  /** Commits by `commit`, which writes, and takes the log over. Everything is on disk when it returns. */
  around<T>(commit: () => T): T {
    let result: T
    let inFile = false
    this.#db.pragma('synchronous = NORMAL')
    try {
      result = commit()
      inFile = this.#takeOver()
    } finally {
      this.#backToFull()
    }
    if (!inFile) this.#syncLog()
    this.measure()
    return result
  }

  #backToFull(): void {
    this.#db.pragma('synchronous = FULL')
    if (pragmaNumber(this.#db, 'synchronous') !== SYNCHRONOUS_FULL)
      throw new JournalFailed('synchronous does not go back to FULL')
  }

  /** Whether all of the log is in the file now, both fsynced. */
  #takeOver(): boolean {
    this.#hadNoRoom = false
    try {
      const [told] = this.#db.pragma('wal_checkpoint(PASSIVE)') as Told[]
      return told?.busy === 0 && told.log === told.checkpointed
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_FULL') throw error
      this.#hadNoRoom = true
      return false
    }
  }

  /** A commit at FULL syncs the whole log, and with it what was committed before. */
  #syncLog(): void {
    try {
      this.#db.prepare("INSERT OR REPLACE INTO meta VALUES ('logSynced', 1)").run()
    } catch (cause) {
      throw new JournalFailed(`commit: the log could not be synced: ${(cause as Error).message}`, { cause })
    }
  }
}
