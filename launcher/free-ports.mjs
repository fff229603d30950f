// Ports for systems that tests start: free now, and outside the range from which the kernel gives ports to outgoing connections, so that
// none of those takes one before it is opened, or while the system is down for a moment.
import { createServer } from 'node:net'

const FIRST = 12_000
/** Linux gives out 32768 and up (net.ipv4.ip_local_port_range). */
const END = 32_000

/** Processes that look at the same time begin at different places. */
const STRIDE = 61
let next = (process.pid * STRIDE) % (END - FIRST)

/** So many different ones, on 127.0.0.1. */
export async function freePorts(count) {
  const servers = []
  for (; servers.length < count; next = (next + 1) % (END - FIRST)) {
    const server = await opened(FIRST + next)
    if (server) servers.push(server)
  }
  const ports = servers.map((it) => it.address().port)
  await Promise.all(servers.map((it) => new Promise((resolve) => it.close(resolve))))
  return ports
}

/** Undefined where it is taken. */
function opened(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
