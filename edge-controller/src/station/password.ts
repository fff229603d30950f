/** Passwords of stations: scrypt, computed off the main thread, a bounded number at a time. */
import { scrypt, timingSafeEqual } from 'node:crypto'

/** Verifications that run at once: each holds a thread of the pool and 16 MB. */
export const VERIFYING_MAX = 2
/** Verifications that may wait; one more is turned away. */
export const WAITING_MAX = 256

/** Cost that a hash may ask for: memory is 128 * N * r bytes. */
const MEMORY_MAX_BYTES = 64 * 1024 * 1024
const DEFAULT_COST = { N: 16_384, r: 8, p: 1 }
const HASH_BYTES = 32

interface ScryptHash {
  N: number
  r: number
  p: number
  salt: Buffer
  hash: Buffer
}

/** Reads `scrypt$N$r$p$salt$hash`; undefined when it is none, or asks for more memory than is given. */
function readHash(text: string): ScryptHash | undefined {
  const [name, N, r, p, salt, hash, ...rest] = text.split('$')
  if (name !== 'scrypt' || salt === undefined || !hash || rest.length > 0) return undefined
  const read = {
    N: Number(N),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64url'),
    hash: Buffer.from(hash, 'base64url'),
  }
  const isCost = [read.N, read.r, read.p].every((n) => Number.isSafeInteger(n) && n > 0)
  return isCost && 128 * read.N * read.r * read.p <= MEMORY_MAX_BYTES ? read : undefined
}

function derive(password: string, { N, r, p, salt, hash }: ScryptHash): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const cost = { N, r, p, maxmem: 2 * MEMORY_MAX_BYTES }
    scrypt(password, salt, hash.length, cost, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

/** Hashes a password, for a stations document; `salt` is 16 random bytes. */
export async function hashPassword(password: string, salt: Uint8Array): Promise<string> {
  const { N, r, p } = DEFAULT_COST
  const parts = { N, r, p, salt: Buffer.from(salt), hash: Buffer.alloc(HASH_BYTES) }
  const key = await derive(password, parts)
  return ['scrypt', N, r, p, parts.salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** Checks passwords a few at a time. */
export class PasswordCheck {
  #verifying = 0
  readonly #waiting: (() => void)[] = []

  /** Whether one of the spellings is the password; undefined when too many wait already. A hash that cannot be read fits none. */
  async verify(spellings: readonly string[], hashText: string): Promise<boolean | undefined> {
    const hash = readHash(hashText)
    if (!hash) return false
    if (this.#verifying >= VERIFYING_MAX) {
      if (this.#waiting.length >= WAITING_MAX) return undefined
      // Woken by one that ends and hands its place over.
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#verifying++
    try {
      for (const spelling of spellings)
        if (timingSafeEqual(await derive(spelling, hash), hash.hash)) return true
      return false
    } catch {
      // A cost that scrypt refuses: no password fits.
      return false
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#verifying--
    }
  }
}
