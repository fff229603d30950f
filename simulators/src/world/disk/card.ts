/**
 * A memory card: files whose writes are certain only once they are synced. When power fails, each write since the last sync
 * of its file survives, is lost, or survives in part, as the seed says; SQLite and the journal have to live with any of these.
 */
import type { Random } from '../../random.ts'

/** What a card writes in one piece. */
const SECTOR_BYTES = 512

/** A change of a file; what was there before and what is there now lie one after the other in the file's log. */
interface Write {
  offset: number
  /** Of the whole file, before it. */
  sizeBefore: number
  /** Where in the log. */
  at: number
  beforeBytes: number
  /** -1: the file was cut off at the offset. */
  afterBytes: number
}

/** Memory of files that are gone, for the next ones: a world makes many, and fresh memory costs more than what is done in it. */
const spare: Uint8Array<ArrayBuffer>[] = []
const MAX_SPARE = 16
const FIRST_BYTES = 256 * 1024

class CardFile {
  /** Beyond `size` it holds anything. */
  data = spare.shift() ?? new Uint8Array(FIRST_BYTES)
  size = 0
  /** Not synced yet, oldest first. */
  pending: Write[] = []
  /** Its name is on the card. */
  isNamed = false
  #log = spare.shift() ?? new Uint8Array(FIRST_BYTES)
  #logged = 0

  resize(size: number): void {
    if (size > this.data.length) this.data = grown(this.data, this.size, size)
    if (size > this.size) this.data.fill(0, this.size, size)
    this.size = size
  }

