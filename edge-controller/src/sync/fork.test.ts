import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { STREAMS } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommandResult } from '../execute.ts'
import { CuttableLine, startAedes, type TestBroker } from './testing/test-broker.ts'
import { TestCloud } from './testing/test-cloud.ts'
import { FastClock, TestSite, type TestSiteOptions } from './testing/test-site.ts'

/** Thirty silent seconds, which move authority, are 1.2 s then: a crowded machine may stand still for half a second. */
const SPEED = 25

describe('a journal whose history has parted from the cloud', { timeout: 60_000 }, () => {
  let folder: string
  let broker: TestBroker
  let line: CuttableLine
  let cloud: TestCloud
  let clock: FastClock
  let sites: TestSite[]

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-forks-'))
    broker = await startAedes()
    line = await CuttableLine.to(broker.port)
    clock = new FastClock(SPEED)
    cloud = await TestCloud.start(broker.port, 'site-1', clock)
    sites = []
  })
  afterEach(async () => {
    for (const site of sites) await site.stop()
    await cloud.stop()
    await line.stop()
    await broker.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const file = (name: string) => join(folder, `${name}.db`)
  async function box(name: string, more: Partial<TestSiteOptions> = {}): Promise<TestSite> {
    const options = { siteId: 'site-1', file: file(name), port: line.port, clock, ...more }
    const started = await TestSite.start(options)
    sites.push(started)
    return started
  }
  async function off(site: TestSite): Promise<void> {
    sites = sites.filter((it) => it !== site)
    await site.stop()
  }
  /** A box with `rows` of each stream in the cloud, switched off; its card is copied. */
  async function backedUp(rows: number): Promise<void> {
    const site = await box('card')
    await site.work(rows)
    await allOf(site)
    await off(site)
    copyFileSync(file('card'), file('copy'))
  }

  const lane = (site: TestSite) => cloud.journals.get(site.state.journalId)
  const allOf = (site: TestSite) =>
    cloud.until(() => STREAMS.every((s) => (lane(site)?.last[s].seq ?? 0) === site.state.heads[s].seq))
  const forked = (site: TestSite) => cloud.until(() => site.state.journalId !== 'J1')
  const count = (kind: string) => cloud.kinds(kind).length
  /** Every row of every lane, told apart by its random id. */
  function noRowTwice(): void {
    for (const stream of STREAMS) {
      const ids = [...cloud.journals.values()].flatMap((it) =>
        [...it.rows[stream].values()].map((row) => row.id),
      )
      expect(new Set(ids).size).toBe(ids.length)
    }
    expect(cloud.contiguous()).toBe(true)
  }

  it('after a restored backup goes on as a new journal, with nothing lost and nothing twice', async () => {
    await backedUp(50)
    const before = await box('card')
    await before.work(30)
    await allOf(before)
    await off(before)
    const site = await box('copy')
    await forked(site)
    await site.work(20)
    await allOf(site)
    expect(cloud.kinds('journal.forked')[0]?.data).toEqual({
      fromJournalId: 'J1',
      shared: { ledger: 50, telemetry: 50 },
      reason: 'lost',
    })
    expect(cloud.hellos.at(-1)).toMatchObject({ journalId: site.state.journalId, forkedFrom: 'J1' })
    expect(count('session.register')).toBe(100)
    noRowTwice()
    expect(site.sync.status().forkedFrom).toMatchObject({ journalId: 'J1' })
  })

  it.each([
    { shared: 40, lost: 30, own: 60 },
    { shared: 0, lost: 3, own: 5 },
    { shared: 700, lost: 900, own: 1_200 },
  ])('finds the fork of a backup that worked on past the cloud: %o', async ({ shared, lost, own }) => {
    await backedUp(shared)
    const before = await box('card')
    await before.work(lost)
    await allOf(before)
    await off(before)
    line.cut()
    const site = await box('copy')
    await site.work(own)
    const hellos = cloud.hellos.length
    line.heal()
    await forked(site)
    await site.work(1)
    await allOf(site)
    expect(cloud.kinds('journal.forked')[0]?.data).toMatchObject({
      shared: { ledger: shared, telemetry: shared },
      reason: 'parted',
    })
    expect(count('session.register')).toBe(shared + lost + own + 1)
    noRowTwice()
    // A hello that is ahead, at most four questions, and the new journal's; some are sent twice when the machine is slow.
    const asked = new Set(cloud.hellos.slice(hellos).map((it) => it.nonce)).size
    expect(asked).toBeLessThanOrEqual(6)
    // Nobody else speaks with the old journal: at once, or once that is certain, the new one speaks for the site.
    while (site.sync.status().authority !== true) {
      cloud.askSuccessors()
      await new Promise<void>((resolve) => clock.after(2_000, resolve))
    }
  })

  it('forks again from where it was when it is switched off in the middle of the search', async () => {
    await backedUp(200)
    const before = await box('card')
    await before.work(150)
    await allOf(before)
    await off(before)
    for (let round = 1; round <= 3; round++) {
      const site = await box('copy')
      await site.work(10)
      if (round < 3) await off(site)
      else {
        await forked(site)
        await allOf(site)
      }
    }
    expect(count('session.register')).toBe(200 + 150 + 30)
    expect(count('journal.forked')).toBe(1)
    noRowTwice()
  })

  it('cloned, with both boxes running: one speaks for the site, the other is fenced, and each row comes once', async () => {
    await backedUp(20)
    const boxes = [await box('card'), await box('copy')]
    for (let round = 0; round < 4; round++) for (const it of boxes) await it.work(10)
    await cloud.until(() => boxes.some((it) => it.state.journalId !== 'J1'))
    for (const it of boxes) await it.work(5)
    for (const it of boxes) await allOf(it)
    await cloud.until(() => boxes.filter((it) => it.sync.status().authority).length === 1)
    const fork = boxes.find((it) => it.state.journalId !== 'J1')!
    const other = boxes.find((it) => it !== fork)!
    expect(other.state.journalId).toBe('J1')
    expect(count('session.register')).toBe(20 + 2 * 45)
    noRowTwice()
    // It stays so: nobody says hello any more, whatever both write.
    const hellos = cloud.hellos.length
    for (const it of boxes) await it.work(5)
    for (const it of boxes) await allOf(it)
    expect(cloud.hellos.length).toBe(hellos)
    // Which of the two it is, is not said: the fork's, where its box was heard last or the other one was silent for too long.
    const inAuthority = cloud.site.journalId === 'J1' ? other : fork
    expect(boxes.filter((it) => it.sync.status().authority)).toEqual([inAuthority])
    expect(boxes.filter((it) => !lane(it)?.fenced)).toEqual([inAuthority])
  })

  it('cloned, with the clone idle: the box that is there marks its history and keeps its authority', async () => {
    await backedUp(20)
    const own = await box('card')
    await cloud.until(() => own.sync.status().authority === true)
    cloud.heardAlways = true
    const clone = await box('copy')
    await cloud.until(() => count('journal.marked') > 0)
    await clone.work(3)
    await forked(clone)
    await allOf(clone)
    await own.work(3)
    await allOf(own)
    expect(own.state.journalId).toBe('J1')
    await cloud.until(() => own.sync.status().authority === true && clone.sync.status().authority === false)
    expect(count('session.register')).toBe(26)
    noRowTwice()
  })

  it('fenced, gets authority from an operator at once, and the other loses it', async () => {
    await backedUp(10)
    const ran: string[] = []
    const execute = (name: string) => async (): Promise<CommandResult> => {
      ran.push(name)
      return { status: 'accepted' }
    }
    const first = await box('card', { execute: execute('first') })
    await cloud.until(() => first.sync.status().authority === true)
    cloud.heardAlways = true
    const second = await box('second', { journalId: 'J2', execute: execute('second') })
    await cloud.until(() => second.sync.status().authority === false)
    const before = cloud.epoch
    cloud.give('J2')
    await cloud.until(
      () => second.sync.status().authority === true && first.sync.status().authority === false,
    )
    expect(cloud.epoch).toBeGreaterThan(before)
    cloud.command({
      id: 'c1',
      stationId: 'S',
      kind: 'RemoteStop',
      args: { sessionId: 's' },
      issuedAt: new Date(clock.now()).toISOString(),
      expiresAt: new Date(clock.now() + 3_600_000).toISOString(),
    })
    await cloud.until(() => count('command.outcome') === 1)
    expect(ran).toEqual(['second'])
    for (const it of [first, second]) await it.work(5)
    for (const it of [first, second]) await allOf(it)
    noRowTwice()
  })

  it('makes commands of the journal before unknown, for its outcomes cannot be told in the new one', async () => {
    await backedUp(10)
    const before = await box('card')
    await before.work(1)
    await allOf(before)
    await off(before)
    copyFileSync(file('copy'), file('third'))
    // The clone is given a command before its history is looked into: its journal has one that is under way.
    const site = await box('third', { port: 1, execute: () => new Promise(() => {}) })
    const command = {
      id: 'c9',
      stationId: 'S',
      kind: 'RemoteStart' as const,
      args: {},
      issuedAt: '',
      expiresAt: '',
    }
    await site.state.commit({
      facts: [],
      puts: [{ kind: 'command', id: 'c9', value: { command, epoch: 1 } }],
      deletes: [],
    })
    await off(site)
    const again = await box('third', { port: line.port })
    await forked(again)
    await allOf(again)
    expect(cloud.kinds('command.outcome').map((f) => f.data)).toMatchObject([
      { commandId: 'c9', status: 'unknown' },
    ])
  })
})
