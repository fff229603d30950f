/** Real processes and faults: nothing lost, nothing billed twice. */
import type { Cdr } from '@switchyard/protocol/api/shapes.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { admitToken } from './admit-token.ts'
import { mosquittoBinary } from './mosquitto.ts'
import { eventually } from './process.ts'
import { boot, type Connected, connect, type Told, tellSession, type Version } from './stations.ts'
import { type System, startSystem } from './system.ts'

const TOKEN = 'TOKEN-1'
const SESSIONS = 10
const brokers = ['embedded', ...(mosquittoBinary() ? ['mosquitto'] : [])] as ('embedded' | 'mosquitto')[]

/** One session of `index` hours ago, of a size that tells it apart. */
const plan = (station: Connected, index: number) => {
  const endMs = Date.now() - (20 - index) * 3_600_000
  return {
    stationId: station.stationId,
    idToken: TOKEN,
    startMs: endMs - 1_800_000,
    endMs,
    startWh: 100_000 + index * 10_000,
    energyWh: 1_000 + index,
    readings: 3,
  }
}

async function billedOnce(system: System, told: Told[]): Promise<void> {
  const wanted = told.map((t) => t.endWh - t.startWh).sort()
  const cdrs = await eventually('all sessions to be billed', async () => {
    const all = await system.api.cdrs()
    return all.length >= told.length && all
  })
  expect(energies(cdrs)).toEqual(wanted)
  const lines = (await system.api.invoices()).flatMap((i) => i.lines)
  expect(new Set(lines.map((l) => l.cdrId)).size).toBe(lines.length)
  expect(lines).toHaveLength(told.length)
  await eventually('the backlog to drain', async () => {
    const [site] = await system.api.sites()
    return site?.backlog?.ledger === 0 && site.backlog.telemetry === 0
  })
}
const energies = (cdrs: Cdr[]) =>
  cdrs
    .filter((c) => !c.credit)
    .map((c) => c.energyWh)
    .sort()

describe.each(brokers)('with the %s broker', (broker) => {
  let system: System | undefined
  afterEach(() => system?.stop(), 60_000)

  const start = async () => {
    system = await startSystem({ broker })
    await admitToken(system, TOKEN)
    return system
  }

  it('bills ten sessions once that ran while the link was cut', async () => {
    const s = await start()
    s.link.cut()
    const told: Told[] = []
    for (const version of ['1.6', '2.0.1'] as Version[]) {
      const station = await connect(s.ocppUrl, `CUT-${version}`, version)
      await boot(station)
      for (let i = 0; i < SESSIONS / 2; i++) told.push(await tellSession(station, plan(station, told.length)))
      await station.client.close()
    }
    expect(await s.api.cdrs()).toEqual([])
    s.link.heal()
    await billedOnce(s, told)
  }, 180_000)

  it('resumes sessions after kill -9 of the controller in the middle of them', async () => {
    const s = await start()
    const told: Told[] = []
    for (const version of ['1.6', '2.0.1'] as Version[]) {
      for (let i = 0; i < SESSIONS / 2; i++) {
        let station = await connect(s.ocppUrl, `KILL-${version}`, version)
        await boot(station)
        let steps = 0
        const whole = plan(station, told.length)
        // calls go to whichever connection is the station's at that moment
        const through: Connected = {
          ...station,
          client: { ...station.client, call: (action, payload) => station.client.call(action, payload) },
        }
        told.push(
          await tellSession(through, whole, async () => {
            if (++steps !== 2) return
            await s.controller.kill()
            s.controller.start()
            station = await eventually('the controller to be back', () =>
              connect(s.ocppUrl, station.stationId, version),
            )
          }),
        )
        await station.client.close()
      }
    }
    await billedOnce(s, told)
  }, 300_000)

  it('bills once what was being taken in when the cloud was killed', async () => {
    const s = await start()
    const told: Told[] = []
    for (const version of ['1.6', '2.0.1'] as Version[]) {
      const station = await connect(s.ocppUrl, `CLOUD-${version}`, version)
      await boot(station)
      for (let i = 0; i < SESSIONS / 2; i++) {
        const session = tellSession(station, plan(station, told.length))
        if (i % 2 === 0) {
          await s.cloud.kill()
          s.cloud.start()
        }
        told.push(await session)
      }
      await station.client.close()
    }
    await eventually('the cloud to be back', async () => (await s.api.sites()).length === 1)
    await billedOnce(s, told)
  }, 300_000)
})
