/** A memory card as the volume under a journal: its room, the reserve, and the files that a damaged journal is set aside with. */
import type { Volume } from '@switchyard/edge-controller/site-controller.ts'
import type { Card } from './card.ts'

/** What a card holds when nobody fills it; its files are small, so that nothing of it is pressed. */
const CAPACITY_BYTES = 256 * 1024 * 1024
const RESERVE_PIECE_BYTES = 1024 * 1024

/** Paths are `<id of the card>/<name>`. */
export function volumeOn(card: Card): Volume {
  const nameOf = (path: string): string => path.slice(card.id.length + 1)
  const freeBytes = (): number => Math.max(0, (card.capacityBytes ?? CAPACITY_BYTES) - card.usedBytes)
  return {
    space: () => ({ freeBytes: freeBytes(), capacityBytes: CAPACITY_BYTES }),
    reserve: {
      get heldBytes() {
        return card.reserveBytes
      },
      grow(bytes) {
        const piece = Math.min(RESERVE_PIECE_BYTES, bytes - card.reserveBytes)
        if (piece > 0 && piece <= freeBytes()) card.reserveBytes += piece
      },
      release() {
        card.reserveBytes = 0
      },
    },
    files: {
      bytes: (file) => card.bytesOf(nameOf(file)),
      rename: (from, to) => card.rename(nameOf(from), nameOf(to)),
      remove: (file) => void card.remove(nameOf(file)),
      touch: (file) => card.touch(nameOf(file)),
      readStart: (file, bytes) => Buffer.from(card.start(nameOf(file), bytes)),
      writeStart: (file, bytes) => card.writeStart(nameOf(file), bytes),
      numbersOf(prefix) {
        const begins = nameOf(prefix)
        return card.names.flatMap((name) => {
          const n = name.startsWith(begins) ? name.slice(begins.length) : ''
          return /^\d{1,9}$/.test(n) ? [Number(n)] : []
        })
      },
    },
  }
}
