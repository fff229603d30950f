/** Ids minted at the site, from its random port. */
import type { Random } from './ports.ts'

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** 96 random bits as 16 characters: row ids, boot ids, nonces. */
export function randomId(random: Random): string {
  let id = ''
  for (const byte of random.bytes(16)) id += BASE64URL[byte & 63]
  return id
}

/** UUIDv7 (RFC 9562, 5.7) of a wall-clock time in ms: session ids. */
export function uuidV7(nowMs: number, random: Random): string {
  const bytes = Uint8Array.from(random.bytes(16))
  for (let i = 0; i < 6; i++) bytes[i] = Math.floor(nowMs / 2 ** (8 * (5 - i))) & 0xff
  bytes[6] = (bytes[6]! & 0x0f) | 0x70
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = Buffer.from(bytes).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