  release(): void {
    if (spare.length >= MAX_SPARE) return
    spare.push(this.data, this.#log)
    // The smallest first: most files stay small.
    spare.sort((a, b) => a.length - b.length)
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length
    const at = this.#logged
    const beforeBytes = Math.max(0, Math.min(end, this.size) - offset)
    this.#remember(this.data, offset, beforeBytes)
    this.#remember(bytes, 0, bytes.length)
    this.pending.push({ offset, sizeBefore: this.size, at, beforeBytes, afterBytes: bytes.length })
    // What lies between is filled; what the bytes themselves cover need not be.
    if (offset > this.size) this.resize(offset)
    if (end > this.data.length) this.data = grown(this.data, this.size, end)
    this.size = Math.max(this.size, end)
    this.data.set(bytes, offset)
  }

  truncate(size: number): void {
    const at = this.#logged
    this.#remember(this.data, size, this.size - size)
    this.pending.push({
      offset: size,
      sizeBefore: this.size,
      at,
      beforeBytes: this.size - size,
      afterBytes: -1,
    })
    this.resize(size)
  }

  synced(): void {
    this.pending = []
    this.#logged = 0
    this.isNamed = true
  }

  undo({ offset, sizeBefore, at, beforeBytes }: Write): void {
    this.resize(sizeBefore)
    this.data.set(this.#log.subarray(at, at + beforeBytes), offset)
  }

  /** As far as `bytes` of it. */
  redo({ offset, at, beforeBytes, afterBytes }: Write, bytes: number): void {
    if (afterBytes < 0) {
      this.resize(Math.min(this.size, offset))
      return
    }
    const end = offset + Math.min(bytes, afterBytes)
    if (end > this.size) this.resize(end)
    this.data.set(this.#log.subarray(at + beforeBytes, at + beforeBytes + end - offset), offset)
  }

  copy(): CardFile {
    const copy = new CardFile()
    copy.resize(this.size)
    copy.data.set(this.data.subarray(0, this.size))
    copy.isNamed = true
    return copy
  }

  #remember(from: Uint8Array, offset: number, bytes: number): void {
    const end = this.#logged + bytes
    if (end > this.#log.length) this.#log = grown(this.#log, this.#logged, end)
    this.#log.set(from.subarray(offset, offset + bytes), this.#logged)
    this.#logged = end
  }
}

function grown(data: Uint8Array<ArrayBuffer>, used: number, atLeast: number): Uint8Array<ArrayBuffer> {
  // What is outgrown is left to the next small file.
  const at = spare.findIndex((it) => it.length >= atLeast)
  const larger = at < 0 ? new Uint8Array(Math.max(atLeast, data.length * 2)) : spare.splice(at, 1, data)[0]!
  larger.set(data.subarray(0, used))
  return larger
}

export type CardFault = 'cut' | 'full' | 'broken'

export class Card {
  readonly id: string
  #files = new Map<string, CardFile>()
  /** Power failed, or the process was killed: nothing reaches the card any more until it is put in again. */
  #isOff = false
  #cutIn: number | undefined
  #onCut = (): void => {}
  /** Bytes that fit; undefined: enough. */
  capacityBytes: number | undefined
  /** Writes, syncs and deletions so far. */
  operations = 0
  /** Allocated beside the files, to be given up when nothing else is left. */
  reserveBytes = 0

  constructor(id: string) {
    this.id = id
  }

  /** What the card holds now, on another one: a backup, or a clone. Taken from a running system, as of one instant. */
  cloned(id: string): Card {
    const clone = new Card(id)
    for (const [name, file] of this.#files) clone.#files.set(name, file.copy())
    clone.reserveBytes = this.reserveBytes
    return clone
  }

  /** Cuts the power at the operation that comes so many after this one. */
  cutAfter(operations: number, onCut: () => void): void {
    this.#cutIn = operations
    this.#onCut = onCut
  }

  /** Power fails now: what was not synced is at the mercy of the seed. */
  cut(random: Random): void {
    this.#isOff = true
    for (const [name, file] of this.#files) {
      if (!file.isNamed && random.fraction() < 0.5) this.#files.delete(name)
      else this.#settle(file, random)
    }
  }

  /** The process is killed: the operating system writes out what it was given. */
  kill(): void {
    this.#isOff = true
    for (const file of this.#files.values()) file.synced()
  }

  /** Nobody will read it any more. */
  discard(): void {
    for (const file of this.#files.values()) file.release()
    this.#files.clear()
  }

  /** Put into a running machine again. */
  insert(): void {
    this.#isOff = false
    this.#cutIn = undefined
  }

  /** A page reads as erased from now on, as worn flash does; false: there is no such file, or it is short. */
  corrupt(name: string, pageBytes: number, random: Random): boolean {
    const file = this.#files.get(name)
    if (!file || file.size < 2 * pageBytes) return false
    const page = random.int(0, Math.floor(file.size / pageBytes) - 1)
    file.data.fill(0xff, page * pageBytes, (page + 1) * pageBytes)
    return true
  }

  get usedBytes(): number {
    let bytes = this.reserveBytes
    for (const file of this.#files.values()) bytes += file.size
    return bytes
  }

  /** Undefined while the power is off. */
  open(name: string, create: boolean): CardFile | undefined {
    if (this.#isOff) return undefined
    let file = this.#files.get(name)
    if (!file && create) {
      file = new CardFile()
      this.#files.set(name, file)
    }
    return file
  }

  exists(name: string): boolean {
    return this.#files.has(name)
  }

  read(file: CardFile, offset: number, into: Uint8Array): number | CardFault {
    if (this.#isOff) return 'cut'
    const got = Math.max(0, Math.min(file.size - offset, into.length))
    if (got > 0) into.set(file.data.subarray(offset, offset + got))
    return got
  }

  write(file: CardFile, offset: number, bytes: Uint8Array): CardFault | undefined {
    const end = offset + bytes.length
    const more = Math.max(0, end - file.size)
    if (this.capacityBytes !== undefined && more > 0 && this.usedBytes + more > this.capacityBytes)
      return 'full'
    if (this.#fails()) return 'cut'
    file.write(offset, bytes)
    return undefined
  }

  truncate(file: CardFile, size: number): CardFault | undefined {
    if (this.#fails()) return 'cut'
    if (size < file.size) file.truncate(size)
    return undefined
  }

  sync(file: CardFile): CardFault | undefined {
    if (this.#fails()) return 'cut'
    file.synced()
    return undefined
  }

  remove(name: string): CardFault | undefined {
    if (this.#fails()) return 'cut'
    this.#files.delete(name)
    return undefined
  }

  get names(): string[] {
    return [...this.#files.keys()]
  }

  bytesOf(name: string): number | undefined {
    return this.#files.get(name)?.size
  }

  /** In the place of what was there; durable when it returns. Throws while the power is off. */
  rename(from: string, to: string): void {
    const file = this.#files.get(from)
    if (!file || this.#fails()) throw new Error(`${this.id}: ${from} cannot be renamed`)
    this.#files.delete(from)
    this.#files.set(to, file)
    file.isNamed = true
  }

  touch(name: string): void {
    if (this.#fails()) throw new Error(`${this.id}: ${name} cannot be made`)
    const file = this.#files.get(name) ?? new CardFile()
    file.isNamed = true
    this.#files.set(name, file)
  }

  start(name: string, bytes: number): Uint8Array {
    const file = this.#files.get(name)
    return file ? file.data.slice(0, Math.min(file.size, bytes)) : new Uint8Array(0)
  }

  /** Durable when it returns. */
  writeStart(name: string, bytes: Uint8Array): void {
    const file = this.#files.get(name)
    if (!file || this.write(file, 0, bytes) || this.sync(file))
      throw new Error(`${this.id}: ${name} cannot be written`)
  }

  /** Takes back what was not synced, and does again what the seed lets survive. */
  #settle(file: CardFile, random: Random): void {
    for (const write of [...file.pending].reverse()) file.undo(write)
    // A card may have held back everything, nothing, or some of it.
    const survival = random.pick([
      { weight: 2, share: 0 },
      { weight: 1, share: 1 },
      { weight: 2, share: 0.5 },
    ]).share
    for (const write of file.pending) {
      if (random.fraction() >= survival) continue
      const sectors = Math.floor(write.afterBytes / SECTOR_BYTES)
      const isTorn = sectors > 0 && random.fraction() < 0.3
      file.redo(write, isTorn ? random.int(0, sectors) * SECTOR_BYTES : write.afterBytes)
    }
    file.synced()
  }

  #fails(): boolean {
    if (this.#isOff) return true
    this.operations++
    if (this.#cutIn === undefined || this.#cutIn-- > 0) return false
    this.#cutIn = undefined
    this.#isOff = true
    this.#onCut()
    return true
  }
}

export type { CardFile }
