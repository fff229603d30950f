import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { DOCUMENT_CHUNK_BYTES } from '@switchyard/protocol/site/document.ts'
import { OFFLINE_AFTER_MS } from '@switchyard/protocol/site/grant.ts'
import { LIVE_INTERVAL_MS } from '@switchyard/protocol/site/live.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { BUS } from '../platform/bus.ts'
import type { CloudFact } from '../platform/event-log/cloud-fact.ts'
import { SHED_RETRY_MS } from './load.ts'
import { createPresence } from './presence.ts'
import { factText, startTestGateway, type TestGateway, TestSite, until } from './testing.ts'

let gateway: TestGateway
let sites: TestSite[] = []
beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway?.close())
afterEach(async () => {
  await Promise.all(sites.map((it) => it.end()))
  sites = []
})

async function site(siteId: string, journalId?: string): Promise<TestSite> {
  const connected = await TestSite.connect(gateway, await gateway.credential(siteId), journalId)
  sites.push(connected)
  return connected
}
const connected = (stationId: string): string =>
  factText('station.connected', { ocpp: 'ocpp1.6' }, { stationId })

/** A site of the same log partition. */
function neighbourOf(siteId: string): string {
  const { partitionOf } = gateway.target.context.eventLog
  for (let i = 0; ; i++) if (partitionOf(`${siteId}-${i}`) === partitionOf(siteId)) return `${siteId}-${i}`
}
async function logged(siteId: string) {
  const { eventLog } = gateway.target.context
  const entries = await eventLog.read(eventLog.partitionOf(siteId), 0, 5_000)
  return entries.filter((it) => it.siteId === siteId)
}
async function publish(tenantId: string, siteId: string | null, fact: CloudFact): Promise<void> {
  const { eventLog } = gateway.target.context
  await gateway.sql.begin((tx) => eventLog.publish(tx, { tenantId, siteId, ...fact }))
  eventLog.wake()
}

describe('a conversation', () => {
  it('begins with hello and welcome, and the site is online', async () => {
    const it1 = await site('hi')
    const welcome = await it1.hello('n1')
    expect(welcome).toMatchObject({
      v: 1,
      journalId: 'journal-hi',
      nonce: 'n1',
      epoch: 1,
      authority: true,
      tenantId: 'default',
      generation: gateway.target.context.eventLog.generation,
      expected: { ledger: { seq: 0, rowId: '' }, telemetry: { seq: 0, rowId: '' } },
      documents: {},
      monoMs: 1_234,
    })
    const [online] = await until('site.online in the log', async () => {
      const found = (await logged('hi')).filter((entry) => entry.kind === 'site.online')
      return found.length > 0 ? found : undefined
    })
    expect(JSON.parse(online?.text ?? '')).toMatchObject({
      data: { journalId: 'journal-hi', epoch: 1, version: '1.0.0' },
    })
  })

  it('keeps the epoch of the lane in authority, and goes above what the site remembers', async () => {
    const it1 = await site('epochs')
    expect((await it1.hello('a')).epoch).toBe(1)
    expect((await it1.hello('a')).epoch).toBe(1)
    expect((await it1.hello('b')).epoch).toBe(1)
    expect((await it1.hello('c', { epoch: 41 })).epoch).toBe(42)
    expect((await it1.hello('c', { epoch: 41 })).epoch).toBe(42)
  })

  it('fences a second journal while the first is heard, and takes its facts all the same', async () => {
    const first = await site('two', 'first')
    await first.hello('a')
    const second = await site('two', 'second')
    // The new secret ended the first connection; its lane keeps authority.
    const welcome = await second.hello('b')
    expect(welcome.authority).toBe(false)
    expect(await second.batch(1, [connected('x')])).toMatchObject({ upTo: 1, rowId: 'second#1' })
    const entries = await logged('two')
    expect(entries.find((entry) => entry.kind === 'station.connected')?.journal).toMatchObject({
      authority: false,
    })
    await until('the fence in the log', async () =>
      (await logged('two')).some((entry) => entry.kind === 'site.lane-fenced') ? true : undefined,
    )
  })

  it('gives a new journal authority when the one before has long been silent, and fences that one for good', async () => {
    const first = await site('silent', 'first')
    const before = await first.hello('a')
    gateway.clock.advance(31_000)
    const second = await site('silent', 'second')
    const welcome = await second.hello('b')
    expect(welcome).toMatchObject({ authority: true, epoch: before.epoch + 1 })
    gateway.clock.advance(31_000)
    const again = await TestSite.connect(gateway, await gateway.credential('silent'), 'first')
    sites.push(again)
    expect((await again.hello('c')).authority).toBe(false)
  })

  it('ignores a hello that cannot be read and one of a site that is not registered', async () => {
    const it1 = await site('unreadable-hello')
    await it1.publish('hello', 'not json')
    await it1.publish('hello', JSON.stringify({ journalId: 'a\u0000b' }))
    expect((await it1.hello('n')).authority).toBe(true)
    expect(it1.received).toHaveLength(1)
  })
})

