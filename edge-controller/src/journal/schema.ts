/** The journal's file: its pragmas, its tables and how an older file becomes a newer one. */
import { mutated } from '@switchyard/protocol/mutation.ts'
import { JournalDamaged } from './port.ts'
import type { Database } from './sqlite-driver.ts'

/** "SWYD": tells our files from other SQLite databases. */
const APPLICATION_ID = 0x53575944
/** Waits this long for a predecessor that is still closing the file. */
export const BUSY_TIMEOUT_MS = 5_000
/** The WAL file is cut back to this size after a checkpoint. */
const WAL_SIZE_LIMIT_BYTES = 32 * 1024 * 1024
/** What `PRAGMA synchronous` answers for FULL. */
export const SYNCHRONOUS_FULL = 2

/** A file from further ahead than this is not from a newer version: its header is damaged. */
const MAX_VERSIONS_AHEAD = 1_000

/**
 * One step per version, never changed once released. Rows stand in one table per stream with an integer key: appending
 * is then a quarter cheaper than with a (stream, seq) key without rowid (measured).
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE entity (kind TEXT NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;
   CREATE TABLE row_ledger (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, fact TEXT NOT NULL, covers INTEGER) STRICT;
   CREATE TABLE row_telemetry (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, fact TEXT NOT NULL, covers INTEGER) STRICT;`,
  // Who the journal is, a second time and on another page: without it a damaged one would begin anew, and send again what the cloud has.
  `CREATE TABLE identity (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
   INSERT INTO identity SELECT key, value FROM meta WHERE key IN ('journalId', 'base.ledger', 'base.telemetry');
   CREATE TRIGGER identity_of_meta AFTER INSERT ON meta WHEN new.key IN ('journalId', 'base.ledger', 'base.telemetry')
   BEGIN INSERT OR REPLACE INTO identity VALUES (new.key, new.value); END;`,
]

/**
 * Makes an open connection a journal's: one writer, fsync at every commit. Throws when the file is not a journal, comes
 * from a newer version, is held by another process, or cannot be made durable.
 */
export function prepare(db: Database, file: string, newJournalId: string): void {
  db.pragma('locking_mode = EXCLUSIVE')
  const tables = Number(db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get())
  const application = pragmaNumber(db, 'application_id')
  const isForeign = application !== APPLICATION_ID && (application !== 0 || tables > 0)
  if (isForeign && hasRows(db))
    throw new JournalDamaged(`${file}: its header is not a journal's, its tables are`)
  if (isForeign) throw new Error(`${file} is a SQLite database, but not a journal of a site controller`)

  const mode = db.pragma('journal_mode = WAL', { simple: true })
  if (mode !== 'wal') throw new Error(`${file} cannot be put into WAL mode: it stays in ${String(mode)}`)
  // An existing WAL file opens at NORMAL, which would lose acknowledged commits at a power cut.
  db.pragma(mutated('synchronous-normal') ? 'synchronous = NORMAL' : 'synchronous = FULL')
  const synchronous = pragmaNumber(db, 'synchronous')
  if (synchronous !== SYNCHRONOUS_FULL && !mutated('synchronous-normal'))
    throw new Error(`${file}: synchronous is ${synchronous} after being set to FULL (${SYNCHRONOUS_FULL})`)
  db.pragma('foreign_keys = ON')
  db.pragma(`journal_size_limit = ${WAL_SIZE_LIMIT_BYTES}`)

  const version = pragmaNumber(db, 'user_version')
  if (version < 0 || version > MIGRATIONS.length + MAX_VERSIONS_AHEAD || (version === 0 && tables > 0))
    throw new JournalDamaged(`${file}: its header tells version ${version}`)
  if (version > MIGRATIONS.length)
    throw new Error(
      `${file} was written by a newer version (${version}, this one knows up to ${MIGRATIONS.length})`,
    )
  if (version === MIGRATIONS.length) return
  db.transaction(() => {
    for (const step of MIGRATIONS.slice(version)) db.exec(step)
    if (version === 0) {
      db.pragma(`application_id = ${APPLICATION_ID}`)
      db.prepare("INSERT INTO meta VALUES ('journalId', ?)").run(newJournalId)
    }
    db.pragma(`user_version = ${MIGRATIONS.length}`)
  }).immediate()
}

function hasRows(db: Database): boolean {
  return db.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'row_ledger'").pluck().get() === 1
}

export function pragmaNumber(db: Database, name: string): number {
  return Number(db.pragma(name, { simple: true }))
}
