/** Answers requests from the journal's file, each in one go: in the worker thread on the box, at its virtual disk in the simulator. */
import { checkpointPages } from './checkpoint.ts'
import { readFlat } from './flat-changes.ts'
import type { GroupResult, JournalFile, Request, Response } from './journal-messages.ts'
import { isDamage, markDamaged, openJournal } from './open-journal.ts'
import { type DiskReading, reserveBytes } from './pressure.ts'
import { SqliteJournal } from './sqlite.ts'
import type { OpenDatabase } from './sqlite-driver.ts'
import type { Volume } from './volume.ts'

export class JournalServer {
  readonly #file: JournalFile
  readonly #open: OpenDatabase | undefined
  readonly #volume: Volume | undefined
  #journal: SqliteJournal | undefined
  #reserveSpent = false

  /** `open` brings another build of SQLite, `volume` the disk under it. */
  constructor(file: JournalFile, open?: OpenDatabase, volume?: Volume) {
    this.#file = file
    this.#open = open
    this.#volume = volume
  }

  respond(request: Request): Response {
    try {
      return { n: request.n, ok: true, value: this.#perform(request) }
    } catch (error) {
      return this.#failed(request, error)
    }
  }

  /** Lasts longer than other requests, which are answered in between. */
  async backup(request: Request & { op: 'backup' }): Promise<Response> {
    try {
      if (!this.#journal) throw new Error('the journal is not open')
      return { n: request.n, ok: true, value: await this.#journal.backup(request.to) }
    } catch (error) {
      return this.#failed(request, error)
    }
  }

  #failed(request: Request, error: unknown): Response {
    const { name, message } = error as Error
    const broken = isDamage(error)
    if (broken && this.#volume) markDamaged(this.#file.file, this.#volume.files)
    return { n: request.n, ok: false, name, message, ...(broken ? { broken } : {}) }
  }

  /** To be called when nothing was asked for a while. */
  whileIdle(): void {
    this.#journal?.whileIdle()
  }

  #perform(request: Request): unknown {
    if (request.op === 'open') {
      this.#journal = this.#opened()
      this.#limit()
      return this.#journal.load()
    }
    if (request.op === 'close') {
      this.#journal?.close()
      this.#journal = undefined
      return undefined
    }
    const journal = this.#journal
    if (!journal) throw new Error('the journal is not open')
    switch (request.op) {
      case 'group': {
        const results = journal.commitGroup(readFlat(request.changes), request.acknowledged)
        const refused: GroupResult['refused'] = {}
        for (const [i, result] of results.entries()) {
          if (!result.ok) refused[i] = { name: result.error.name, message: result.error.message }
        }
        const reserveSpent = this.#reserveSpent
        this.#reserveSpent = false
        return { heads: journal.heads, refused, reserveSpent } satisfies GroupResult
      }
      case 'readAfter':
        return journal.readAfter(request.stream, request.seq, request.maxRows, request.maxBytes)
      case 'fork':
        return journal.fork(request.fork)
      case 'withdraw':
        return journal.withdraw(request.stream, request.upTo)
      case 'prune':
        return journal.prune(request.stream, request.upTo)
      case 'thin':
        return journal.thin(request)
      case 'backup':
        throw new Error('a backup is asked for by itself')
      case 'measure':
        return this.#measure(journal)
      case 'growReserve': {
        const reading = this.#measure(journal)
        if (reading) this.#volume?.reserve.grow(reserveBytes(reading))
        this.#limit()
        return undefined
      }
    }
  }

  #opened(): SqliteJournal {
    const { file, newJournalId } = this.#file
    const capacityBytes = this.#volume?.space().capacityBytes
    const ofDisk = capacityBytes === undefined ? undefined : checkpointPages(capacityBytes)
    const pages = this.#file.checkpointPages ?? ofDisk
    const options = { open: this.#open, checkpointPages: pages, makeRoom: () => this.#makeRoom() }
    const files = this.#volume?.files
    return files
      ? openJournal(file, newJournalId, options, files)
      : new SqliteJournal(file, newJournalId, options)
  }

  /** Gives the reserve up, when it has not been before. */
  #makeRoom(): boolean {
    if (!this.#volume || this.#volume.reserve.heldBytes === 0) return false
    this.#volume.reserve.release()
    this.#reserveSpent = true
    this.#limit()
    return true
  }

  /** A bound of the size is one of file and reserve together: what the reserve gives up, the file may take. */
  #limit(): void {
    const { maxBytes } = this.#file
    if (maxBytes !== undefined)
      this.#journal?.limitBytes(Math.max(0, maxBytes - (this.#volume?.reserve.heldBytes ?? 0)))
  }

  #measure(journal: SqliteJournal): DiskReading | undefined {
    if (!this.#volume) return undefined
    const { maxBytes } = this.#file
    const reading = { ...this.#volume.space(), ...journal.size(), maxBytes, reserveHeld: false }
    return { ...reading, reserveHeld: this.#volume.reserve.heldBytes >= reserveBytes(reading) }
  }
}
