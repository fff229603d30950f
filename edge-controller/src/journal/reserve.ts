/** The reserve: bytes beside the journal that are really allocated, and given up when the disk is full. */
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs'

/** Written in one go, so that commits between two of them wait briefly. */
const PIECE_BYTES = 1024 * 1024
/** Blocks of `stat` are of this size whatever the file system's own are. */
const BLOCK_BYTES = 512

export class Reserve {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  /** Bytes that are allocated now. */
  get heldBytes(): number {
    try {
      const { size, blocks } = statSync(this.#file)
      return Math.min(size, blocks * BLOCK_BYTES)
    } catch {
      return 0
    }
  }

  /** Makes it longer by one piece, up to `bytes`. A disk that has no room for that leaves it as long as it was. */
  grow(bytes: number): void {
    const held = this.heldBytes
    if (held >= bytes) return
    let fd: number | undefined
    try {
      // Over what is there: after a crash its end may not be allocated.
      fd = openSync(this.#file, held === 0 ? 'w' : 'r+')
      const length = Math.min(PIECE_BYTES, bytes - held)
      writeSync(fd, incompressible(length), 0, length, held)
      fsyncSync(fd)
    } catch (error) {
      if (!['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
  }

  /** Gives it up; its room is free when this returns. */
  release(): void {
    rmSync(this.#file, { force: true })
  }
}

/** A file system that compresses would allocate next to nothing for zeros. */
function incompressible(bytes: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4))
  let word = 0x9e3779b9
  for (let i = 0; i < words.length; i++) {
    word ^= word << 13
    word ^= word >>> 17
    word ^= word << 5
    words[i] = word
  }
  return new Uint8Array(words.buffer)
}
