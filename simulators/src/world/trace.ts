/** What happened in a world, line by line: a hash of it always, the story on demand. Same seed, same lines, on any machine. */

export class Trace {
  readonly #nowMs: () => number
  readonly #print: ((line: string) => void) | undefined
  #a = 0x811c9dc5
  #b = 0x9e3779b9
  lines = 0

  constructor(nowMs: () => number, print?: (line: string) => void) {
    this.#nowMs = nowMs
    this.#print = print
  }

  tell(who: string, what: string): void {
    this.lines++
    const line = `${time(this.#nowMs())} ${who.padEnd(12)} ${what}`
    for (let i = 0; i < line.length; i++) {
      const unit = line.charCodeAt(i)
      this.#a = Math.imul(this.#a ^ unit, 0x01000193)
      this.#b = Math.imul(this.#b + unit, 0x85ebca6b) ^ (this.#b >>> 13)
    }
    this.#print?.(line)
  }

  /** Of all lines so far, 16 hex digits. */
  get hash(): string {
    return [this.#a, this.#b].map((part) => (part >>> 0).toString(16).padStart(8, '0')).join('')
  }
}

/** h:mm:ss.mmm since the world began. */
function time(ms: number): string {
  const pad = (n: number, digits: number) => String(n).padStart(digits, '0')
  return `${Math.floor(ms / 3_600_000)}:${pad(Math.floor(ms / 60_000) % 60, 2)}:${pad(Math.floor(ms / 1000) % 60, 2)}.${pad(ms % 1000, 3)}`
}
