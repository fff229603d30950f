/** Where a request comes from, also through proxies that are trusted to say so. */
import { BlockList, isIP } from 'node:net'
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context } from 'hono'

/** Most entries of an X-Forwarded-For that are looked at, from the last. */
const MAX_HOPS = 16
/** An IPv4 address on a socket of IPv6. */
const MAPPED = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i

/** Addresses and networks (`10.0.0.0/8`), separated by commas; empty: none. Undefined when one cannot be read. */
export function readNetworks(text: string): BlockList | undefined {
  const networks = new BlockList()
  for (const one of text.split(',').map((it) => it.trim())) {
    if (one === '') continue
    const [address = '', bits, more] = one.split('/')
    const version = isIP(address)
    const most = version === 4 ? 32 : 128
    if (version === 0 || more !== undefined) return undefined
    if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most)) return undefined
    networks.addSubnet(address, bits === undefined ? most : Number(bits), `ipv${version as 4 | 6}`)
  }
  return networks
}

/** The last address that no trusted proxy has: what lies before it, anybody may have written. */
export function peerAddress(c: Context, trusted: BlockList): string {
  let address = socketAddress(c)
  const told = (c.req.header('x-forwarded-for') ?? '').split(',').map((it) => it.trim().replace(MAPPED, ''))
  for (let hop = 0; hop < MAX_HOPS && isTrusted(address, trusted); hop++) {
    const before = told.pop()
    if (before === undefined || isIP(before) === 0) break
    address = before
  }
  return address
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const version = isIP(address)
  return version !== 0 && trusted.check(address, `ipv${version as 4 | 6}`)
}

function socketAddress(c: Context): string {
  try {
    return (getConnInfo(c).remote.address ?? 'unknown').replace(MAPPED, '')
  } catch {
    return 'unknown'
  }
}
