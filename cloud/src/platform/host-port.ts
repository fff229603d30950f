/** Where a server listens, as settings name it: `host:port`, an IPv6 address in brackets. */
const HOST_PORT = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/
const MAX_PORT = 65_535

export interface HostPort {
  /** A name, or an address without brackets. */
  readonly host: string
  readonly port: number
}

/** Undefined when the text is none; without a default the port is needed. */
export function readHostPort(text: string, defaultPort?: number): HostPort | undefined {
  const [, host, given] = HOST_PORT.exec(text) ?? []
  const port = given === undefined ? defaultPort : Number(given)
  if (host === undefined || port === undefined || port < 1 || port > MAX_PORT) return undefined
  return { host: host.replace(/^\[|\]$/g, ''), port }
}

/** Several, separated by commas; empty: none. Undefined when one cannot be read, or they are more than `most`. */
export function readHostPorts(text: string, most: number): readonly HostPort[] | undefined {
  const read: HostPort[] = []
  for (const one of text.split(',').map((it) => it.trim())) {
    if (one === '') continue
    const it = readHostPort(one)
    if (it === undefined || read.length === most) return undefined
    read.push(it)
  }
  return read
}
