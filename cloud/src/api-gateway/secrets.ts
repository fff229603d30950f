/** Keys and cookies: random, told once, kept as a hash. */
import { createHash } from 'node:crypto'
import type { Random } from '../platform/clock.ts'

/** Bytes of randomness in a key or a cookie: far past guessing, so a plain hash of it is enough. */
const SECRET_BYTES = 32

export function mintApiKey(random: Random): string {
  return `sk_${random.bytes(SECRET_BYTES).toString('base64url')}`
}

export function mintCookie(random: Random): string {
  return random.bytes(SECRET_BYTES).toString('base64url')
}

export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
