/** Against DNS rebinding: a page of another origin may point its own name at 127.0.0.1, but cannot choose the Host header. */
import { isIP } from 'node:net'

export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127\./.test(address)
}

/** Whether a request with this Host header is for us; only a panel bound to loopback is that strict. */
export function hostAllowed(host: string | undefined, bindAddress: string): boolean {
  if (!isLoopback(bindAddress)) return true
  if (host === undefined || !URL.canParse(`http://${host}`)) return false
  const name = new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '')
  return name === 'localhost' || (isIP(name) !== 0 && isLoopback(name))
}
