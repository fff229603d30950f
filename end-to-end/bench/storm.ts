/**
 * A site full of stations in session, whose controller is killed and which all come back at once; then all of them lose their connections
 * and come back to the controller that runs. None of their sessions is lost. With passwords, and with TLS.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePorts } from '../../launcher/free-ports.mjs'
import { type Controller, controller } from './controller.ts'
import { Teller } from './server-process.ts'

const LOAD = new URL('./storm-load.js', import.meta.url).pathname
const WRITE_STATIONS = new URL('../../edge-controller/dist/write-stations.js', import.meta.url).pathname
const STATIONS = 500
/** As long as OCPP asks for, at least. */
const PASSWORD = 'a-password-of-a-bench'

interface Return {
  bootMs: number[]
  sinceMs: number[]
}

export async function storm(): Promise<void> {
  await stormOf('without passwords', await controller(), [])
  await stormOf('with passwords', await controller({}, writeStations), [PASSWORD])
  const [port] = await freePorts(1)
  const tls = { OCPP_TLS_PORT: String(port) }
  await stormOf('with passwords and TLS', await controller(tls, writeStations), [PASSWORD])
}

async function stormOf(how: string, server: Controller, password: string[]): Promise<void> {
  const load = new Teller(LOAD, [server.url, String(STATIONS), ...password])
  try {
    await load.next()
    await server.kill()
    await load.next()
    await server.start()
    const running = await server.sessions()
    load.go()
    const started = await load.next<Return>()
    load.go()
    const again = await load.next<Return>()
    const { ended } = await load.next<{ ended: number }>()
    const left = await server.sessions()
    console.log(
      `${STATIONS} stations come back at once, ${how}: to a controller that was killed ${told(started)}; ` +
        `to one that runs ${told(again)}; ${running} sessions ran before, ${ended} stops were taken, ${left} sessions run on`,
    )
  } finally {
    await load.stop()
    await server.stop()
  }
}

function told({ bootMs, sinceMs }: Return): string {
  const at = (values: number[], part: number) => {
    const sorted = [...values].sort((a, b) => a - b)
    return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]! / 1_000).toFixed(2)
  }
  return (
    `BootNotification answered after ${at(bootMs, 0.5)} s (p50), ${at(bootMs, 0.99)} s (p99, goal < 5 s), ` +
    `with the way to it ${at(sinceMs, 0.99)} s (p99), ${at(sinceMs, 1)} s (all)`
  )
}

async function writeStations(journalFile: string): Promise<void> {
  const child = spawn(process.execPath, [WRITE_STATIONS, journalFile, PASSWORD], {
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  const ended = once(child, 'exit')
  child.stdin.end(Array.from({ length: STATIONS }, (_, i) => `STORM-${i}\n`).join(''))
  const [code] = await ended
  if (code !== 0) throw new Error(`write-stations ended with ${code}`)
}
