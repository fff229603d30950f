import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readFact } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { newestSyncedMs } from './journal/retention.ts'
import { InlineJournal } from './journal/testing/inline-journal.ts'
import type { Log } from './ports.ts'
import { systemRandom } from './random.ts'
import type { Moment } from './session/timing.ts'
import { SiteClock } from './site-clock.ts'
import { SiteState } from './site-state.ts'
import { VirtualClock } from './testing/virtual-clock.ts'
import { floorOf, keepTime } from './timekeeping.ts'

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }
const HOUR_MS = 3_600_000
const NOON = '2026-11-23T12:00:00.000Z'
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-time-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** One boot of a box whose wall clock starts at `wall`. */
async function boot(wall: string) {
  const machine = new VirtualClock(wall)
  const clock = new SiteClock(machine)
  const journal = new InlineJournal(join(folder, 'journal.db'), 'journal-1')
  const loaded = await journal.load()
  const state = new SiteState(journal, loaded, clock, systemRandom)
  const floorMs = floorOf(state, await newestSyncedMs(journal, loaded.heads))
  if (floorMs !== undefined) clock.setFloor(floorMs)
  const placed: Moment[] = []
  const time = keepTime({ siteId: 's', clock, state, log: silent, placed: (before) => placed.push(before) })
  time.start()
  const facts = async () => {
    const { rows } = await journal.readAfter('ledger', 0, 10_000, 8_000_000)
    return rows.map(({ fact }) => readFact(fact)).flatMap((it) => (it.ok && it.known ? [it.fact] : []))
  }
  const stop = async () => {
    time.stop()
    await journal.close()
  }
  const cloudSays = (at: string, withinMs = 0) =>
    time.onTime({ cloudMs: Date.parse(at), monoMs: machine.mono(), withinMs })
  return { machine, clock, state, journal, placed, facts, stop, cloudSays }
}

const write = async ({ state }: Awaited<ReturnType<typeof boot>>, n: number) => {
  for (let i = 0; i < n; i++)
    await state.commit({
      facts: [{ kind: 'session.register', sessionId: 's', data: { at: NOON, registerMilliWh: i } }],
      puts: [],
      deletes: [],
    })
}

it("tells whole milliseconds, whatever fractions the cloud's time was counted with", async () => {
  const box = await boot('1970-01-01T00:00:10.000Z')
  box.clock.setReference({ cloudMs: Date.parse(NOON), monoMs: box.machine.mono() - 60_000.5 })
  expect(Number.isInteger(box.clock.now())).toBe(true)
  await box.stop()
})

it('a box that woke in 1970 learns the time, and tells when it booted', async () => {
  const box = await boot('1970-01-01T00:00:10.000Z')
  expect(box.clock.quality()).toBe('unknown')
  box.machine.advance(60_000)
  box.cloudSays(NOON)
  expect(box.clock.quality()).toBe('synced')
  expect(box.clock.now()).toBe(Date.parse(NOON))
  expect(box.placed).toMatchObject([{ quality: 'unknown', nowMs: 70_000 }])
  box.cloudSays(NOON)
  expect(box.placed).toHaveLength(1)
  box.machine.advance(5_000)
  const told = await box.facts()
  const [placed] = told.filter((it) => it.kind === 'clock.placed')
  expect(placed?.data).toEqual({
    bootId: box.state.bootId,
    // The virtual machine's monotonic clock starts at one second.
    bootedAt: '2026-11-23T11:58:59.000Z',
    offByMs: Date.parse(NOON) - 70_000,
  })
  expect(told.filter((it) => it.kind === 'clock.stepped')).toMatchObject([{ data: { quality: 'synced' } }])
  await box.stop()
})

it('the next boot starts from the newest time that was known, though many rows came since without it', async () => {
  const first = await boot(NOON)
  first.cloudSays(NOON)
  first.machine.advance(3 * HOUR_MS)
  await write(first, 1)
  // The cloud is gone for days: rows are written by a clock that merely holds over.
  first.machine.advance(48 * HOUR_MS)
  expect(first.clock.quality()).toBe('holdover')
  await write(first, 600)
  await first.stop()

  const second = await boot('1970-01-01T00:00:00.000Z')
  expect(second.clock.quality()).toBe('unknown')
  // The last hour in which it was synced: a day after the cloud's last word.
  expect(new Date(second.clock.now()).toISOString()).toBe('2026-11-24T12:00:00.000Z')
  second.machine.advance(HOUR_MS)
  expect(new Date(second.clock.now()).toISOString()).toBe('2026-11-24T13:00:00.000Z')
  await second.stop()
})

it('rows of an unknown clock are no floor', async () => {
  const first = await boot('2099-01-01T00:00:00.000Z')
  await write(first, 3)
  await first.stop()
  const second = await boot(NOON)
  expect(second.clock.now()).toBe(Date.parse(NOON))
  await second.stop()
})

it('what a slow link says of the time does not replace what a quick one said before', async () => {
  const box = await boot('1970-01-01T00:00:00.000Z')
  box.cloudSays(NOON, 30_000)
  expect(box.clock.quality()).toBe('synced')
  box.cloudSays('2026-11-23T12:00:20.000Z', 100)
  expect(box.clock.now()).toBe(Date.parse('2026-11-23T12:00:20.000Z'))
  box.cloudSays(NOON, 30_000)
  expect(box.clock.now()).toBe(Date.parse('2026-11-23T12:00:20.000Z'))
  await box.stop()
})

it('a clock that is set while the cloud knows the time changes nothing but is told', async () => {
  const box = await boot(NOON)
  box.cloudSays(NOON)
  box.machine.set('2031-01-01T00:00:00.000Z')
  expect(box.clock.now()).toBe(Date.parse(NOON))
  expect(box.clock.quality()).toBe('synced')
  await box.stop()
})
