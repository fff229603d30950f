/** Ports for processes that are started again and again on the same one: none that the system gives to outgoing connections. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

const FIRST = 20_000
const EPHEMERAL = '/proc/sys/net/ipv4/ip_local_port_range'
const USUAL_EPHEMERAL_FROM = 32_768

export async function lastingPorts(count: number, startAt: number): Promise<number[]> {
  const end = ephemeralFrom()
  const span = Math.max(1, end - FIRST)
  const ports: number[] = []
  for (let i = 0; i < span && ports.length < count; i++) {
    const port = FIRST + ((startAt + i) % span)
    if (await isFree(port)) ports.push(port)
  }
  if (ports.length < count) throw new Error(`there are no ${count} free ports from ${FIRST} to ${end}`)
  return ports
}

function ephemeralFrom(): number {
  try {
    return Number(readFileSync(EPHEMERAL, 'utf8').split(/\s+/)[0])
  } catch {
    return USUAL_EPHEMERAL_FROM
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
