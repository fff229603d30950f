/** Secrets on their way through the log and tables: sealed with a key that follows from the service key, opened where they are sent on. */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

function keyOf(serviceKey: string): Buffer {
  return Buffer.from(hkdfSync('sha256', serviceKey, '', 'switchyard sealed arguments', 32))
}

export function seal(text: string, serviceKey: string, bytes: (length: number) => Uint8Array): string {
  const nonce = bytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, keyOf(serviceKey), nonce)
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')
}

/** Throws when it was sealed under another service key, or was changed. */
export function open(sealed: string, serviceKey: string): string {
  const bytes = Buffer.from(sealed, 'base64url')
  const decipher = createDecipheriv(CIPHER, keyOf(serviceKey), bytes.subarray(0, NONCE_BYTES))
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
  const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
  return text.toString('utf8')
}
