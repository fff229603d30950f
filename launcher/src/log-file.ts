import { appendFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** One child's log takes at most this much, times the files kept. */
const MAX_BYTES = 5_000_000
const KEPT_FILES = 3
const TAIL_BYTES = 4_000

/** A log file that is rotated by size. A disk that is full loses log lines, never the process that is logged. */
export class LogFile {
  readonly path: string
  #bytes: number
  #tail = ''

  constructor(path: string) {
    this.path = path
    mkdirSync(dirname(path), { recursive: true })
    this.#bytes = existsSync(path) ? statSync(path).size : 0
  }

  write(chunk: Buffer | string): void {
    const length = Buffer.byteLength(chunk)
    this.#tail = (this.#tail + chunk.toString()).slice(-TAIL_BYTES)
    try {
      if (this.#bytes + length > MAX_BYTES) this.#rotate()
      appendFileSync(this.path, chunk, { mode: 0o600 })
      this.#bytes += length
    } catch {
      // The tail in memory still serves an error message.
    }
  }

  note(line: string): void {
    this.write(`${line}\n`)
  }

  /** The last lines, for a message about a child that does not start. */
  tail(lines = 12): string {
    return this.#tail
      .trimEnd()
      .split('\n')
      .slice(-lines)
      .map((line) => `  ${line.slice(0, 400)}`)
      .join('\n')
  }

  #rotate(): void {
    for (let n = KEPT_FILES - 1; n >= 1; n--) {
      const older = n === 1 ? this.path : `${this.path}.${n - 1}`
      if (existsSync(older)) renameSync(older, `${this.path}.${n}`)
    }
    this.#bytes = 0
  }
}
