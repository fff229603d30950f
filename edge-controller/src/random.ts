/** The one source of real randomness of the controller. */
import { randomFillSync } from 'node:crypto'
import type { Random } from './ports.ts'

/** Randomness is drawn from the kernel in portions: an id of 16 bytes would cost a call each (5 µs, measured). */
const POOL_BYTES = 4_096
const pool = Buffer.allocUnsafe(POOL_BYTES)
let used = POOL_BYTES

function bytes(length: number): Uint8Array {
  if (length > POOL_BYTES) return randomFillSync(new Uint8Array(length))
  if (used + length > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const drawn = Uint8Array.prototype.slice.call(pool, used, used + length)
  // What was given out must not be found here later.
  pool.fill(0, used, used + length)
  used += length
  return drawn
}

export const systemRandom: Random = {
  bytes,
  fraction: () => Buffer.from(bytes(6)).readUIntBE(0, 6) / 2 ** 48,
}