describe('batches', () => {
  it('are acknowledged after the commit, once however often they come', async () => {
    const it1 = await site('facts')
    await it1.hello('n')
    const facts = [connected('a'), connected('b'), 'not json at all \u0000']
    const addressed = { journalId: 'journal-facts', epoch: 1, nonce: 'n', stream: 'ledger' }
    expect(await it1.batch(1, facts)).toMatchObject({ ...addressed, upTo: 3, rowId: 'journal-facts#3' })
    expect(await it1.batch(1, facts)).toMatchObject({ ...addressed, upTo: 3, rowId: 'journal-facts#3' })
    // An overlap: rows 2 to 5, of which two are new.
    expect(await it1.batch(2, [...facts.slice(1), connected('d'), connected('e')])).toMatchObject({ upTo: 5 })
    const entries = (await logged('facts')).filter((entry) => entry.journal)
    expect(entries.map((entry) => entry.journal?.seq)).toEqual([1, 2, 3, 4, 5])
    expect(entries[2]).toMatchObject({ kind: 'unreadable', text: 'not json at all \u0000' })
    await until('an alert of the unreadable row', async () =>
      (await logged('facts')).some((entry) => entry.kind === 'alert.raised') ? true : undefined,
    )
  })

  it('of both streams go side by side, each in its own order', async () => {
    const it1 = await site('streams')
    await it1.hello('n')
    const meter = factText('station.meter', {
      at: '2026-11-23T12:00:00Z',
      evseId: 1,
      connectorId: 1,
      values: [],
    })
    const [ledger, telemetry] = await Promise.all([
      it1.batch(1, [connected('a')]),
      it1.batch(1, [meter, meter], { stream: 'telemetry' }),
    ])
    expect(ledger).toMatchObject({ upTo: 1 })
    expect(telemetry).toMatchObject({ upTo: 2 })
    const welcome = await it1.hello('n2')
    expect(welcome.expected).toEqual({
      ledger: { seq: 1, rowId: 'journal-streams#1' },
      telemetry: { seq: 2, rowId: 'journal-streams#2' },
    })
  })

  it('are refused for a gap, a fork, an epoch never granted, and when they cannot be read', async () => {
    const it1 = await site('refused')
    await it1.hello('n')
    await it1.batch(1, [connected('a'), connected('b')])
    expect(await it1.batch(4, [connected('d')])).toMatchObject({
      refused: 'gap',
      upTo: 2,
      rowId: 'journal-refused#2',
    })
    expect(await it1.batch(3, [connected('c')], { prevId: 'another' })).toMatchObject({
      refused: 'fork',
      upTo: 2,
    })
    expect(await it1.batch(3, [connected('c')], { epoch: 9 })).toMatchObject({ refused: 'unknown-epoch' })
    expect(await it1.batch(3, [connected('c')], { to: 7 })).toMatchObject({ refused: 'unreadable' })
    expect(await it1.batch(3, [connected('c')], { v: 99 })).toMatchObject({ refused: 'unreadable' })
    const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024, 32))
    for (const payload of [Buffer.from('not gzip'), bomb]) {
      const already = it1.received.length
      await it1.publish('ledger', payload)
      expect(await it1.next('ack', () => true, already)).toMatchObject({ refused: 'unreadable' })
    }
    expect(await it1.batch(3, [connected('c')])).toMatchObject({ upTo: 3 })
  })

  it('offers checkpoints where the site has less than is held', async () => {
    const it1 = await site('restored')
    await it1.hello('n')
    await it1.batch(1, [connected('a'), connected('b'), connected('c')])
    const head = { seq: 2, rowId: 'journal-restored#2' }
    const welcome = await it1.hello('n2', { heads: { ledger: head, telemetry: { seq: 0, rowId: '' } } })
    expect(welcome.checkpoints).toEqual([
      { stream: 'ledger', seq: 2, rowId: 'journal-restored#2' },
      { stream: 'ledger', seq: 1, rowId: 'journal-restored#1' },
    ])
  })

  it('of many sites at once are all taken, none twice', async () => {
    const many = await Promise.all(Array.from({ length: 20 }, (_, i) => site(`many-${i}`)))
    await Promise.all(many.map((it1) => it1.hello('n')))
    await Promise.all(
      many.map(async (it1) => {
        for (let from = 1; from <= 40; from += 10)
          expect(
            await it1.batch(
              from,
              Array.from({ length: 10 }, () => connected('a')),
            ),
          ).toMatchObject({ upTo: from + 9 })
      }),
    )
    const [row] = await gateway.sql<{ rows: number; lanes: number }[]>`
      select count(*)::int as rows, count(distinct site_id)::int as lanes from log.entry where site_id like 'many-%' and journal_id is not null`
    expect(row).toEqual({ rows: 800, lanes: 20 })
  })

  it('beyond the queue are shed with a time to come back, and nothing is lost', async () => {
    const it1 = await site('shed')
    await it1.hello('n')
    // A lock on the head row holds every append of the log partition up.
    const partition = gateway.target.context.eventLog.partitionOf('shed')
    let release = (): void => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const lock = gateway.sql.begin(async (tx) => {
      await tx`select 1 from log.head where partition = ${partition} for update`
      await released
    })
    for (let i = 0; i < 140; i++) await it1.publish('ledger', it1.gzipped(1, [connected('a')]))
    const busy = await it1.next('ack', (ack) => ack.refused === 'busy')
    expect(busy).toMatchObject({ retryAfterMs: SHED_RETRY_MS, upTo: 0 })
    // A loud site takes no room from another of its log partition.
    const neighbour = neighbourOf('shed')
    const it2 = await site(neighbour)
    await it2.hello('n')
    const taken = it2.batch(1, [connected('b')])
    release()
    await lock
    expect(await taken).toMatchObject({ upTo: 1, rowId: `journal-${neighbour}#1` })
    expect(await it1.next('ack', (ack) => ack.upTo === 1)).toMatchObject({ rowId: 'journal-shed#1' })
    expect((await logged('shed')).filter((entry) => entry.journal)).toHaveLength(1)
  })
})

