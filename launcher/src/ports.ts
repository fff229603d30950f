import { createServer } from 'node:net'
import { PORTS, type PortName } from '../flags.mjs'

/**
 * Tries every port before anything is started; those in `open` on all addresses, the others on loopback. Returns one line for each that is taken, with the flag that changes it.
 * `localhost` may mean ::1 to a browser, so a stranger there counts as taken too.
 */
export async function takenPorts(
  ports: Record<PortName, number>,
  needed: readonly PortName[],
  open: readonly PortName[],
): Promise<string[]> {
  const taken: string[] = []
  for (const { name, flag, what } of PORTS) {
    if (!needed.includes(name)) continue
    const port = ports[name]
    for (const address of [open.includes(name) ? '0.0.0.0' : '127.0.0.1', '::1']) {
      const problem = await tryPort(port, address)
      if (!problem) continue
      const why = problem === 'EACCES' ? 'is not allowed for this user' : 'is taken'
      taken.push(`Port ${port} (${what}) ${why}. Choose another with ${flag} N.`)
      break
    }
  }
  return taken
}

/** Undefined when the port is free; an address family that this machine lacks cannot be taken either. */
function tryPort(port: number, address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'EADDRINUSE' || error.code === 'EACCES' ? error.code : undefined)
    })
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
