/** One request to a server that is not ours: bounded in time and size, no redirect is followed, and private addresses only where allowed. */
import { lookup as resolve } from 'node:dns'
import { request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net'

/** Longest that such a server is waited for: the site waits 4.5 s, and the way there and back is in it. */
export const OUTSIDE_TIMEOUT_MS = 4_000
/** Largest answer that is read, unless more is asked for. */
export const MAX_OUTSIDE_BYTES = 64 * 1024

/** Addresses that are not the public internet (IANA special-purpose registries for IPv4 and IPv6). */
const NOT_PUBLIC = new BlockList()
for (const [address, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  NOT_PUBLIC.addSubnet(address, bits, 'ipv4')
/** All of IPv6 that is global unicast; what embeds an IPv4 address, or is for documentation, is taken out again. */
const GLOBAL_IPV6 = new BlockList()
GLOBAL_IPV6.addSubnet('2000::', 3, 'ipv6')
for (const [address, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
] as const)
  NOT_PUBLIC.addSubnet(address, bits, 'ipv6')

/** Whether an address (no name) belongs to the public internet. */
export function isPublicAddress(address: string): boolean {
  if (isIPv6(address)) return GLOBAL_IPV6.check(address, 'ipv6') && !NOT_PUBLIC.check(address, 'ipv6')
  return isIP(address) === 4 && !NOT_PUBLIC.check(address, 'ipv4')
}

/** As the connection itself resolves the name, so that it cannot point elsewhere between a check and its use. */
const publicOnly: LookupFunction = (hostname, options, done) => {
  resolve(hostname, { ...options, all: true }, (error, found) => {
    if (error) return done(error, [])
    const fit = found.filter((it) => isPublicAddress(it.address))
    const [first] = fit
    if (!first) return done(new Error(`${hostname} has no public address`), [])
    if (options.all) done(null, fit)
    else done(null, first.address, first.family)
  })
}

export interface OutsideRequest {
  url: string
  /** With a body it is a POST, else a GET. */
  contentType?: string
  body?: Buffer
  /** Also loopback and private networks. */
  privateAddresses: boolean
  /** Largest answer that is read. */
  maxBytes?: number
}

/** The body of a 200; rejects with what is wrong, in words for an operator. */
export function askOutside(request: OutsideRequest): Promise<Buffer> {
  const { url, contentType, body, privateAddresses, maxBytes = MAX_OUTSIDE_BYTES } = request
  return new Promise((answer, reject) => {
    const target = URL.canParse(url) ? new URL(url) : undefined
    if (target?.protocol !== 'http:' && target?.protocol !== 'https:')
      return reject(new Error('its URL is not http or https'))
    const host = target.hostname.replace(/^\[|\]$/g, '')
    // A literal address is never looked up.
    if (!privateAddresses && isIP(host) !== 0 && !isPublicAddress(host))
      return reject(new Error(`${host} is no public address`))
    const send = target.protocol === 'https:' ? overHttps : overHttp
    const options = {
      ...(body
        ? { method: 'POST', headers: { 'content-type': contentType, 'content-length': body.length } }
        : {}),
      signal: AbortSignal.timeout(OUTSIDE_TIMEOUT_MS),
      agent: false as const,
      ...(privateAddresses ? {} : { lookup: publicOnly }),
    }
    const failed = (error: Error) =>
      reject(
        error.name === 'AbortError' || error.name === 'TimeoutError'
          ? new Error(`no answer within ${OUTSIDE_TIMEOUT_MS} ms`)
          : error,
      )
    const asked = send(target, options, (response) => {
      response.on('error', failed)
      if (response.statusCode !== 200) {
        response.destroy()
        return reject(new Error(`it answered ${response.statusCode}`))
      }
      const parts: Buffer[] = []
      let bytes = 0
      response.on('data', (part: Buffer) => {
        bytes += part.length
        if (bytes <= maxBytes) return void parts.push(part)
        response.destroy(new Error(`its answer is larger than ${maxBytes} bytes`))
      })
      response.on('end', () => answer(Buffer.concat(parts)))
    })
    asked.on('error', failed)
    asked.end(body)
  })
}