describe('intentions', () => {
  const command = (id: string, ttlMs = 60_000, kind = 'RemoteStop') => ({
    id,
    stationId: 'CP1',
    kind,
    args: { sessionId: 's1' },
    issuedAt: new Date(gateway.clock.now()).toISOString(),
    expiresAt: new Date(gateway.clock.now() + ttlMs).toISOString(),
  })
  const request = (siteId: string, id: string, ttlMs?: number, kind?: string) =>
    publish('default', siteId, {
      kind: 'command.requested',
      at: '2026-11-23T12:00:00.000Z',
      data: { command: command(id, ttlMs, kind) },
    })

  it('go down at once, again on a timer and at hello, until the outcome is in the log', async () => {
    const it1 = await site('commanded')
    await it1.hello('n')
    await request('commanded', 'c1')
    const message = await it1.next('command')
    expect(message).toMatchObject({ nonce: 'n', epoch: 1, command: { id: 'c1', kind: 'RemoteStop' } })
    const sent = () => it1.received.filter((it) => it.channel === 'command').length
    gateway.clock.advance(10_001)
    await until('the command again', () => (sent() === 2 ? true : undefined))
    await it1.hello('n2')
    await it1.next('command', (it) => it.nonce === 'n2')
    await it1.batch(1, [factText('command.outcome', { commandId: 'c1', status: 'accepted' })])
    await until('the command is settled', async () => {
      const rows =
        await gateway.sql`select 1 from site_gateway.pending_command where command_id = 'c1' and settled`
      return rows.length === 1 ? true : undefined
    })
    // Its request is told once more, by a log that is read again: it is not sent once more.
    await request('commanded', 'c1')
    await request('commanded', 'c2')
    await it1.next('command', (it) => (it.command as { id: string }).id === 'c2')
    await it1.hello('n3')
    const ids = it1.received
      .filter((it) => it.channel === 'command' && it.message.nonce === 'n3')
      .map((it) => (it.message.command as { id: string }).id)
    expect(ids).not.toContain('c1')
  })

  it('that were sent to another journal are not sent again: their outcome is unknown', async () => {
    const before = await site('swapped', 'card-1')
    await before.hello('n')
    await request('swapped', 'sent', 3_600_000)
    await before.next('command')
    await before.end()
    gateway.clock.advance(120_000)
    const after = await site('swapped', 'card-2')
    expect(await after.hello('n')).toMatchObject({ authority: true, epoch: 2 })
    await request('swapped', 'fresh', 3_600_000)
    await after.next('command', (it) => (it.command as { id: string }).id === 'fresh')
    gateway.clock.advance(30_000)
    await after.hello('n2')
    await after.next('command', (it) => it.nonce === 'n2')
    // What was on its way to the card before names its journal, and no site would take it.
    const ids = after.received
      .filter((it) => it.channel === 'command' && it.message.journalId === 'card-2')
      .map((it) => (it.message.command as { id: string }).id)
    expect(new Set(ids)).toEqual(new Set(['fresh']))
    const told = (await logged('swapped')).filter((entry) => entry.kind === 'command.abandoned')
    expect(told.map((entry) => JSON.parse(entry.text).data.commandId)).toEqual(['sent'])
  })

  it('that were sent to another start of the controller are not sent again, but for those that may be repeated', async () => {
    const it1 = await site('restarting')
    await it1.hello('n', { bootId: 'boot-1' })
    await request('restarting', 'start', 600_000, 'RemoteStart')
    await request('restarting', 'stop', 600_000, 'RemoteStop')
    for (const id of ['start', 'stop'])
      await it1.next('command', (it) => (it.command as { id: string }).id === id)
    // The same start of it may have lost them on their way.
    await it1.hello('n2', { bootId: 'boot-1' })
    for (const id of ['start', 'stop'])
      await it1.next('command', (it) => it.nonce === 'n2' && (it.command as { id: string }).id === id)
    await it1.hello('n3', { bootId: 'boot-2' })
    await it1.next('command', (it) => it.nonce === 'n3')
    gateway.clock.advance(15_000)
    await request('restarting', 'last', 600_000)
    await it1.next('command', (it) => (it.command as { id: string }).id === 'last')
    const ids = it1.received
      .filter((it) => it.channel === 'command' && it.message.nonce === 'n3')
      .map((it) => (it.message.command as { id: string }).id)
    expect(new Set(ids)).toEqual(new Set(['stop', 'last']))
    const told = (await logged('restarting')).filter((entry) => entry.kind === 'command.abandoned')
    expect(told.map((entry) => JSON.parse(entry.text).data.commandId)).toEqual(['start'])
  })

  it('wait for a site that is away, and never leave after their expiry', async () => {
    const it1 = await site('away')
    await request('away', 'late', 1_000)
    await request('away', 'kept', 600_000)
    await until('both are kept', async () => {
      const rows = await gateway.sql`select 1 from site_gateway.pending_command where site_id = 'away'`
      return rows.length === 2 ? true : undefined
    })
    gateway.clock.advance(2_000)
    await it1.hello('n')
    expect(await it1.next('command')).toMatchObject({ command: { id: 'kept' } })
    expect(it1.received.filter((it) => it.channel === 'command')).toHaveLength(1)
  })

  it('are sent again however many wait for sites that are away', async () => {
    await site('crowd')
    await gateway.sql`
      insert into site_gateway.pending_command (command_id, tenant_id, site_id, expires_at, command)
      select 'crowd-' || n, 'default', 'crowd', ${new Date(gateway.clock.now() + 300_000)}, '{}'
        from generate_series(1, 600) n`
    const it1 = await site('patient')
    await it1.hello('n')
    await request('patient', 'again', 600_000)
    await it1.next('command')
    const sent = () => it1.received.filter((it) => it.channel === 'command').length
    gateway.clock.advance(11_000)
    await until('the command again', () => (sent() >= 2 ? true : undefined))
    await gateway.sql`delete from site_gateway.pending_command where site_id = 'crowd'`
  })

  it('that wait long at the site are sent again ever more rarely', async () => {
    const it1 = await site('long')
    await it1.hello('n')
    await request('long', 'c-long', 3_600_000)
    await it1.next('command')
    const sent = () => it1.received.filter((it) => it.channel === 'command').length
    const after10s = async (count: number) => {
      gateway.clock.advance(10_001)
      await until(`command ${count} times`, () => (sent() >= count ? true : undefined))
      await new Promise((resolve) => setTimeout(resolve, 100))
      expect(sent()).toBe(count)
    }
    // After 10 and 20 s; the next is due after 40 s.
    for (const [i, count] of [2, 3, 3].entries()) {
      // It is heard all the time.
      await it1.batch(i + 1, [connected('a')])
      await after10s(count)
    }
  })

  it('as documents go down whole, in chunks, until the site has them', async () => {
    const it1 = await site('documented')
    await it1.hello('n')
    const body = JSON.stringify({ tokens: [], filler: 'ü'.repeat(DOCUMENT_CHUNK_BYTES) })
    const sha256 = createHash('sha256').update(body).digest('hex')
    const { generation } = gateway.target.context.eventLog
    await publish('default', 'documented', {
      kind: 'document.published',
      at: '2026-11-23T12:00:00.000Z',
      data: { name: 'tokens', version: { generation, n: 7 }, sha256, body },
    })
    await it1.next('document', (it) => (it.chunk as { index: number }).index === 2)
    const chunks = it1.received.filter((it) => it.channel === 'document').map((it) => it.message)
    expect(chunks.map((it) => it.chunk)).toEqual([0, 1, 2].map((index) => ({ index, of: 3 })))
    expect(
      createHash('sha256')
        .update(chunks.map((it) => it.body).join(''))
        .digest('hex'),
    ).toBe(sha256)
    const held = await it1.hello('n2', { documents: { tokens: { generation, n: 7 } } })
    expect(held.documents).toEqual({ tokens: { generation, n: 7 } })
    // The next hello says that it has nothing again: it is sent again.
    await it1.hello('n3')
    await it1.next('document', (it) => it.nonce === 'n3')
    expect(it1.received.filter((it) => it.channel === 'document' && it.message.nonce === 'n2')).toEqual([])
  })

  it('do not reach a fenced lane', async () => {
    const first = await site('fenced', 'first')
    await first.hello('a')
    const second = await site('fenced', 'second')
    await second.hello('b')
    await request('fenced', 'not-for-you')
    await until('it was sent to the lane in authority', async () => {
      const [row] = await gateway.sql<{ sent_at: Date | null }[]>`
        select sent_at from site_gateway.pending_command where command_id = 'not-for-you'`
      return row?.sent_at ?? undefined
    })
    await second.hello('b2')
    const nonces = second.received.filter((it) => it.channel === 'command').map((it) => it.message.journalId)
    expect(nonces).not.toContain('second')
  })
})

