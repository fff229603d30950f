/** OCPP at the controller: throughput per CPU second against the least a server does, latency at a rate, memory. */
import { controller, type Server } from './controller.ts'
import { cpuSeconds, residentMb, Teller } from './server-process.ts'

const here = (name: string) => new URL(`./${name}.js`, import.meta.url).pathname
const CONNECTIONS = 100
const FLOOD_MESSAGES = 40_000
const WARM_UP_MESSAGES = 5_000
const PACED_RATE = 1_000
const PACED_SECONDS = 10

async function echo(): Promise<Server> {
  const teller = new Teller(here('echo-server'), [])
  const { port } = await teller.next<{ port: number }>()
  return { url: `ws://127.0.0.1:${port}`, pid: teller.child.pid!, stop: () => teller.stop() }
}

/** Messages per CPU second of the server, after a warm-up. */
async function flood(server: Server): Promise<number> {
  const run = async (messages: number) => {
    const load = new Teller(here('load'), ['flood', server.url, String(CONNECTIONS), String(messages)])
    await load.next()
    const before = cpuSeconds(server.pid)
    load.go()
    const told = await load.next<{ messages: number; seconds: number }>()
    const cpu = cpuSeconds(server.pid) - before
    await load.stop()
    return told.messages / cpu
  }
  await run(WARM_UP_MESSAGES)
  return run(FLOOD_MESSAGES)
}

export async function throughput(): Promise<void> {
  const bare = await echo()
  const base = await flood(bare).finally(() => bare.stop())
  const ours = await controller()
  const value = await flood(ours).finally(() => ours.stop())
  console.log(
    `OCPP MeterValues per server CPU-second, ${CONNECTIONS} connections: ` +
      `controller with journal ${value.toFixed(0)}, bare ws + JSON + validation ${base.toFixed(0)}, ratio ${(value / base).toFixed(2)} (goal >= 0.5)`,
  )
}

export async function latency(): Promise<void> {
  const server = await controller()
  try {
    const load = new Teller(here('load'), [
      'paced',
      server.url,
      String(CONNECTIONS),
      String(PACED_SECONDS),
      String(PACED_RATE),
    ])
    await load.next()
    type Kind = { p50: number; p99: number; count: number }
    const told = await load.next<{ Authorize: Kind; MeterValues: Kind; seconds: number }>()
    const text = (kind: 'Authorize' | 'MeterValues') =>
      `${kind} p50 ${told[kind].p50.toFixed(1)} ms, p99 ${told[kind].p99.toFixed(1)} ms`
    const rate = (told.Authorize.count + told.MeterValues.count) / told.seconds
    console.log(
      `Latency at ${rate.toFixed(0)} msg/s (asked for ${PACED_RATE}): ${text('Authorize')}; ${text('MeterValues')}`,
    )
  } finally {
    await server.stop()
  }
}

export async function memory(): Promise<void> {
  const server = await controller()
  try {
    const load = new Teller(here('load'), ['hold', server.url, String(CONNECTIONS), '0'])
    await load.next()
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    console.log(
      `Controller memory with ${CONNECTIONS} stations in session: ${residentMb(server.pid).toFixed(0)} MB resident (goal < 120 MB)`,
    )
    await load.stop()
  } finally {
    await server.stop()
  }
}
