/** A station's basic-auth password as it goes down to its site: `scrypt$N$r$p$salt$hash`, base64url. */
import { type ScryptOptions, scrypt } from 'node:crypto'
import { promisify } from 'node:util'

/**
 * Cost: a controller that starts checks one for each of its stations, hundreds at once. OCPP's passwords have 16 characters or more,
 * drawn by machines as a rule; it is the shorter ones that a dearer hash would protect.
 */
const N = 4_096
const R = 8
const P = 1
const SALT_BYTES = 16
const HASH_BYTES = 32

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

export async function hashPassword(password: string, bytes: (length: number) => Buffer): Promise<string> {
  const salt = bytes(SALT_BYTES)
  const hash = await derive(password, salt, HASH_BYTES, { N, r: R, p: P })
  return ['scrypt', N, R, P, salt.toString('base64url'), hash.toString('base64url')].join('$')
}
