import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Command } from '@switchyard/protocol/site/command.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommandResult } from '../execute.ts'
import {
  CuttableLine,
  mosquittoInstalled,
  startAedes,
  startMosquitto,
  type TestBroker,
} from './testing/test-broker.ts'
import { TestCloud } from './testing/test-cloud.ts'
import { FastClock, TestSite, type TestSiteOptions } from './testing/test-site.ts'

const brokers = [
  { name: 'aedes', start: startAedes },
  ...(mosquittoInstalled() ? [{ name: 'Mosquitto', start: startMosquitto }] : []),
]
const SPEED = 50

describe.each(brokers)('over $name', ({ start }) => {
  let folder: string
  let broker: TestBroker
  let line: CuttableLine
  let cloud: TestCloud
  let clock: FastClock
  let sites: TestSite[]

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-sync-'))
    broker = await start()
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

  async function site(options: Partial<TestSiteOptions> = {}): Promise<TestSite> {
    const file = join(folder, 'journal.db')
    const started = await TestSite.start({ siteId: 'site-1', file, port: line.port, clock, ...options })
    sites.push(started)
    return started
  }
  async function restart(old: TestSite, options: Partial<TestSiteOptions> = {}): Promise<TestSite> {
    await old.stop()
    sites = sites.filter((s) => s !== old)
    return site(options)
  }
  const everything = (s: TestSite) => () =>
    cloud.facts('ledger').length === s.state.heads.ledger.seq &&
    cloud.facts('telemetry').length === s.state.heads.telemetry.seq
  const linked = (s: TestSite) => cloud.until(() => s.sync.status().linked)

  it('brings every row up once, and knows when nothing is left', async () => {
    const s = await site()
    await s.work(1_500)
    await cloud.until(everything(s))
    expect(cloud.contiguous()).toBe(true)
    await cloud.until(
      () => cloud.lives.at(-1)?.backlog.ledger === 0 && cloud.lives.at(-1)?.backlog.telemetry === 0,
    )
    expect(cloud.lives.at(-1)?.ledgerSeq).toBe(1_500)
    expect(s.times.length).toBeGreaterThan(0)
  })

  it('goes on where it was when the link is cut again and again', async () => {
    const s = await site()
    for (let round = 0; round < 4; round++) {
      await s.work(100)
      await cloud.until(() => cloud.facts('ledger').length > round * 100)
      line.cut()
      await s.work(100)
      line.heal()
    }
    await cloud.until(everything(s))
    expect(cloud.contiguous()).toBe(true)
    expect(cloud.hellos.length).toBeGreaterThanOrEqual(4)
    expect(new Set(cloud.hellos.map((h) => h.epoch)).size).toBeLessThanOrEqual(2)
  })

  it('sends again when acknowledgements or batches are lost', async () => {
    let lost = 0
    cloud.sendAck = () => lost++ % 3 !== 0
    let batches = 0
    cloud.onBatch = () => (batches++ % 4 === 1 ? 'drop' : 'take')
    const s = await site()
    for (let i = 0; i < 4; i++) {
      await s.work(50)
      await cloud.until(everything(s))
    }
    expect(cloud.contiguous()).toBe(true)
    expect(lost).toBeGreaterThan(3)
  })

  it('takes duplicate, late and contradicting acknowledgements without losing its place', async () => {
    const s = await site()
    await s.work(10)
    await cloud.until(everything(s))
    cloud.send('ack', { stream: 'ledger', upTo: 3, rowId: 'old' })
    cloud.send('ack', { stream: 'ledger', upTo: 10, rowId: 'whatever' })
    cloud.send('ack', { stream: 'ledger', upTo: 2, rowId: '', refused: 'gap' })
    await s.work(10)
    await cloud.until(everything(s))
    expect(cloud.contiguous()).toBe(true)
    const hellos = cloud.hellos.length
    // Acknowledged beyond what was ever written: another history, so the site asks anew and then goes on.
    cloud.send('ack', { stream: 'ledger', upTo: 99, rowId: 'never' })
    await cloud.until(() => cloud.hellos.length > hellos)
    await s.work(5)
    await cloud.until(everything(s))
    expect(cloud.contiguous()).toBe(true)
  })

  it('waits when the cloud is busy', async () => {
    let busy = 0
    cloud.onBatch = () => (busy++ < 3 ? 'busy' : 'take')
    const s = await site()
    await s.work(5)
    await cloud.until(everything(s))
    expect(busy).toBeGreaterThan(3)
  })

  it('goes on past a row that the cloud cannot read, and its text is not lost', async () => {
    const odd = (text: string) => text.includes('"registerMilliWh":7}')
    cloud.onBatch = (batch) => (batch.rows.some((row) => odd(row.fact)) ? 'unreadable' : 'take')
    const s = await site()
    await s.work(12)
    await cloud.until(everything(s))
    expect(cloud.contiguous()).toBe(true)
    const packed = cloud.kinds('stream.row-packed')
    expect(packed.map((it) => it.data.reason)).toEqual(['odd'])
    const text = gunzipSync(Buffer.from(packed[0]!.data.packed as string, 'base64')).toString()
    expect(odd(text)).toBe(true)
    expect(cloud.facts('ledger').filter(odd)).toEqual([])
  })

  it('sends what was not acknowledged before it was restarted', async () => {
    let s = await site()
    cloud.sendAck = () => false
    await s.work(200)
    await cloud.until(() => cloud.facts('ledger').length > 0)
    line.cut()
    await s.work(20)
    cloud.sendAck = () => true
    s = await restart(s)
    line.heal()
    await s.work(1)
    await cloud.until(everything(s))
    expect(cloud.contiguous()).toBe(true)
  })

  it('replays to a cloud restored from a backup, and tells what is pruned as a loss', async () => {
    let s = await site()
    await s.work(40)
    await cloud.until(everything(s))
    s = await restart(s)
    await cloud.until(() => cloud.hellos.length === 2)
    await linked(s)
    await s.journal.acknowledge('ledger', 40)
    expect(await s.journal.prune('ledger', 20)).toBe(20)
    line.cut()
    cloud.restore('ledger', 10)
    cloud.generation = 'g2'
    line.heal()
    await cloud.until(() => cloud.journals.get('J1')?.last.ledger.seq === 40)
    const loss = cloud.kinds('stream.loss')
    expect(loss.map((f) => f.data)).toEqual([{ from: 11, to: 20, reason: expect.any(String) }])
    expect([...cloud.journals.get('J1')!.rows.ledger.keys()].sort((a, b) => a - b)).toEqual([
      ...Array.from({ length: 10 }, (_, i) => i + 1),
      ...Array.from({ length: 21 }, (_, i) => i + 20),
    ])
  })

  it('keeps what a restored cloud lacks until it has it again, however full the disk', async () => {
    const s = await site()
    await s.work(40)
    await cloud.until(everything(s))
    await s.journal.acknowledge('ledger', 40)
    line.cut()
    cloud.restore('ledger', 10)
    cloud.generation = 'g2'
    const answers = cloud.sendAck
    cloud.sendAck = () => false
    line.heal()
    await cloud.until(() => cloud.hellos.length === 2)
    await linked(s)
    expect(await s.journal.prune('ledger', 40)).toBe(10)
    cloud.sendAck = answers
    line.cut()
    line.heal()
    await cloud.until(everything(s))
    expect(cloud.contiguous()).toBe(true)
  })

  it('gives the ledger precedence while it lags', async () => {
    const s = await site()
    await linked(s)
    line.cut()
    // Incompressible enough that a backlog takes many batches.
    const noise = (n: number) => createHash('sha512').update(String(n)).digest('base64')
    const at = '2027-01-01T00:00:00.000Z'
    for (let i = 0; i < 3_000; i++)
      await s.state.commit({
        facts: [
          { kind: 'session.register', stationId: 'S', sessionId: noise(i), data: { at, registerMilliWh: i } },
          {
            kind: 'station.meter',
            stationId: noise(-i),
            data: { at, evseId: 1, connectorId: 1, values: [] },
          },
        ],
        puts: [],
        deletes: [],
      })
    const before = cloud.batches.length
    line.heal()
    await cloud.until(everything(s))
    const batches = cloud.batches.slice(before)
    const lastLedger = batches.findLastIndex((b) => b.stream === 'ledger')
    const ledger = batches.slice(0, lastLedger + 1).filter((b) => b.stream === 'ledger').length
    const telemetry = lastLedger + 1 - ledger
    expect(ledger).toBeGreaterThan(3)
    expect(telemetry).toBeLessThanOrEqual(ledger + 1)
    expect(cloud.contiguous()).toBe(true)
  })

  const command = (id: string, more: Partial<Command> = {}): Command => ({
    id,
    stationId: 'S',
    kind: 'RemoteStart',
    args: { idToken: { value: 'TAG' } },
    issuedAt: new Date(clock.now()).toISOString(),
    expiresAt: new Date(clock.now() + 3_600_000).toISOString(),
    ...more,
  })
  const outcomes = () => cloud.kinds('command.outcome').map((f) => f.data)

  it('carries a command out once, however often it comes', async () => {
    let runs = 0
    const execute = async (): Promise<CommandResult> => ({ status: 'accepted', reply: { n: ++runs } })
    let s = await site({ execute })
    await linked(s)
    const c = command('c1')
    cloud.command(c)
    cloud.command(c)
    await cloud.until(() => outcomes().length === 1)
    s = await restart(s, { execute })
    await cloud.until(() => cloud.hellos.length === 2)
    await linked(s)
    const lives = cloud.lives.length
    cloud.command(c)
    await cloud.until(() => cloud.lives.slice(lives).some((l) => l.outcomes.length > 0))
    expect(cloud.lives.at(-1)?.outcomes).toEqual([{ commandId: 'c1', status: 'accepted', reply: { n: 1 } }])
    expect(runs).toBe(1)
    expect(outcomes()).toEqual([{ commandId: 'c1', status: 'accepted', reply: { n: 1 } }])
  })

  it('never carries out a command whose time is over, nor one it cannot read', async () => {
    const ran: string[] = []
    const s = await site({
      execute: async (c) => {
        ran.push(c.id)
        return { status: 'accepted' }
      },
    })
    await linked(s)
    cloud.command(command('late', { expiresAt: new Date(clock.now() - 1).toISOString() }))
    cloud.command(command('odd', { kind: 'Dance' }))
    cloud.command(command('wrong', { args: { idToken: 7 } }))
    cloud.send('command', { command: { id: 'broken' } })
    cloud.send('command', { epoch: 77, command: command('foreign') })
    cloud.command(command('good'))
    await cloud.until(() => outcomes().length === 4)
    expect(ran).toEqual(['good'])
    const byId = Object.fromEntries(outcomes().map((o) => [o.commandId, o]))
    expect(byId.late).toMatchObject({ status: 'expired' })
    expect(byId.odd).toMatchObject({ status: 'failed', error: { code: 'UnknownCommand' } })
    expect(byId.wrong).toMatchObject({ status: 'failed', error: { code: 'InvalidArguments' } })
    expect((byId.wrong!.error as { description: string }).description).toContain('idToken')
  })

  it('a command cut off by a restart is unknown, unless it may be repeated', async () => {
    const never = () => new Promise<CommandResult>(() => {})
    let s = await site({ execute: never })
    await linked(s)
    cloud.command(command('start'))
    cloud.command(command('stop', { kind: 'RemoteStop', args: { sessionId: 'x' } }))
    while (s.state.list('command').length < 2) await new Promise((resolve) => setImmediate(resolve))
    s = await restart(s, { execute: async (c) => ({ status: 'accepted', reply: { kind: c.kind } }) })
    await cloud.until(() => outcomes().length === 2)
    const byId = Object.fromEntries(outcomes().map((o) => [o.commandId, o]))
    expect(byId.start).toMatchObject({ status: 'unknown', error: { code: 'ControllerRestarted' } })
    expect(byId.stop).toMatchObject({ status: 'accepted', reply: { kind: 'RemoteStop' } })
  })

  it('a change of epoch makes what is outstanding unknown, until its answer comes', async () => {
    let finish = (_: CommandResult): void => {}
    const s = await site({ execute: () => new Promise((resolve) => (finish = resolve)) })
    await linked(s)
    cloud.command(command('start'))
    while (s.state.list('command').length < 1) await new Promise((resolve) => setImmediate(resolve))
    line.cut()
    cloud.journals.get('J1')!.epoch = 9
    line.heal()
    await cloud.until(() => outcomes().length === 1)
    finish({ status: 'accepted' })
    await s.work(3)
    await cloud.until(everything(s))
    expect(outcomes()).toMatchObject([
      { status: 'unknown', error: { code: 'EpochChanged' } },
      { status: 'accepted' },
    ])
    expect(cloud.batches.at(-1)?.epoch).toBe(9)
  })

  function sendDocument(
    name: string,
    n: number,
    body: unknown,
    more: { chunkBytes?: number; sha256?: string } = {},
  ) {
    const text = JSON.stringify(body)
    const size = more.chunkBytes ?? text.length
    const of = Math.ceil(text.length / size)
    const sha256 = more.sha256 ?? createHash('sha256').update(text).digest('hex')
    const chunks = Array.from({ length: of }, (_, index) => index).reverse()
    for (const index of chunks)
      cloud.send('document', {
        name,
        version: { generation: 'g1', n },
        sha256,
        chunk: { index, of },
        body: text.slice(index * size, (index + 1) * size),
      })
  }
  const tokens = (count: number) => ({
    tokens: Array.from({ length: count }, (_, i) => ({
      idToken: `T${i}`,
      type: 'Central',
      status: 'Accepted',
    })),
  })

  it('applies a document whole, in chunks and in any order, and never an older one', async () => {
    let s = await site()
    await linked(s)
    sendDocument('tokens', 5, tokens(3_000), { chunkBytes: 20_000 })
    await cloud.until(() => cloud.kinds('document.applied').length === 1)
    sendDocument('tokens', 4, tokens(1))
    sendDocument('tokens', 6, { tokens: [{ idToken: 1 }] })
    sendDocument('site', 1, {}, { sha256: 'ff' })
    sendDocument('weather', 1, {})
    await cloud.until(() => cloud.kinds('document.rejected').length === 3)
    const reasons = cloud.kinds('document.rejected').map((f) => `${f.data.name}: ${f.data.reason}`)
    expect(reasons[0]).toMatch(/^tokens: .*idToken/s)
    expect(reasons[1]).toMatch(/^site: its sha256/)
    expect(reasons[2]).toMatch(/^weather: .*not known/)
    s = await restart(s)
    await cloud.until(() => cloud.hellos.length === 2)
    expect(cloud.hellos.at(-1)?.documents).toEqual({ tokens: { generation: 'g1', n: 5 } })
    expect(s.state.list<string>('tokens').flatMap((it) => JSON.parse(it))).toHaveLength(3_000)
    expect(cloud.kinds('document.applied').map((f) => f.data)).toEqual([
      { name: 'tokens', generation: 'g1', n: 5 },
    ])
  })

  it('asks the cloud only while there is a link', async () => {
    const s = await site()
    const token = { value: 'TAG', type: 'Central' }
    expect(await s.sync.ask('S', token)).toBeUndefined()
    cloud.answers = (ask) => (ask.idToken.value === 'TAG' ? 'Accepted' : undefined)
    await linked(s)
    // An answer has 40 ms here, at fifty times the speed: who waits at a busy machine asks again.
    await expect.poll(() => s.sync.ask('S', token)).toBe('Accepted')
    expect(await s.sync.ask('S', { value: 'unanswered', type: 'Central' })).toBeUndefined()
    const question = {
      kind: 'contract' as const,
      iso15118SchemaVersion: 'urn:iso:15118:2:2013:MsgDef',
      action: 'Install' as const,
      exiRequest: 'gJgC',
    }
    expect(await s.sync.askCertificates('S', question)).toBeUndefined()
    cloud.finds = ({ certificates }) =>
      certificates.kind === 'contract' ? { exiResponse: `re:${certificates.exiRequest}` } : undefined
    await expect.poll(() => s.sync.askCertificates('S', question)).toEqual({ exiResponse: 're:gJgC' })
    line.cut()
    while (s.sync.status().linked) await new Promise((resolve) => setImmediate(resolve))
    expect(await s.sync.ask('S', token)).toBeUndefined()
  })
})
