/**
 * Watches the framing of MQTT packets on a socket, so that one that is too large ends the connection before it is gathered in
 * memory. The embedded broker's parser has no bound of its own.
 */

/** A packet's length needs at most four bytes (MQTT 3.1.1, 2.2.3). */
const MAX_LENGTH_BYTES = 4

export class PacketBound {
  readonly #maxBytes: number
  #lengthBytes = 0
  #length = 0
  /** Bytes of the packet's body still to come; -1: the length is being read, -2: the next byte begins a packet. */
  #left = -2

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Takes what was read. False: a packet is too large, or its length is no length. */
  take(chunk: Uint8Array): boolean {
    let at = 0
    while (at < chunk.length) {
      if (this.#left === -2) {
        at++
        this.#left = -1
        this.#lengthBytes = 0
        this.#length = 0
      } else if (this.#left === -1) {
        const byte = chunk[at++] ?? 0
        this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes++
        if (this.#length > this.#maxBytes) return false
        if (byte < 0x80) this.#left = this.#length === 0 ? -2 : this.#length
        else if (this.#lengthBytes === MAX_LENGTH_BYTES) return false
      } else {
        const taken = Math.min(this.#left, chunk.length - at)
        at += taken
        this.#left -= taken
        if (this.#left === 0) this.#left = -2
      }
    }
    return true
  }
}
