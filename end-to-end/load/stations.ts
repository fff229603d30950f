/** Stations over OCPP 1.6, in session: a reading at a time, a card now and then. At a real controller, or at ocpp-gateway. */
import { type BareStation, connectBare } from '../bench/bare-station.ts'
import { controller } from '../bench/controller.ts'
import { authorize, boot, meterValues, startTransaction } from '../bench/frames.ts'
import { registerSites } from '../bench/register.ts'
import { eventually } from '../src/process.ts'
import type { Cloud } from './cloud.ts'
import { Latencies } from './latencies.ts'

const PASSWORD = 'a-password-of-the-load'
const CALLS_PER_CARD = 5
/** What a station of 11 kW takes in a minute. */
const WH_PER_READING = 184
const CONTROLLER_SITE = 'load-controller'

export interface StationsTold {
  calls: Latencies
  refused: number
}
export interface Stations {
  /** Of the controller; undefined where there is none of its own. */
  pid: number | undefined
  run(intervalMs: number, until: number): Promise<StationsTold>
  stop(): Promise<void>
}

/** A controller as it runs on a box, linked to the cloud, with this many stations in session. */
export async function atController(cloud: Cloud, count: number): Promise<Stations> {
  const passwords = await registerSites(cloud.api, [CONTROLLER_SITE])
  const site = await controller({
    SITE_ID: CONTROLLER_SITE,
    MQTT_URL: cloud.broker.url,
    MQTT_USERNAME: CONTROLLER_SITE,
    MQTT_PASSWORD: passwords.get(CONTROLLER_SITE)!,
  })
  try {
    const stations = await inSession(count, (i) => `${site.url}/LOAD-${i}`)
    return { pid: site.pid, run: (intervalMs, until) => run(stations, intervalMs, until), stop: site.stop }
  } catch (error) {
    await site.stop()
    throw error
  }
}

/** Direct stations, each a site of its own. */
export async function atGateway(cloud: Cloud, count: number): Promise<Stations> {
  const { host } = new URL(cloud.services.get('ocpp-gateway')!.url)
  for (let i = 0; i < count; i++) {
    await cloud.api.post('/api/v1/sites', { siteId: `load-direct-${i}`, connection: 'direct' })
    await cloud.api.post('/api/v1/stations', {
      stationId: `DIRECT-${i}`,
      siteId: `load-direct-${i}`,
      password: PASSWORD,
    })
  }
  const stations = await inSession(count, (i) => `ws://DIRECT-${i}:${PASSWORD}@${host}/ocpp/DIRECT-${i}`)
  return {
    pid: undefined,
    run: (intervalMs, until) => run(stations, intervalMs, until),
    stop: async () => {},
  }
}

interface InSession {
  bare: BareStation
  transactionId: number
}

async function inSession(count: number, urlOf: (index: number) => string): Promise<InSession[]> {
  const stations: InSession[] = []
  for (let i = 0; i < count; i++) {
    // A station that was just made is unknown until the log has told of it.
    const bare = await eventually(`station ${i} to be let in`, () => connectBare(urlOf(i)))
    await bare.call(boot('boot'), 'boot')
    const [, , started] = (await bare.call(startTransaction('start', new Date().toISOString()), 'start')) as [
      3,
      string,
      { transactionId?: number },
    ]
    if (started.transactionId === undefined) throw new Error(`station ${i} could not start a session`)
    stations.push({ bare, transactionId: started.transactionId })
  }
  return stations
}

async function run(stations: readonly InSession[], intervalMs: number, until: number): Promise<StationsTold> {
  const told: StationsTold = { calls: new Latencies(), refused: 0 }
  await Promise.all(
    stations.map(async ({ bare, transactionId }) => {
      let due = performance.now() + Math.random() * intervalMs
      for (let n = 0; due < until; n++, due = Math.max(due + intervalMs, performance.now())) {
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
        const id = `l${n}`
        const text =
          n % CALLS_PER_CARD === CALLS_PER_CARD - 1
            ? authorize(id)
            : meterValues(id, new Date().toISOString(), transactionId, 1_000 + n * WH_PER_READING)
        const saidMs = performance.now()
        const [type] = await Promise.race([
          bare.call(text, id),
          bare.lost.then((): never => {
            throw new Error('a station lost its connection')
          }),
        ])
        told.calls.add(performance.now() - saidMs)
        if (type !== 3) told.refused++
      }
    }),
  )
  return told
}
