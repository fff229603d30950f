/** Sites as light as the cloud can be made to believe: hello, a minute of readings at a time, one batch in flight, a live picture. */
import { STREAMS } from '@switchyard/protocol/site/fact.ts'
import { type CloudSite, connectSite } from '../bench/cloud-site.ts'
import { registerSites } from '../bench/register.ts'
import { yard } from '../bench/yard.ts'
import type { Cloud } from './cloud.ts'
import { Latencies } from './latencies.ts'
import type { LoadOptions } from './options.ts'

const MINUTE_MS = 60_000
/** Sites connect so many at a time: a storm is another benchmark's (`reconnect`). */
const CONNECT_AT_ONCE = 20

export interface SitesTold {
  facts: number
  /** From the sending of a batch to its acknowledgement. */
  acks: Latencies
  pictures: number
  /** Batches that the cloud put off. */
  putOff: number
  /** Readings that were due and not yet sent, over all sites: at most, and at the end. */
  backlog: { most: number; last: number }
}

export async function connectSites(cloud: Cloud, sites: number): Promise<CloudSite[]> {
  const passwords = await registerSites(
    cloud.api,
    Array.from({ length: sites }, (_, i) => `load-${i}`),
  )
  const left = [...passwords]
  const connected: CloudSite[] = []
  const some = async (): Promise<void> => {
    for (let next = left.pop(); next; next = left.pop())
      connected.push(await connectSite(cloud.broker.url, next[0], next[1]))
  }
  await Promise.all(Array.from({ length: CONNECT_AT_ONCE }, some))
  return connected
}

/** Sends until `until` (performance.now). A site that is slower than its readings waits, and is behind by them. */
export async function runSites(
  sites: readonly CloudSite[],
  { stations, speed, pictureMs }: Pick<LoadOptions, 'stations' | 'speed' | 'pictureMs'>,
  until: number,
): Promise<SitesTold> {
  const told: SitesTold = {
    facts: 0,
    acks: new Latencies(),
    pictures: 0,
    putOff: 0,
    backlog: { most: 0, last: 0 },
  }
  const tickMs = MINUTE_MS / speed
  const began = performance.now()
  const done = new Map(sites.map((it) => [it.siteId, 0]))
  const phases = new Map(sites.map((it) => [it.siteId, Math.random() * tickMs]))
  const dueOf = (siteId: string) =>
    Math.max(0, Math.floor((Math.min(performance.now(), until) - began - phases.get(siteId)!) / tickMs) + 1)
  const backlogOf = (siteId: string) => (dueOf(siteId) - done.get(siteId)!) * stations
  const look = () => {
    told.backlog.last = sites.reduce((sum, it) => sum + Math.max(0, backlogOf(it.siteId)), 0)
    told.backlog.most = Math.max(told.backlog.most, told.backlog.last)
  }
  const looking = setInterval(look, 1_000)
  const picturing = sites.map((site) =>
    setInterval(() => {
      site.live(backlogOf(site.siteId))
      told.pictures++
    }, pictureMs),
  )
  await Promise.all(
    sites.map(async (site) => {
      for (const rows of yard(site.siteId, stations)) {
        const dueAt = began + phases.get(site.siteId)! + done.get(site.siteId)! * tickMs
        if (dueAt >= until) return
        await pause(dueAt - performance.now())
        await Promise.all(
          STREAMS.map(async (stream) => {
            if (rows[stream].length === 0) return
            const saidMs = performance.now()
            told.putOff += await site.send(stream, rows[stream])
            told.acks.add(performance.now() - saidMs)
            told.facts += rows[stream].length
          }),
        )
        done.set(site.siteId, done.get(site.siteId)! + 1)
      }
    }),
  )
  look()
  clearInterval(looking)
  for (const it of picturing) clearInterval(it)
  return told
}

async function pause(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
}
