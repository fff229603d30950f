/** Passwords of stations: scrypt, computed off the main thread, a bounded number at a time. */
import { createHmac, scrypt, timingSafeEqual } from 'node:crypto'
import type { Clock, Random } from '../ports.ts'

/** Verifications that run at once: each holds a thread of the pool and 16 MB. */
export const VERIFYING_MAX = 2
/** Verifications that may wait; one more is turned away. */
export const WAITING_MAX = 1_000

/** Cost that a hash may ask for: memory is 128 * N * r bytes. */
const MEMORY_MAX_BYTES = 64 * 1024 * 1024
/** A site of 500 stations verifies all of them when its controller starts, within seconds: OCPP asks for 16 characters at least, which are not guessed. */
const DEFAULT_COST = { N: 4_096, r: 8, p: 1 }
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

/** Wrong passwords that cost a caller nothing; after them each one makes it wait, doubling up to the cap. */
export const FREE_TRIES = 3
const WAIT_FIRST_MS = 1_000
const WAIT_CAP_MS = 60_000
/** Callers remembered for their wrong passwords; the oldest goes first. */
const CALLERS_MAX = 1_000
/** Stations remembered for the password that fitted last; the oldest goes first. */
const PROVEN_MAX = 1_000

/** Which hash it `fits`, `wrong`, or not looked at: `busy` (too many wait), `too-soon` (after too many wrong ones). */
export type PasswordVerdict = { fits: string } | 'wrong' | 'busy' | 'too-soon'

export interface Caller {
  stationId: string
  /** Its network address. */
  remote: string
}

/**
 * Checks passwords a few at a time. Guessing is dear for who guesses, and only for him: a caller waits by station and address,
 * and a password that has fitted before is known again without computing, so that a reconnecting site needs no scrypt.
 */
export class PasswordCheck {
  readonly #clock: Clock
  /** Under a key of this process: what is remembered of passwords is worth nothing elsewhere. */
  readonly #key: Uint8Array
  readonly #proven = new Map<string, Buffer>()
  readonly #wrong = new Map<string, { tries: number; untilMs: number }>()
  /** Callers with a verification under way: one at a time each. */
  readonly #callers = new Set<string>()
  #verifying = 0
  readonly #waiting: (() => void)[] = []

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#key = random.bytes(32)
  }

  /** Whether one of the spellings is one of the passwords. A hash that cannot be read fits none. */
  async verify(
    caller: Caller,
    spellings: readonly string[],
    hashTexts: readonly string[],
  ): Promise<PasswordVerdict> {
    const pairs = hashTexts.flatMap((text) => {
      const hash = readHash(text)
      return hash ? spellings.map((spelling) => ({ text, hash, spelling })) : []
    })
    if (pairs.length === 0) return 'wrong'
    const { stationId } = caller
    const proven = this.#proven.get(stationId)
    const known = proven && pairs.find((it) => timingSafeEqual(this.#digest(it.spelling, it.text), proven))
    const who = `${caller.remote} ${stationId}`
    if (known) {
      this.#wrong.delete(who)
      return { fits: known.text }
    }
    if ((this.#wrong.get(who)?.untilMs ?? 0) > this.#clock.mono()) return 'too-soon'
    if (this.#callers.has(who)) return 'busy'
    this.#callers.add(who)
    try {
      const fitting = await this.#compute(pairs)
      if (fitting === undefined) return 'busy'
      const found = pairs[fitting]
      if (!found) {
        this.#guessed(who)
        return 'wrong'
      }
      this.#wrong.delete(who)
      remember(this.#proven, stationId, this.#digest(found.spelling, found.text), PROVEN_MAX)
      return { fits: found.text }
    } finally {
      this.#callers.delete(who)
    }
  }

  #digest(password: string, hashText: string): Buffer {
    return createHmac('sha256', this.#key).update(`${hashText}\n${password}`).digest()
  }

  #guessed(who: string): void {
    const tries = (this.#wrong.get(who)?.tries ?? 0) + 1
    const doublings = Math.min(tries - FREE_TRIES, 16)
    const waitMs = tries < FREE_TRIES ? 0 : Math.min(WAIT_CAP_MS, WAIT_FIRST_MS * 2 ** doublings)
    remember(this.#wrong, who, { tries, untilMs: this.#clock.mono() + waitMs }, CALLERS_MAX)
  }

  /** Which pair fits; -1 for none, undefined when too many wait already. */
  async #compute(pairs: readonly { spelling: string; hash: ScryptHash }[]): Promise<number | undefined> {
    if (this.#verifying >= VERIFYING_MAX) {
      if (this.#waiting.length >= WAITING_MAX) return undefined
      // Woken by one that ends and hands its place over.
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#verifying++
    try {
      for (const [i, { spelling, hash }] of pairs.entries())
        if (timingSafeEqual(await derive(spelling, hash), hash.hash)) return i
      return -1
    } catch {
      // A cost that scrypt refuses: no password fits.
      return -1
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#verifying--
    }
  }
}

/** Puts it last, and forgets the oldest above the bound. */
function remember<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= max) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    break
  }
}
