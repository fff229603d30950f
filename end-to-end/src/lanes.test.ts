/** Real processes whose journal is not the one the cloud knows: a restored backup, and a cloned card with both boxes running. */
import { copyFileSync, rmSync } from 'node:fs'
import type { Alert, SiteLane } from '@switchyard/protocol/api/shapes.ts'
import { afterEach, expect, it } from 'vitest'
import { admitToken } from './admit-token.ts'
import { eventually } from './process.ts'
import { boot, connect, type Told, tellSession } from './stations.ts'
import { type System, startSystem } from './system.ts'

const TOKEN = 'TOKEN-1'
let system: System | undefined
afterEach(() => system?.stop(), 60_000)

async function start(): Promise<System> {
  system = await startSystem({ broker: 'embedded' })
  await admitToken(system, TOKEN)
  return system
}

/** Sessions of a station, each of a size and an hour of its own. */
async function charge(ocppUrl: string, stationId: string, indexes: number[]): Promise<Told[]> {
  const station = await connect(ocppUrl, stationId, '1.6')
  await boot(station)
  const told: Told[] = []
  for (const index of indexes) {
    const endMs = Date.now() - (40 - index) * 1_800_000
    const [startMs, startWh] = [endMs - 1_200_000, 100_000 + index * 10_000]
    told.push(
      await tellSession(station, {
        stationId,
        idToken: TOKEN,
        startMs,
        endMs,
        startWh,
        energyWh: 1_000 + index,
        readings: 2,
      }),
    )
  }
  await station.client.close()
  return told
}

async function billedOnce({ api }: System, told: Told[]): Promise<void> {
  const cdrs = await eventually(
    'all sessions to be billed',
    async () => {
      const all = await api.cdrs()
      return all.length >= told.length && all
    },
    120_000,
  )
  expect(cdrs.map((it) => Number(it.energyWh)).sort()).toEqual(told.map((it) => it.endWh - it.startWh).sort())
  expect(cdrs.filter((it) => it.credit)).toEqual([])
}
const lanes = async ({ api, siteId }: System) =>
  (await api.get<{ items: SiteLane[] }>(`/api/v1/sites/${siteId}/lanes`)).items
const openRules = async ({ api }: System) =>
  (await api.all<Alert>('/api/v1/alerts?open=true')).map((it) => it.rule).sort()
interface Status {
  link: { linked: boolean; authority?: boolean; forkedFrom?: { journalId: string } }
  backlog: { ledger: number; telemetry: number }
}
const statusOf = async (panelUrl: string) => (await (await fetch(`${panelUrl}/api/status`)).json()) as Status
const linkOf = async (panelUrl: string) => (await statusOf(panelUrl)).link
const drained = ({ panelUrl }: { panelUrl: string }) =>
  eventually('everything to be in the cloud', async () => {
    const { link, backlog } = await statusOf(panelUrl)
    return link.linked && backlog.ledger === 0 && backlog.telemetry === 0
  })

it('a restored backup goes on as a new journal: what was lost on the box and what came after is billed once each', async () => {
  const s = await start()
  const told = await charge(s.ocppUrl, 'R-1', [1, 2])
  await drained(s)
  await s.controller.stop()
  copyFileSync(s.journalFile, `${s.journalFile}.backup`)
  s.controller.start()
  await eventually('the controller', async () => (await fetch(`${s.panelUrl}/health`)).ok)
  told.push(...(await charge(s.ocppUrl, 'R-1', [3, 4])))
  await drained(s)
  await s.controller.stop()

  for (const suffix of ['-wal', '-shm']) rmSync(s.journalFile + suffix, { force: true })
  copyFileSync(`${s.journalFile}.backup`, s.journalFile)
  s.link.cut()
  s.controller.start()
  await eventually('the controller', async () => (await fetch(`${s.panelUrl}/health`)).ok)
  // It works on before the cloud can tell it anything.
  told.push(...(await charge(s.ocppUrl, 'R-1', [5, 6, 7])))
  s.link.heal()
  told.push(...(await charge(s.ocppUrl, 'R-2', [8])))
  await billedOnce(s, told)
  const [speaking, before] = await eventually('the fork to speak for the site', async () => {
    const all = await lanes(s)
    return all.length === 2 && all[0]!.forkedFrom !== null && all
  })
  expect(speaking).toMatchObject({ authority: true, forkedFrom: before!.journalId })
  expect(before).toMatchObject({ authority: false, forkedFrom: null })
  expect((await linkOf(s.panelUrl)).forkedFrom?.journalId).toBe(before!.journalId)
  await eventually('the alert of the fork alone', async () => {
    const rules = await openRules(s)
    return rules.length === 1 && rules[0] === 'journal-forked'
  })
}, 400_000)

it('a cloned card with both boxes running: every session once, one box fenced, and an operator chooses', async () => {
  const s = await start()
  const told = await charge(s.ocppUrl, 'C-1', [1])
  await drained(s)
  await s.controller.stop()
  const copy = `${s.journalFile}.copy`
  copyFileSync(s.journalFile, copy)
  s.controller.start()
  await eventually('the controller', async () => (await fetch(`${s.panelUrl}/health`)).ok)
  const clone = await s.startBox(copy)
  const both = [s, clone]
  const charged = await Promise.all(
    both.map((it, i) => charge(it.ocppUrl, `C-${2 + i}`, [2 + 3 * i, 3 + 3 * i])),
  )
  told.push(...charged.flat())
  await billedOnce(s, told)
  for (const it of both) await drained(it)
  const all = await eventually('two lanes', async () => {
    const found = await lanes(s)
    return found.length === 2 && found
  })
  expect(all.map((it) => it.authority)).toEqual([true, false])
  expect(all[1]!.forkedFrom).toBe(all[0]!.journalId)
  await eventually('the alerts', async () => {
    const rules = await openRules(s)
    return ['clone-suspected', 'journal-forked', 'lane-fenced'].every((it) => rules.includes(it))
  })

  const speaks = async (it: { panelUrl: string }) => (await linkOf(it.panelUrl)).authority === true
  const fenced = (await speaks(s)) ? clone : s
  await s.api.post(`/api/v1/sites/${s.siteId}/lanes/${all[1]!.journalId}/authority`, {})
  await eventually(
    'authority to change hands',
    async () => (await Promise.all(both.map(speaks))).filter(Boolean).length === 1 && speaks(fenced),
    60_000,
  )
  await eventually('the alerts to be settled', async () => (await openRules(s)).length === 0)
  const more = await Promise.all(both.map((it, i) => charge(it.ocppUrl, `C-${2 + i}`, [10 + i])))
  await billedOnce(s, [...told, ...more.flat()])
}, 400_000)
