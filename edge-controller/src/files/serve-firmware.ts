/** GET and HEAD of an image by a station, whole or a range of it (RFC 9110, section 14): stations fetch in parts, and go on after a cut. */
import { createReadStream } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { FirmwareCache } from './firmware-cache.ts'

const PATH = /^\/firmware\/([0-9a-f-]{36})\/(\d{13,15})\/([\w-]{43})(?:\/[^/?]*)?(?:\?|$)/

/** The answer, or undefined when there is no such image. */
export async function serveFirmware(
  cache: FirmwareCache,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const [, firmwareId, until, mac] = PATH.exec(request.url ?? '') ?? []
  const found = mac === undefined ? undefined : cache.find(firmwareId!, Number(until), mac)
  if (!found) return false
  const { meta, file } = found
  const etag = `"${meta.sha256}"`
  const { range, 'if-range': ifRange } = request.headers
  const part = ifRange === undefined || ifRange === etag ? rangeOf(range, meta.bytes) : 'whole'
  const headers = { 'accept-ranges': 'bytes', etag, 'x-content-type-options': 'nosniff' }
  if (part === 'none') {
    response
      .writeHead(416, { ...headers, 'content-range': `bytes */${meta.bytes}`, 'content-length': 0 })
      .end()
    return true
  }
  const [start, end] = part === 'whole' ? [0, meta.bytes - 1] : part
  response.writeHead(part === 'whole' ? 200 : 206, {
    ...headers,
    'content-type': 'application/octet-stream',
    'content-length': end - start + 1,
    ...(part === 'whole' ? {} : { 'content-range': `bytes ${start}-${end}/${meta.bytes}` }),
  })
  if (request.method === 'HEAD') response.end()
  else await pipeline(createReadStream(file, { start, end }), response)
  return true
}

/** First and last byte; `whole` without a range, or with one that is not served (several, another unit), as is allowed; `none` fits. */
export function rangeOf(range: string | undefined, bytes: number): [number, number] | 'whole' | 'none' {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range ?? '') ?? []
  if (from === undefined || to === undefined || (from === '' && to === '')) return 'whole'
  if (from === '') return Number(to) === 0 ? 'none' : [Math.max(0, bytes - Number(to)), bytes - 1]
  if (to !== '' && Number(to) < Number(from)) return 'whole'
  if (Number(from) >= bytes) return 'none'
  return [Number(from), to === '' ? bytes - 1 : Math.min(Number(to), bytes - 1)]
}