describe('the present', () => {
  it('shows the newest live picture of the lane in authority, and only that', async () => {
    const it1 = await site('live')
    await it1.hello('n')
    const seen: number[] = []
    const { bus } = gateway.target.context
    const stop = bus.subscribe(BUS.live('default'), (message) => {
      const picture = message as { siteId: string; n: number }
      if (picture.siteId === 'live') seen.push(picture.n)
    })
    const picture = (n: number, more: object = {}) =>
      JSON.stringify({
        v: 1,
        journalId: 'journal-live',
        epoch: 1,
        bootId: 'boot-1',
        n,
        at: '2026-11-23T12:00:00.000Z',
        ledgerSeq: 0,
        backlog: { ledger: 0, telemetry: 0 },
        stations: [],
        outcomes: [],
        ...more,
      })
    const ofOthers = [picture(9, { journalId: 'other' }), picture(9, { bootId: 'clone' })]
    for (const text of [picture(1), picture(3), picture(2), ...ofOthers, picture(4)])
      await it1.publish('live', text, 0)
    await until('the last picture', () => (seen.includes(4) ? true : undefined))
    stop()
    expect(seen).toEqual([1, 3, 4])
    expect(await bus.get(BUS.livePicture('live'))).toMatchObject({ n: 4, siteId: 'live' })
  })

  it('answers questions of a running conversation, and of no other', async () => {
    const it1 = await site('asking')
    await it1.hello('n')
    gateway.decisions.set('GOOD', 'Accepted')
    const ask = (nonce: string, id: string, value: string) =>
      it1.publish(
        'ask',
        JSON.stringify({ v: 1, nonce, id, stationId: 'CP1', idToken: { value, type: 'Central' } }),
        0,
      )
    await ask('another', 'q0', 'GOOD')
    await ask('n', 'q1', 'GOOD')
    await ask('n', 'q2', 'WHO')
    expect(await it1.next('answer', (it) => it.id === 'q1')).toMatchObject({ status: 'Accepted', nonce: 'n' })
    expect(await it1.next('answer', (it) => it.id === 'q2')).toMatchObject({ status: 'Unknown' })
    expect(it1.received.filter((it) => it.channel === 'answer' && it.message.id === 'q0')).toEqual([])
    // What no table holds need not be looked for.
    await ask('n', 'q3', 'A\0B')
    expect(await it1.next('answer', (it) => it.id === 'q3')).toMatchObject({ status: 'Unknown' })
  })

  it('calls a silent site offline after the expiry, and online when it speaks again', async () => {
    const it1 = await site('presence')
    await it1.hello('n')
    const kinds = async () =>
      (await logged('presence'))
        .map((entry) => entry.kind)
        .filter((kind) => /^site\.(on|off)line$/.test(kind))
    gateway.clock.advance(31_000)
    await until('offline', async () => {
      gateway.clock.advance(5_000)
      return (await kinds()).includes('site.offline') ? true : undefined
    })
    expect(await it1.batch(1, [connected('a')])).toMatchObject({ upTo: 1 })
    await until('online again', async () => {
      gateway.clock.advance(3_000)
      return (await kinds()).at(-1) === 'site.online' ? true : undefined
    })
    expect((await kinds()).slice(0, 3)).toEqual(['site.online', 'site.offline', 'site.online'])
  })
})

