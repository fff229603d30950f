/**
 * Opens the journal's file, whatever state it is in: one that is damaged is set aside, and what can be read of it goes on in a new
 * one. The new one is complete before it takes the place of the damaged one, so that this may be interrupted anywhere.
 */
import { JournalDamaged, JournalFailed } from './port.ts'
import { salvage } from './salvage.ts'
import { BUSY_TIMEOUT_MS, prepare } from './schema.ts'
import { SqliteJournal, type SqliteJournalOptions } from './sqlite.ts'
import { type Database, openDatabase } from './sqlite-driver.ts'
import type { JournalFiles } from './volume.ts'

/** Damaged files that are kept; the oldest goes first. */
export const MAX_DAMAGED_FILES = 3
/** A file up to this size is checked as a whole at every start; a larger one as far as it is read. */
export const CHECK_MAX_BYTES = 128 * 1024 * 1024
/** No journal is shorter, but for one that nothing was written to. */
const LEAST_BYTES = 4_096
/** Of every journal: SQLite's own choice since 2016, set nowhere. */
const PAGE_BYTES = 4_096
/** Where the header of a SQLite file tells its pages, first free page and number of free pages; 4 bytes each. */
const HEADER_PAGES = 28
const HEADER_FREE = 32
const HEADER_CHANGES = 24
const HEADER_VALID_FOR = 92

const draftOf = (file: string): string => `${file}-salvage`
const markOf = (file: string): string => `${file}-damaged`

/** Notes that the file was found damaged while it was in use: the next opening salvages it. */
export function markDamaged(file: string, files: JournalFiles): void {
  files.touch(markOf(file))
}

/** Errors that say that the content of the file is broken. */
export function isDamage(error: unknown): boolean {
  if (error instanceof JournalDamaged) return true
  const { code = '', cause } = error as { code?: string; cause?: unknown }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return true
  return cause !== undefined && isDamage(cause)
}

/** What SQLite may say of a file that it cannot open though its content is whole. */
const NO_DAMAGE = /^SQLITE_(BUSY|LOCKED|CANTOPEN|IOERR|FULL|PERM|AUTH|NOMEM)/

/** At opening anything else counts as damage too: a header with a few wrong bits is refused in many words. */
function isDamageAtOpening(error: unknown): boolean {
  const { code = '', cause } = error as { code?: string; cause?: unknown }
  if (isDamage(error) || (code.startsWith('SQLITE_') && !NO_DAMAGE.test(code))) return true
  return cause !== undefined && isDamageAtOpening(cause)
}

export function openJournal(
  file: string,
  newJournalId: string,
  options: SqliteJournalOptions,
  files: JournalFiles,
): SqliteJournal {
  // Interrupted between the two renames: the new file is complete.
  if (files.bytes(file) === undefined && files.bytes(draftOf(file)) !== undefined)
    files.rename(draftOf(file), file)
  try {
    if (files.bytes(markOf(file)) !== undefined)
      throw new JournalDamaged('it was found damaged while it was in use')
    const bytes = files.bytes(file) ?? 0
    // SQLite would take it for a file that is just being made.
    if (bytes > 0 && bytes < LEAST_BYTES) throw new JournalDamaged(`it is cut off after ${bytes} bytes`)
    // And would read what is missing of a page as zeros, those of a row's text too. What a power cut leaves half written stands in the log.
    if (bytes % PAGE_BYTES !== 0 && !files.bytes(`${file}-wal`))
      throw new JournalDamaged(`it is cut off in the middle of a page, after ${bytes} bytes`)
    return checked(file, newJournalId, options, files)
  } catch (error) {
    if (!isDamageAtOpening(error)) throw error
    renew(file, newJournalId, options, files, (error as Error).message)
    return new SqliteJournal(file, newJournalId, options)
  }
}

function checked(
  file: string,
  newJournalId: string,
  options: SqliteJournalOptions,
  files: JournalFiles,
): SqliteJournal {
  const journal = new SqliteJournal(file, newJournalId, options)
  try {
    journal.check((files.bytes(file) ?? 0) <= CHECK_MAX_BYTES)
    return journal
  } catch (error) {
    journal.close()
    throw error
  }
}

