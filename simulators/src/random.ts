/** Randomness as an input: a seeded generator, and the only place of this package that asks the machine for a seed. */
import { createHash, randomBytes } from 'node:crypto'

export interface Random {
  /** Uniform in [0, 1). */
  fraction(): number
  /** Uniform integer, both ends included. */
  int(from: number, to: number): number
  /** A UUID of version 4's form, unique as far as the seed is. */
  uuid(): string
  /** Exponentially distributed with this mean. */
  exponential(mean: number): number
  /** Lognormally distributed; mu and sigma are of the logarithm. */
  logNormal(mu: number, sigma: number): number
  /** One of the choices, as often as its weight says. */
  pick<T extends { weight: number }>(choices: readonly T[]): T
  /** A generator of its own for a name, which draws the same whatever else is drawn here. */
  fork(name: string): Random
}

/** A generator that always draws the same for a seed. */
export function seededRandom(seed: string | number): Random {
  const next = sfc32(createHash('sha256').update(String(seed)).digest())
  const fraction = () => next() / 2 ** 32
  return {
    fraction,
    int: (from, to) => from + Math.floor(fraction() * (to - from + 1)),
    uuid() {
      const hex = Array.from({ length: 4 }, () => next().toString(16).padStart(8, '0')).join('')
      const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16)
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
    },
    // 1 - fraction is never 0, whose logarithm is not finite.
    exponential: (mean) => -Math.log(1 - fraction()) * mean,
    logNormal(mu, sigma) {
      const radius = Math.sqrt(-2 * Math.log(1 - fraction()))
      return Math.exp(mu + sigma * radius * Math.cos(2 * Math.PI * fraction()))
    },
    pick(choices) {
      let rest = fraction() * choices.reduce((sum, { weight }) => sum + weight, 0)
      for (const choice of choices) {
        rest -= choice.weight
        if (rest < 0) return choice
      }
      return choices[choices.length - 1]!
    },
    fork: (name) => seededRandom(`${seed}/${name}`),
  }
}

/** A generator whose seed nobody knows beforehand. */
export function unpredictableRandom(): Random {
  return seededRandom(randomBytes(16).toString('hex'))
}

/** Chris Doty-Humphrey's "small fast counting" generator with 32-bit words: 128 bits of state, good enough for simulations. */
function sfc32(seed: Buffer): () => number {
  let [a, b, c, counter] = [seed.readUInt32LE(0), seed.readUInt32LE(4), seed.readUInt32LE(8), 1]
  return () => {
    const result = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + result
    c |= 0
    return result >>> 0
  }
}
