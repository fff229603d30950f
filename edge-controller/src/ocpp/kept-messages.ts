/**
 * The newest messages of one station, as bytes outside the heap, where the garbage collector need not move and mark them: with the logs
 * of 100 stations full a controller under full load had 243 to 253 MB; with strings 247 to 327 MB (measured).
 */

export interface Kept {
  seq: number
  atMs: number
  dir: 'in' | 'out'
  text: string
}

/** Messages are written one after the other into blocks of so many bytes; a longer one has a block of its own. */
const BLOCK_BYTES = 8 * 1024
/** Before each text: number, time (both as doubles), direction, bytes of the text. */
const HEADER_BYTES = 8 + 8 + 1 + 4
/** A character of a JavaScript string is at most so many bytes of UTF-8. */
const MAX_CHAR_BYTES = 3

interface Block {
  bytes: Buffer
  /** Where its oldest message begins, and where the next one will. */
  from: number
  to: number
}

export class KeptMessages {
  readonly #blocks: Block[] = []
  /** An emptied block, for the next one: where messages come and go, nothing is allocated. */
  #spare: Block | undefined
  #count = 0
  #bytes = 0

  get count(): number {
    return this.#count
  }

  /** Of the messages that are kept. */
  get bytes(): number {
    return this.#bytes
  }

  push(seq: number, atMs: number, dir: 'in' | 'out', text: string): void {
    const block = this.#blockFor(text)
    const at = block.to
    const { bytes } = block
    const length = bytes.write(text, at + HEADER_BYTES)
    bytes.writeDoubleLE(seq, at)
    bytes.writeDoubleLE(atMs, at + 8)
    bytes[at + 16] = dir === 'in' ? 1 : 0
    bytes.writeUInt32LE(length, at + 17)
    block.to = at + HEADER_BYTES + length
    this.#count++
    this.#bytes += HEADER_BYTES + length
  }

  /** Forgets the oldest; there must be one. */
  shift(): void {
    const block = this.#blocks[0]!
    const size = HEADER_BYTES + block.bytes.readUInt32LE(block.from + 17)
    block.from += size
    this.#count--
    this.#bytes -= size
    if (block.from < block.to) return
    this.#blocks.shift()
    if (block.bytes.length === BLOCK_BYTES) this.#spare = { bytes: block.bytes, from: 0, to: 0 }
  }

  /** Oldest first. */
  *[Symbol.iterator](): Generator<Kept> {
    for (const { bytes, from, to } of this.#blocks) {
      for (let at = from; at < to; ) {
        const textAt = at + HEADER_BYTES
        const end = textAt + bytes.readUInt32LE(at + 17)
        yield {
          seq: bytes.readDoubleLE(at),
          atMs: bytes.readDoubleLE(at + 8),
          dir: bytes[at + 16] === 1 ? 'in' : 'out',
          text: bytes.toString('utf8', textAt, end),
        }
        at = end
      }
    }
  }

  /** One with room for the text, whatever is in it. */
  #blockFor(text: string): Block {
    const newest = this.#blocks.at(-1)
    const room = newest === undefined ? 0 : newest.bytes.length - newest.to - HEADER_BYTES
    if (newest && text.length * MAX_CHAR_BYTES <= room) return newest
    const length = Buffer.byteLength(text)
    if (newest && length <= room) return newest
    const size = HEADER_BYTES + length
    let block = size <= BLOCK_BYTES ? this.#spare : undefined
    if (block) this.#spare = undefined
    else block = { bytes: Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, size)), from: 0, to: 0 }
    this.#blocks.push(block)
    return block
  }
}
