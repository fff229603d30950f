/** Facts from MQTT to committed rows in Postgres with every cursor moved, against a plain COPY of the same rows. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import postgres, { type Sql } from 'postgres'
import { type System, startSystem } from '../src/system.ts'
import { type CloudSite, connectSite } from './cloud-site.ts'
import { cpuSeconds, perFact } from './cpu.ts'
import { type YardRow, yard } from './yard.ts'

const SITES = 16
const STATIONS = 50
const ROWS_PER_BATCH = 500
const FACTS_OF_SHORT_RUN = 160_000
/** A long run sends no faster than the consumers read: it waits while they are further behind than this. */
const MAX_BEHIND = 50_000
/** How often memory and progress are looked at in a long run. */
const LOOK_EVERY_MS = 10_000

export async function ingest(minutes: number | undefined): Promise<void> {
  const system = await startSystem({ broker: 'embedded', cloudEnv: { LOG_LEVEL: 'error' } })
  const sql = postgres(system.databaseUrl, { max: 2, onnotice: () => {} })
  try {
    const sites = await Promise.all(Array.from({ length: SITES }, (_, i) => connect(system, `bench-${i}`)))
    if (minutes === undefined) await shortRun(system, sql, sites)
    else await longRun(system, sql, sites, minutes)
    for (const site of sites) await site.end()
  } finally {
    await sql.end()
    await system.stop()
  }
}

async function connect(system: System, siteId: string): Promise<CloudSite> {
  const { mqtt } = await system.api.post<{ mqtt: { password: string } }>('/api/v1/sites', { siteId })
  return connectSite(system.brokerUrl, siteId, mqtt.password)
}

type Load = Record<Stream, YardRow[]>

async function shortRun(system: System, sql: Sql, sites: CloudSite[]): Promise<void> {
  const loads = sites.map((site) => load(site.siteId, FACTS_OF_SHORT_RUN / SITES))
  const total = loads.reduce((sum, it) => sum + it.ledger.length + it.telemetry.length, 0)
  const copySeconds = await copy(sql, sites, loads)
  const before = await cpuSeconds(system, sql)
  const from = performance.now()
  await Promise.all(
    sites.flatMap((site, i) =>
      STREAMS.map(async (stream) => {
        const rows = loads[i]![stream]
        for (let at = 0; at < rows.length; at += ROWS_PER_BATCH)
          await site.send(stream, rows.slice(at, at + ROWS_PER_BATCH))
      }),
    ),
  )
  const ackedSeconds = (performance.now() - from) / 1000
  await caughtUp(sql, 0)
  const seconds = (performance.now() - from) / 1000
  console.log(
    `Facts from MQTT to committed rows: ${(total / ackedSeconds).toFixed(0)}/s acknowledged, ${(total / seconds).toFixed(0)}/s with every cursor moved; ` +
      `plain COPY of the same rows ${(total / copySeconds).toFixed(0)}/s; ratio ${(copySeconds / seconds).toFixed(2)}. ${perFact(before, await cpuSeconds(system, sql), total)}`,
  )
}

function load(siteId: string, facts: number): Load {
  const all: Load = { ledger: [], telemetry: [] }
  for (const minute of yard(siteId, STATIONS)) {
    for (const stream of STREAMS) all[stream].push(...minute[stream])
    if (all.ledger.length + all.telemetry.length >= facts) break
  }
  return all
}

async function copy(sql: Sql, sites: CloudSite[], loads: Load[]): Promise<number> {
  await sql`create table public.bench_copy (site_id text, seq bigint, row_id text, received_at timestamptz default now(), fact bytea)`
  const from = performance.now()
  const stream = await sql`copy public.bench_copy (site_id, seq, row_id, fact) from stdin`.writable()
  let rows = 0
  for (const [i, { ledger, telemetry }] of loads.entries()) {
    for (const row of [...ledger, ...telemetry]) {
      const line = `${sites[i]!.siteId}\t${++rows}\t${row.id}\t\\\\x${Buffer.from(row.fact).toString('hex')}\n`
      if (!stream.write(line)) await once(stream, 'drain')
    }
  }
  stream.end()
  await once(stream, 'finish')
  const seconds = (performance.now() - from) / 1000
  const [copied] = await sql`select count(*)::int as n from public.bench_copy`
  if (copied!.n !== rows) throw new Error(`COPY wrote ${copied!.n} of ${rows} rows`)
  return seconds
}

/** Waits until no consumer is more than `behind` entries behind. */
async function caughtUp(sql: Sql, behind: number): Promise<void> {
  for (;;) {
    const [lag] = await sql`
      select coalesce(max(behind), 0)::int as n from (
        select sum(h.position - c.position) as behind from log.head h join log.cursor c using (partition) group by c.consumer) it`
    if (lag!.n <= behind) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function longRun(system: System, sql: Sql, sites: CloudSite[], minutes: number): Promise<void> {
  const from = performance.now()
  const until = from + minutes * 60_000
  const before = await cpuSeconds(system, sql)
  let sent = 0
  let looked = 0
  const memory: number[] = []
  const looking = setInterval(() => {
    const mb = residentMb(system.cloud.pid!)
    memory.push(mb)
    const perSecond = (sent - looked) / (LOOK_EVERY_MS / 1000)
    looked = sent
    console.log(
      `  ${((performance.now() - from) / 1000).toFixed(0)} s: ${perSecond.toFixed(0)} facts/s, cloud ${mb} MB`,
    )
  }, LOOK_EVERY_MS)
  await Promise.all(
    sites.map(async (site) => {
      const waiting: Load = { ledger: [], telemetry: [] }
      for (const minute of yard(site.siteId, STATIONS)) {
        for (const stream of STREAMS) waiting[stream].push(...minute[stream])
        if (waiting.telemetry.length < ROWS_PER_BATCH) continue
        if (performance.now() >= until) return
        await caughtUp(sql, MAX_BEHIND)
        await Promise.all(
          STREAMS.map(async (stream) => {
            const rows = waiting[stream].splice(0)
            if (rows.length > 0) await site.send(stream, rows)
            sent += rows.length
          }),
        )
      }
    }),
  )
  await caughtUp(sql, 0)
  clearInterval(looking)
  const seconds = (performance.now() - from) / 1000
  const third = Math.max(1, Math.floor(memory.length / 3))
  const mean = (of: number[]) => of.reduce((sum, it) => sum + it, 0) / of.length
  const [middle, last] = [mean(memory.slice(third, 2 * third)), mean(memory.slice(-third))]
  console.log(
    `Facts for ${(seconds / 60).toFixed(1)} minutes: ${(sent / seconds).toFixed(0)}/s with every cursor moved; cloud ${memory[0]} MB at first, ` +
      `${memory.at(-1)} MB at the end, ${middle.toFixed(0)} MB in the middle third, ${last.toFixed(0)} MB in the last (${(((last - middle) / middle) * 100).toFixed(0)}%). ${perFact(before, await cpuSeconds(system, sql), sent)}`,
  )
}

/** Resident memory of a process; Linux only, as is the rest of the benchmarks. */
function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
}
