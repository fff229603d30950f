/** A station's basic-auth password as it goes down to its site: `scrypt$N$r$p$salt$hash`, base64url. */
import { type ScryptOptions, scrypt } from 'node:crypto'
import { promisify } from 'node:util'

/** Cost: a controller checks one at every connect of a station, so it must stay in the tens of milliseconds there. */
const N = 16_384
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