/** Puts a new file with what could be read in the place of the damaged one. */
function renew(
  file: string,
  newJournalId: string,
  options: SqliteJournalOptions,
  files: JournalFiles,
  reason: string,
): void {
  const fill = (): void => {
    draft(file, newJournalId, options, files, reason)
  }
  try {
    fill()
  } catch {
    // Most likely there is no room for a second file.
    options.makeRoom?.()
    try {
      fill()
    } catch (error) {
      // Nothing of it goes on, but charging does; the damaged file is kept.
      files.remove(draftOf(file))
      const to = openNew(file, newJournalId, options)
      salvageNothing(to, `${reason}; nothing could be saved: ${(error as Error).message}`)
      to.close()
    }
  }
  setAside(file, files)
  files.rename(draftOf(file), file)
  files.remove(markOf(file))
}

function draft(
  file: string,
  newJournalId: string,
  options: SqliteJournalOptions,
  files: JournalFiles,
  reason: string,
): void {
  files.remove(draftOf(file))
  openNew(file, newJournalId, options).close()
  repairHeader(file, files)
  const from = (options.open ?? openDatabase)(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    from.pragma('locking_mode = EXCLUSIVE')
    from.pragma('wal_autocheckpoint = 0')
    const to = openNew(file, newJournalId, options)
    try {
      salvage(from, to, reason)
    } finally {
      to.close()
    }
  } finally {
    closeQuietly(from)
  }
}

function openNew(file: string, newJournalId: string, options: SqliteJournalOptions): Database {
  const db = (options.open ?? openDatabase)(draftOf(file), { timeout: BUSY_TIMEOUT_MS })
  prepare(db, draftOf(file), newJournalId)
  return db
}

function salvageNothing(to: Database, reason: string): void {
  salvage(to, to, reason)
}

/**
 * Every journal of one version has its tables in the same pages, so the first page of a new one serves where that of the damaged
 * one does not. Where it does, only the number of pages is set right: a file that was cut off would not be opened.
 */
function repairHeader(file: string, files: JournalFiles): void {
  const own = files.readStart(draftOf(file), 100)
  const pageBytes = own.readUInt16BE(16)
  const fresh = files.readStart(draftOf(file), pageBytes)
  const found = files.readStart(file, pageBytes)
  const isOurs = found.length === pageBytes && found.subarray(0, 24).equals(fresh.subarray(0, 24))
  const isReadable = isOurs && found.subarray(100, 108).equals(fresh.subarray(100, 108))
  const page = Buffer.from(isReadable ? found : fresh)
  if (!isReadable) page.fill(0, HEADER_FREE, HEADER_FREE + 8)
  page.writeUInt32BE(Math.max(1, Math.floor((files.bytes(file) ?? 0) / pageBytes)), HEADER_PAGES)
  page.writeUInt32BE(page.readUInt32BE(HEADER_CHANGES), HEADER_VALID_FOR)
  if (!page.equals(found)) files.writeStart(file, page)
}

/** Renames the file and its log, and forgets the oldest of those before it. */
function setAside(file: string, files: JournalFiles): void {
  const numbers = files.numbersOf(`${file}.damaged-`)
  const n = Math.max(0, ...numbers) + 1
  for (const suffix of ['-wal', ''])
    if (files.bytes(file + suffix) !== undefined) files.rename(file + suffix, `${file}.damaged-${n}${suffix}`)
  for (const old of numbers)
    if (old <= n - MAX_DAMAGED_FILES)
      for (const suffix of ['', '-wal']) files.remove(`${file}.damaged-${old}${suffix}`)
}

function closeQuietly(db: Database): void {
  try {
    db.close()
  } catch (error) {
    // Its log could not be taken over into it: it stays as it is.
    if (!isDamage(error)) throw new JournalFailed((error as Error).message, { cause: error })
  }
}
