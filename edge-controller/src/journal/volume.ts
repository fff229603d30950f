/** The disk under the journal's file, beyond what SQLite does with it: how much is free, the reserve, and the files themselves. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { Reserve } from './reserve.ts'

export interface Volume {
  space(): { freeBytes: number; capacityBytes: number }
  reserve: Pick<Reserve, 'heldBytes' | 'grow' | 'release'>
  files: JournalFiles
}

/** What a damaged file is set aside with. */
export interface JournalFiles {
  /** Undefined: there is none. */
  bytes(file: string): number | undefined
  /** Durable when it returns. */
  rename(from: string, to: string): void
  remove(file: string): void
  touch(file: string): void
  /** At most so many bytes from the beginning. */
  readStart(file: string, bytes: number): Buffer
  writeStart(file: string, bytes: Buffer): void
  /** The numbers n of the files `${prefix}n`. */
  numbersOf(prefix: string): number[]
}

export function volumeOf(file: string): Volume {
  return {
    space() {
      const { bavail, blocks, bsize } = statfsSync(dirname(file))
      return { freeBytes: bavail * bsize, capacityBytes: blocks * bsize }
    },
    reserve: new Reserve(`${file}-reserve`),
    files: FILES,
  }
}

const FILES: JournalFiles = {
  bytes: (file) => (existsSync(file) ? statSync(file).size : undefined),
  rename(from, to) {
    renameSync(from, to)
    withFile(dirname(to), 'r', fsyncSync)
  },
  remove: (file) => rmSync(file, { force: true }),
  touch: (file) => writeFileSync(file, ''),
  readStart: (file, bytes) =>
    withFile(file, 'r', (fd) => {
      const read = Buffer.alloc(bytes)
      return read.subarray(0, readSync(fd, read, 0, bytes, 0))
    }),
  writeStart: (file, bytes) =>
    withFile(file, 'r+', (fd) => {
      writeSync(fd, bytes, 0, bytes.length, 0)
      fsyncSync(fd)
    }),
  numbersOf(prefix) {
    const begins = basename(prefix)
    return readdirSync(dirname(prefix)).flatMap((name) => {
      const n = name.startsWith(begins) ? name.slice(begins.length) : ''
      return /^\d{1,9}$/.test(n) ? [Number(n)] : []
    })
  },
}

function withFile<T>(file: string, flags: string, work: (fd: number) => T): T {
  const fd = openSync(file, flags)
  try {
    return work(fd)
  } finally {
    closeSync(fd)
  }
}
