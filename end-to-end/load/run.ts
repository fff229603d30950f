/** One load: everything is connected, then sent at once for as long as was asked, then read to the end, and told. */
import postgres, { type Sql } from 'postgres'
import { databaseCpuSeconds } from '../bench/cpu.ts'
import { cpuSeconds } from '../bench/server-process.ts'
import { eventually } from '../src/process.ts'
import { type Cloud, type Servers, startCloud } from './cloud.ts'
import type { LoadOptions } from './options.ts'
import { type RequestsTold, runRequests } from './requests.ts'
import { connectSites, runSites, type SitesTold } from './sites.ts'
import { atController, atGateway, type StationsTold } from './stations.ts'
import { type Figures, machine, Watch } from './watch.ts'

/** Longest that the cloud may take to read what was sent. */
const DRAIN_TIMEOUT_MS = 180_000

/** Prints what was seen; false where something failed. */
export async function runLoad(options: LoadOptions, servers: Servers): Promise<boolean> {
  const cloud = await startCloud(servers)
  const undo: (() => Promise<unknown>)[] = [() => cloud.stop()]
  try {
    const sql = postgres(cloud.databaseUrl, { max: 2, onnotice: () => {} })
    undo.push(() => sql.end())
    console.log(`${machine()}; broker: ${cloud.broker.name}`)
    await furnish(cloud)
    const sites = await connectSites(cloud, options.sites)
    undo.push(() => Promise.all(sites.map((it) => it.end())))
    const atBox = await atController(cloud, options.ocpp)
    undo.push(() => atBox.stop())
    const direct = await atGateway(cloud, options.ocpp)
    await caughtUp(sql)
    console.log(
      `${options.sites} sites of ${options.stations} stations, ${options.ocpp} stations at a controller, ${options.ocpp} at ocpp-gateway, ` +
        `each with ${options.speed} readings a minute; ${options.http.perSecond} requests a second; ${options.minutes} min`,
    )

    const watches = new Map(
      await Promise.all(
        [...cloud.services].map(
          async ([name, { program, url }]) => [name, await Watch.begin(program, url)] as const,
        ),
      ),
    )
    const others = async () => ({
      Postgres: await databaseCpuSeconds(sql),
      ...(cloud.broker.pid === undefined ? {} : { Mosquitto: cpuSeconds(cloud.broker.pid) }),
      'site controller': cpuSeconds(atBox.pid!),
      'this load': cpuSeconds(process.pid),
    })
    const before = await others()
    const seconds = options.minutes * 60
    const from = performance.now()
    const until = from + seconds * 1_000
    const intervalMs = 60_000 / options.speed
    const [fromSites, fromBox, fromDirect, requests] = await Promise.all([
      runSites(sites, options, until),
      atBox.run(intervalMs, until),
      direct.run(intervalMs, until),
      runRequests(cloud, options.http, seconds),
    ])
    const sentSeconds = (performance.now() - from) / 1_000
    await caughtUp(sql)
    const drainedSeconds = (performance.now() - from) / 1_000 - sentSeconds
    const figures = new Map(
      await Promise.all([...watches].map(async ([name, watch]) => [name, await watch.end()] as const)),
    )
    const after = await others()
    tellClients(fromSites, fromBox, fromDirect, requests, sentSeconds)
    tellServices(figures, fromSites.facts, sentSeconds + drainedSeconds)
    for (const [name, cpu] of Object.entries(after))
      console.log(
        `${name.padEnd(20)} CPU ${share(cpu - before[name as keyof typeof before]!, sentSeconds + drainedSeconds)}`,
      )
    console.log(`All of it was read ${drainedSeconds.toFixed(1)} s after the last was sent.`)
    const failed = requests.failed + fromBox.refused + fromDirect.refused
    console.log(`Failed: ${failed}`)
    return failed === 0
  } finally {
    for (const step of undo.reverse()) await step()
  }
}

/** A tariff for whoever has none, so that sessions are billed. */
export async function furnish(cloud: Cloud): Promise<void> {
  await cloud.api.post('/api/v1/tariffs', {
    id: 'load',
    currency: 'EUR',
    elements: [{ price_components: [{ type: 'ENERGY', price: 0.25, vat: 10, step_size: 1 }] }],
    appliesTo: { default: true },
  })
}

/** Waits until every consumer is at the head of the log. */
async function caughtUp(sql: Sql): Promise<void> {
  await eventually(
    'the cloud to read the log to its end',
    async () => (await mostBehind(sql)) === 0,
    DRAIN_TIMEOUT_MS,
  )
}

/** Entries that the slowest consumer has before it. */
export async function mostBehind(sql: Sql): Promise<number> {
  const [lag] = await sql<{ n: number }[]>`
    select coalesce(max(behind), 0)::int as n from (
      select sum(h.position - c.position) as behind from log.head h join log.cursor c using (partition) group by c.consumer) it`
  return lag!.n
}

function tellClients(
  sites: SitesTold,
  box: StationsTold,
  direct: StationsTold,
  requests: RequestsTold,
  seconds: number,
): void {
  const line = (what: string, told: string) => console.log(`${what.padEnd(32)} ${told}`)
  line(
    'sites (MQTT), acknowledged',
    `${(sites.facts / seconds).toFixed(0)} facts/s in ${(sites.acks.count / seconds).toFixed(0)} batches/s: ${sites.acks.told()}`,
  )
  line(
    '',
    `backlog at the sites at most ${sites.backlog.most} readings, ${sites.backlog.last} at the end; put off ${sites.putOff}; ${(sites.pictures / seconds).toFixed(0)} pictures/s`,
  )
  line(
    'stations at a controller (OCPP)',
    `${(box.calls.count / seconds).toFixed(1)} calls/s: ${box.calls.told()}`,
  )
  line(
    'stations at ocpp-gateway (OCPP)',
    `${(direct.calls.count / seconds).toFixed(1)} calls/s: ${direct.calls.told()}`,
  )
  const { p50, p97_5, p99 } = requests.latency
  line(
    'API (HTTP)',
    `${requests.perSecond.toFixed(1)} answers/s: p50 ${p50} ms, p97.5 ${p97_5} ms, p99 ${p99} ms`,
  )
}

function tellServices(figures: ReadonlyMap<string, Figures>, facts: number, seconds: number): void {
  console.log(
    `${'service'.padEnd(20)} CPU              memory  requests/s p50 p95 p99 ms (at most)  entries/s  lag at most, at the end`,
  )
  for (const [name, it] of figures) {
    const quantiles = it.latencyMs ? [it.latencyMs.p50, it.latencyMs.p95, it.latencyMs.p99] : []
    const latency = quantiles.map((ms) => (Number.isFinite(ms) ? ms : '>10000')).join(' ') || '-'
    const lag =
      it.entries === 0
        ? '-'
        : `${it.lag.mostEntries} entries (${it.lag.mostSeconds.toFixed(1)} s), ${it.lag.lastEntries}`
    console.log(
      `${name.padEnd(20)} ${`${share(it.cpuSeconds, seconds)}, ${((it.cpuSeconds * 1e6) / facts).toFixed(0)} us/fact`.padEnd(16)} ` +
        `${`${it.memoryMb.toFixed(0)} MB`.padStart(7)}  ${(it.requests / seconds).toFixed(1).padStart(10)} ${latency.padEnd(24)} ` +
        `${(it.entries / seconds).toFixed(0).padStart(9)}  ${lag}`,
    )
  }
}

function share(cpu: number, seconds: number): string {
  return `${(cpu / seconds).toFixed(2)} cores`
}
