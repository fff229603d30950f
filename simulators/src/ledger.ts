/**
 * What the simulated stations delivered, written down beside the system under test: the oracle that its CDRs are
 * held against. JSON lines, one per ended session, on the disk before the station says that it ended; the starts
 * stand in a file of their own beside it.
 */
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Instant } from '@switchyard/protocol/instant.ts'

export interface LedgerStart {
  /** The simulator's own key of a session, unique. */
  sessionKey: string
  stationId: string
  /** Connector of 1.6, EVSE of 2.0.1 (whose only connector is 1). */
  connectorId: number
  evseId: number
  version: string
  idToken: string
  startedAt: Instant
  /** Decimal text of Wh, as the station's messages give it. */
  startRegisterWh: string
}

export interface LedgerEntry extends LedgerStart {
  endedAt: Instant
  endRegisterWh: string
  /** Exactly endRegisterWh less startRegisterWh. */
  energyWh: string
  /** OCPP's id of it; null for a 1.6 session whose StartTransaction has not been answered yet. */
  transactionId: string | null
  /** Why it ended, in the words of the station's OCPP version. */
  reason: string
}

export interface Ledger {
  /** Written and fsynced when this returns. */
  recordStart(start: LedgerStart): void
  /** Written and fsynced when this returns; a session that has ended already is not written twice. */
  recordEnd(entry: LedgerEntry): void
  /** The end of a session that this file holds. */
  find(sessionKey: string): LedgerEntry | undefined
  close(): void
}

/** The file of starts beside a ledger: `ledger.jsonl` -> `ledger.starts.jsonl`. */
export function startsFile(file: string): string {
  return file.endsWith('.jsonl') ? `${file.slice(0, -'.jsonl'.length)}.starts.jsonl` : `${file}.starts`
}

/** Ended sessions in the order of their end; a line that a power cut left unfinished is left out. Throws on any other bad line. */
export function readLedger(file: string): LedgerEntry[] {
  return readLines<LedgerEntry>(file).entries
}

/** Started sessions, ended or not, in the order of their start. */
export function readStarts(file: string): LedgerStart[] {
  return readLines<LedgerStart>(startsFile(file)).entries
}

/** Opens a ledger for appending, creating files and folder. One process writes a ledger at a time. */
export function openLedger(file: string): Ledger {
  mkdirSync(dirname(file), { recursive: true })
  const ends = openLines(file)
  const starts = openLines(startsFile(file))
  const ended = new Map(readLedger(file).map((entry) => [entry.sessionKey, entry]))
  return {
    recordStart: (start) => starts.append(start),
    recordEnd(entry) {
      if (ended.has(entry.sessionKey)) return
      ends.append(entry)
      ended.set(entry.sessionKey, entry)
    },
    find: (sessionKey) => ended.get(sessionKey),
    close() {
      ends.close()
      starts.close()
    },
  }
}

/** A ledger for those who ask for none: it remembers, and writes nothing. */
export function memoryLedger(): Ledger {
  const ended = new Map<string, LedgerEntry>()
  return {
    recordStart: () => {},
    recordEnd: (entry) => void ended.set(entry.sessionKey, entry),
    find: (sessionKey) => ended.get(sessionKey),
    close: () => {},
  }
}

function openLines(file: string) {
  const fd = openSync(file, 'a')
  // A line without its end was never acted on (the write had not returned), so it may go.
  ftruncateSync(fd, readLines(file).wholeBytes)
  return {
    append(entry: object) {
      writeSync(fd, `${JSON.stringify(entry)}\n`)
      fsyncSync(fd)
    },
    close: () => closeSync(fd),
  }
}

function readLines<T>(file: string): { entries: T[]; wholeBytes: number } {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { entries: [], wholeBytes: 0 }
    throw error
  }
  const wholeBytes = bytes.lastIndexOf(0x0a) + 1
  const lines = bytes.subarray(0, wholeBytes).toString('utf8').split('\n').slice(0, -1)
  const entries = lines.map((line, index) => {
    try {
      return JSON.parse(line) as T
    } catch (cause) {
      throw new Error(`${file}, line ${index + 1}: not JSON`, { cause })
    }
  })
  return { entries, wholeBytes }
}