it('calls nobody offline whose link fails for ten seconds just before a picture was due', async () => {
  const presence = createPresence(gateway.target.context)
  const it1 = await site('hiccup')
  await it1.hello('n')
  const offline = async () => (await logged('hiccup')).filter((entry) => entry.kind === 'site.offline').length
  const heardAgainAfter = async (ms: number) => {
    gateway.clock.advance(ms)
    await presence.sweep()
    presence.heard('hiccup')
    await presence.write()
  }
  await heardAgainAfter(LIVE_INTERVAL_MS + 10_000)
  await heardAgainAfter(LIVE_INTERVAL_MS + 10_000)
  expect(await offline()).toBe(0)
  await heardAgainAfter(OFFLINE_AFTER_MS + 1)
  expect(await offline()).toBe(1)
})

describe('its own face', () => {
  it('counts what it does', async () => {
    const text = await (await fetch(`${gateway.target.url}/metrics`)).text()
    for (const name of ['batches_total', 'rows_total', 'refusals_total', 'ack_seconds_count', 'batch_queue'])
      expect(text).toContain(`switchyard_gateway_${name}`)
  })

  it('gives secrets to services only, and never the name of its own account', async () => {
    const put = (siteId: string, headers: Record<string, string>) =>
      fetch(`${gateway.target.url}/v1/credentials/${siteId}`, { method: 'PUT', headers })
    expect((await put('hi', {})).status).toBe(401)
    const key = { 'x-switchyard-service-key': gateway.target.context.config.serviceKey }
    expect((await put('hi', { ...key, 'x-switchyard-tenant': 'another' })).status).toBe(409)
    expect((await put('cloud', key)).status).toBe(409)
    expect((await put('a%20b', key)).status).toBe(422)
  })
})
