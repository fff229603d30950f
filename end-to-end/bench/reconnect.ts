/** A thousand sites that come back at once, each with a backlog: how long until each is welcomed, and whether one starves another. */
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import { startSystem } from '../src/system.ts'
import { connectSite } from './cloud-site.ts'
import { registerSites } from './register.ts'
import { type YardRow, yard } from './yard.ts'

const SITES = 1_000
const STATIONS = 4
/** What each site has to tell. */
const FACTS_EACH = 200
const ROWS_PER_BATCH = 50

interface Came {
  welcomeMs: number
  /** From the moment all began until the last row of this one was acknowledged. */
  doneMs: number
  /** Longest that it waited for one of its batches to be taken, what it was told to wait included. */
  longestMs: number
  refusals: number
}

export async function reconnect(): Promise<void> {
  const system = await startSystem({ broker: 'embedded', cloudEnv: { LOG_LEVEL: 'error' } })
  try {
    const passwords = await registerSites(
      system.api,
      Array.from({ length: SITES }, (_, i) => `bench-${i}`),
    )
    const loads = Array.from(passwords.keys(), (siteId) => backlogOf(siteId))
    const total = loads.reduce((sum, it) => sum + it.ledger.length + it.telemetry.length, 0)
    const from = performance.now()
    const came = await Promise.all(
      Array.from(passwords, ([siteId, password], i) =>
        comeBack(system.brokerUrl, siteId, password, loads[i]!, from),
      ),
    )
    const seconds = (performance.now() - from) / 1_000
    const done = came.map((it) => it.doneMs / 1_000)
    const welcomed = came.map((it) => it.welcomeMs / 1_000)
    const longest = came.map((it) => it.longestMs / 1_000)
    console.log(
      `${SITES} sites back at once, ${total} facts: welcomed after ${at(welcomed, 0.5)} s (median), ${at(welcomed, 0.99)} s (p99); ` +
        `all their facts acknowledged after ${at(done, 0.5)} s (median), ${at(done, 0.99)} s (p99), ${at(done, 1)} s (slowest), slowest to median ${(Number(at(done, 1)) / Number(at(done, 0.5))).toFixed(2)}; ` +
        `longest wait of a site for one batch ${at(longest, 0.5)} s (median), ${at(longest, 1)} s (worst); ` +
        `${came.reduce((sum, it) => sum + it.refusals, 0)} batches put off; ${(total / seconds).toFixed(0)} facts/s`,
    )
  } finally {
    await system.stop()
  }
}

function backlogOf(siteId: string): Record<Stream, YardRow[]> {
  const all: Record<Stream, YardRow[]> = { ledger: [], telemetry: [] }
  for (const minute of yard(siteId, STATIONS)) {
    for (const stream of STREAMS) all[stream].push(...minute[stream])
    if (all.ledger.length + all.telemetry.length >= FACTS_EACH) return all
  }
  return all
}

async function comeBack(
  url: string,
  siteId: string,
  password: string,
  backlog: Record<Stream, YardRow[]>,
  from: number,
): Promise<Came> {
  const site = await connectSite(url, siteId, password)
  let refusals = 0
  let longestMs = 0
  await Promise.all(
    STREAMS.map(async (stream) => {
      for (let i = 0; i < backlog[stream].length; i += ROWS_PER_BATCH) {
        const saidMs = performance.now()
        refusals += await site.send(stream, backlog[stream].slice(i, i + ROWS_PER_BATCH))
        longestMs = Math.max(longestMs, performance.now() - saidMs)
      }
    }),
  )
  const doneMs = performance.now() - from
  await site.end()
  return { welcomeMs: site.welcomeMs, doneMs, longestMs, refusals }
}

function at(values: number[], share: number): string {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(1)
}
