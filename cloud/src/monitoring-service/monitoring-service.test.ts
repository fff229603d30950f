import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CloudFact } from '../platform/event-log/cloud-fact.ts'
import type { RunningService } from '../platform/service.ts'
import { createTestPlatform, type TestPlatform, testHeaders } from '../platform/testing.ts'
import { sweepWaiting } from './review-waiting.ts'
import { monitoringService } from './service.ts'
import { sweepOffline } from './site-offline.ts'

let platform: TestPlatform
let monitoring: RunningService

beforeEach(async () => {
  platform = await createTestPlatform({ service: monitoringService })
  monitoring = await monitoringService.start(platform.context)
})
afterEach(async () => {
  await monitoring?.stop(1_000)
  await platform?.close()
})

/** A fact that another service made. */
async function publish(siteId: string, fact: CloudFact): Promise<void> {
  await platform.sql.begin((tx) =>
    platform.context.eventLog.publish(tx, { tenantId: 'default', siteId, ...fact }),
  )
  await platform.settle(monitoring)
}
const at = '2026-11-23T12:00:00.000Z'
const online = () =>
  publish('s1', { kind: 'site.online', at, data: { journalId: 'j', epoch: 1, version: '0.1.0' } })
const offline = () =>
  publish('s1', {
    kind: 'site.offline',
    at,
    data: { lastHeardAt: new Date(platform.clock.now()).toISOString() },
  })

async function get<T>(path: string, tenant = 'default'): Promise<T> {
  const response = await monitoring.routes!.fetch(
    new Request(`http://m.test${path}`, { headers: testHeaders(tenant) }),
  )
  expect(response.status).toBe(200)
  return (await response.json()) as T
}
interface Alerts {
  items: { rule: string; severity: string; clearedAt: string | null; text: string; siteId: string }[]
  next: string | null
}

/** As billing holds it. */
const held = (revision: number, reasons: string[], settlement = 0): CloudFact => ({
  kind: 'session.held',
  stationId: 'CP1',
  sessionId: 'session-1',
  at,
  data: { revision, reasons, settlement },
})

describe('site-offline', () => {
  it('raises one alert when a site has been silent for too long, and clears it when it is back', async () => {
    await online()
    platform.clock.advance(600_000)
    expect(await sweepOffline(platform.context)).toBe(0)

    await offline()
    platform.clock.advance(19_000)
    expect(await sweepOffline(platform.context)).toBe(0)
    expect((await get<Alerts>('/v1/alerts')).items).toEqual([])
    platform.clock.advance(2_000)
    // The service looks by itself at the same time: one of them raises it.
    await sweepOffline(platform.context)
    await sweepOffline(platform.context)
    await platform.settle(monitoring)
    const alerts = await get<Alerts>('/v1/alerts')
    expect(alerts.items).toMatchObject([
      { rule: 'site-offline', severity: 'critical', siteId: 's1', clearedAt: null },
    ])
    expect(await platform.entries('alert.raised')).toHaveLength(1)

    await online()
    expect((await get<Alerts>('/v1/alerts?open=true')).items).toEqual([])
    expect((await get<Alerts>('/v1/alerts?open=false')).items).toHaveLength(1)
    expect(await platform.entries('alert.cleared')).toHaveLength(1)
  })

  it('looks at once when a site is told to be offline', async () => {
    await online()
    platform.clock.advance(30_000)
    const lastHeardAt = new Date(platform.clock.now() - 20_000).toISOString()
    await publish('s1', { kind: 'site.offline', at, data: { lastHeardAt } })
    await expect
      .poll(async () => (await get<Alerts>('/v1/alerts?open=true')).items, { timeout: 10_000 })
      .toMatchObject([{ rule: 'site-offline', siteId: 's1' }])
  })

  it('raises nothing for a site that was never online', async () => {
    platform.clock.advance(3_600_000)
    expect(await sweepOffline(platform.context)).toBe(0)
  })
})

it('tells what a filling disk makes a site give up, one alert at a time, until there is room again', async () => {
  const pressure = async (level: number, before: number) => {
    const data = { level, before, roomBytes: 5_000_000, freeBytes: 5_000_000, journalBytes: 1, unwritten: 3 }
    await platform.appendFacts('s1', [{ kind: 'journal.pressure', data }])
    await platform.settle(monitoring)
    return (await get<Alerts>('/v1/alerts?open=true')).items
  }
  expect(await pressure(2, 0)).toMatchObject([
    { rule: 'journal-pressure', severity: 'warning', siteId: 's1' },
  ])
  const [refusing, ...others] = await pressure(4, 2)
  expect(refusing).toMatchObject({ severity: 'critical' })
  expect(refusing!.text).toMatch(/new sessions are refused.*3 readings were not written/)
  expect(others).toEqual([])
  expect(await pressure(2, 4)).toMatchObject([{ severity: 'warning' }])
  expect(await pressure(0, 2)).toEqual([])
})

it('tells what a damaged journal has cost, and what to do', async () => {
  const data = {
    reason: 'database disk image is malformed',
    rows: { ledger: 10, telemetry: 20 },
    lost: [{ stream: 'ledger' as const, from: 4, to: 7 }],
    entities: 3,
    entitiesLost: true,
    newestUnknown: false,
    newJournal: false,
  }
  await platform.appendFacts('s1', [{ kind: 'journal.salvaged', data }])
  await platform.settle(monitoring)
  const { items } = await get<Alerts>('/v1/alerts')
  expect(items).toMatchObject([{ rule: 'journal-corrupt', severity: 'critical' }])
  expect(items[0]!.text).toMatch(/1 ranges of rows are lost.*sessions may be forgotten.*Replace the card/)
})

it('tells of a stop that fits no session: energy may have flowed that nobody is billed for', async () => {
  const stop = { transactionId: '99', at, registerMilliWh: 20_000_000 }
  await platform.appendFacts('s1', [{ kind: 'session.stop-unmatched', stationId: 'CP1', data: stop }])
  await platform.settle(monitoring)
  const { items } = await get<Alerts>('/v1/alerts')
  expect(items).toMatchObject([{ rule: 'stop-unmatched', severity: 'warning', siteId: 's1' }])
  expect(items[0]!.text).toContain('transaction 99')
})

it('tells of a session in review, once however often the fact comes, and clears it when it is billed', async () => {
  await publish('s1', held(1, ['register-falling']))
  const { items } = await get<Alerts>('/v1/alerts')
  expect(items).toMatchObject([{ rule: 'session-review', severity: 'info' }])
  expect(items[0]!.text).toContain('register-falling')
  await platform.sql`update log.cursor set position = 0, received_at = 'epoch'`
  await platform.settle(monitoring)
  expect((await get<Alerts>('/v1/alerts')).items).toHaveLength(1)
  const told = await platform.entries('alert.raised')
  expect(told.map((it) => JSON.parse(it.text).data.alertId)).toEqual(['session-review:session-1:1'])
})

it('is not misled by its own word: an alert that was cleared before the fact of it came back stays cleared', async () => {
  const fact = { tenantId: 'default', siteId: 's1', ...held(1, ['register-falling']) }
  await platform.sql.begin((tx) => platform.context.eventLog.publish(tx, fact))
  await platform.relay()
  await platform.catchUp(monitoring.projections![0]!)
  // Cleared while the fact that it was raised still lies in the outbox.
  await platform.sql`update monitoring.alert set cleared_at = raised_at + interval '1 millisecond'`
  await platform.settle(monitoring)
  expect(await platform.entries('alert.raised')).toHaveLength(1)
  expect((await get<Alerts>('/v1/alerts?open=true')).items).toEqual([])
})

/** A person's decision on it. */
const reviewed = (revision: number, settlement: number): CloudFact => ({
  kind: 'session.reviewed',
  stationId: 'CP1',
  sessionId: 'session-1',
  at,
  data: {
    ...{ revision, settlement, action: 'waive', evseId: 1, connectorId: 1, after: null, override: false },
    before: { startedAt: at, endedAt: at, durationMs: 0 },
    by: { actor: 'operator:1', name: 'ops' },
    note: 'x',
  },
})

it('clears what was held against a session when a person has decided on it', async () => {
  await publish('s1', held(1, ['register-falling']))
  await publish('s1', reviewed(1, 1))
  expect((await get<Alerts>('/v1/alerts?open=true')).items).toEqual([])
})

describe('review-waiting', () => {
  const waiting = async () => {
    await sweepWaiting(platform.context)
    await platform.settle(monitoring)
    const { items } = await get<Alerts>('/v1/alerts?open=true')
    return items.filter((alert) => alert.rule === 'review-waiting').map((alert) => alert.text)
  }
  const DAY = 24 * 3_600_000

  it('tells how many sessions have waited for too long, and is cleared when none does', async () => {
    await publish('s1', held(1, ['register-falling']))
    platform.clock.advance(3 * DAY)
    expect(await waiting()).toEqual([])
    platform.clock.advance(1)
    expect(await waiting()).toEqual([
      expect.stringContaining('1 session has waited in review for more than 3'),
    ])
    await publish('s2', { ...held(1, ['no-tariff']), sessionId: 'session-2' } as CloudFact)
    expect(await waiting()).toEqual([expect.stringContaining('2 sessions have waited')])
    await publish('s1', reviewed(1, 1))
    await publish('s1', held(1, ['register-falling']))
    expect(await waiting()).toEqual([expect.stringContaining('1 session has waited')])
    await publish('s2', { ...reviewed(1, 1), sessionId: 'session-2' } as CloudFact)
    expect(await waiting()).toEqual([])
    platform.clock.advance(1)
    await publish('s1', held(2, ['waived-before'], 1))
    expect(await waiting()).toHaveLength(1)
  })
})

it('clears what was held against a session when a later revision of it is billed', async () => {
  await publish('s1', held(1, ['register-falling']))
  const costDetails = { tariffId: 't', exclTax: '0.00', inclTax: '0.00', parts: [] }
  const cdr = {
    ...{ cdrId: 'session-1:2', sessionId: 'session-1', revision: 2, settlement: 0 },
    ...{ credit: false, credits: null },
    ...{ siteId: 's1', stationId: 'CP1', idToken: null, driverId: null, startedAt: at, endedAt: at },
    ...{ energyWh: 0, durationMs: 0, cost: { amount: '0.00', currency: 'EUR' }, costDetails, issuedAt: at },
  }
  await publish('s1', { kind: 'cdr.issued', stationId: 'CP1', sessionId: 'session-1', at, data: { cdr } })
  const { items } = await get<Alerts>('/v1/alerts')
  expect(items.map((it) => [it.rule, it.clearedAt === null])).toEqual([['session-review', false]])
  expect(await platform.entries('alert.cleared')).toHaveLength(1)
})

it('tells of rows that a site lost, and raises an alert again that was cleared before', async () => {
  await platform.appendFacts('s1', [{ kind: 'stream.loss', data: { from: 3, to: 9, reason: 'disk full' } }])
  const parked = { alertId: 'parked', rule: 'projection-parked', severity: 'critical', text: 'x' } as const
  await publish('s1', { kind: 'alert.raised', at, data: parked })
  await publish('s1', { kind: 'alert.cleared', at, data: { alertId: 'parked' } })
  const open = async () => (await get<Alerts>('/v1/alerts?open=true')).items.map((it) => it.rule).sort()
  expect(await open()).toEqual(['stream-loss'])
  const later = '2126-11-23T12:00:00.000Z'
  await publish('s1', { kind: 'alert.raised', at: later, data: parked })
  expect(await open()).toEqual(['projection-parked', 'stream-loss'])
})

it('tells of a box that booted without knowing the time, until one boots that knows it', async () => {
  const placed = { bootId: 'boot-1', bootedAt: at, offByMs: 10_800_000 }
  await platform.appendFacts('s1', [{ kind: 'clock.placed', data: placed }])
  await platform.settle(monitoring)
  const open = async () => (await get<Alerts>('/v1/alerts?open=true')).items
  expect(await open()).toMatchObject([{ rule: 'clock-unset', severity: 'warning', siteId: 's1' }])
  expect((await open())[0]!.text).toContain('180 min off')
  const started = { version: '1', journalId: 'j', node: '20' }
  await platform.appendFacts('s1', [{ kind: 'controller.started', data: started }])
  await platform.settle(monitoring)
  expect(await open()).toEqual([])
})

it('tells of rival journals with what to do, until one of them has authority or an operator decides', async () => {
  const open = async () => (await get<Alerts>('/v1/alerts?open=true')).items
  const rules = async () => (await open()).map((it) => it.rule).sort()
  const fenced = { journalId: 'K', reason: 'journal J has authority', authorityJournalId: 'J' }
  await publish('s1', { kind: 'site.lane-fenced', at, data: fenced })
  const data = { fromJournalId: 'J', shared: { ledger: 5, telemetry: 9 }, reason: 'parted' as const }
  await platform.appendFacts('s1', [{ kind: 'journal.forked', data }])
  await platform.settle(monitoring)
  expect(await rules()).toEqual(['journal-forked', 'lane-fenced'])
  for (const { text } of await open())
    expect(text).toContain("on the site's page which journal speaks for the site")

  const given = { fromJournalId: 'J', epoch: 2, by: null }
  await publish('s1', {
    kind: 'site.authority-given',
    at,
    data: { ...given, journalId: 'K', cause: 'forked' },
  })
  expect(await rules()).toEqual(['journal-forked'])
  await publish('s1', {
    kind: 'site.authority-given',
    at,
    data: { ...given, journalId: 'N', cause: 'replaced' },
  })
  const clone = { journalId: 'N', forkJournalId: 'K' }
  await publish('s1', { kind: 'site.clone-suspected', at, data: clone })
  await publish('s2', { kind: 'site.clone-suspected', at, data: clone })
  expect(await rules()).toEqual([
    'clone-suspected',
    'clone-suspected',
    'controller-swapped',
    'journal-forked',
  ])
  const decided = { journalId: 'N', fromJournalId: 'N', epoch: 3, cause: 'operator' as const, by: 'ops' }
  await publish('s1', { kind: 'site.authority-given', at, data: decided })
  expect(await open()).toMatchObject([{ rule: 'clone-suspected', siteId: 's2', severity: 'critical' }])
})

it('shows a tenant only its own, page by page, and says so when a site is not known', async () => {
  for (let i = 0; i < 3; i++) {
    await publish('s1', {
      kind: 'alert.raised',
      at,
      data: { alertId: `a${i}`, rule: 'parked', severity: 'warning', text: `text ${i}` },
    })
  }
  expect((await get<Alerts>('/v1/alerts', 'other')).items).toEqual([])
  const first = await get<Alerts>('/v1/alerts?limit=2')
  const second = await get<Alerts>(`/v1/alerts?limit=2&cursor=${first.next}`)
  expect([...first.items, ...second.items].map((a) => a.text).sort()).toEqual(['text 0', 'text 1', 'text 2'])
  expect(second.next).toBeNull()
  const missing = await monitoring.routes!.fetch(
    new Request('http://m.test/v1/sites/none/health', { headers: testHeaders() }),
  )
  expect(missing.status).toBe(404)
})

it('tells the health of a site with the backlog of its last picture', async () => {
  await online()
  expect(await get('/v1/sites/s1/health')).toMatchObject({ online: true, backlog: null, openAlerts: 0 })
  await platform.bus.put(
    'live-picture.s1',
    {
      v: 1,
      journalId: 'j',
      epoch: 1,
      bootId: 'b',
      n: 1,
      at,
      ledgerSeq: 5,
      backlog: { ledger: 3, telemetry: 9 },
      stations: [],
      outcomes: [],
    },
    60_000,
  )
  expect(await get('/v1/sites/s1/health')).toMatchObject({ backlog: { ledger: 3, telemetry: 9 } })
})

const open = async () => (await get<Alerts>('/v1/alerts?open=true')).items.map((it) => it.rule).sort()
const tell = async (...facts: FactDraft[]) => {
  await platform.appendFacts('s1', facts)
  await platform.settle(monitoring)
}

it('an alarm of the grid stands until the station says that it is over, which need not name the fault', async () => {
  const alarm = (controlType: string, ended: boolean, fault?: string): FactDraft => ({
    kind: 'station.der-alarm',
    stationId: 'CP1',
    data: { controlType, ended, at, ...(fault === undefined ? {} : { fault }) },
  })
  await tell(
    alarm('LVMustTrip', false, 'UnderVoltage'),
    alarm('LVMustTrip', false, 'UnderVoltage'),
    alarm('FreqDroop', false),
  )
  expect(await open()).toEqual(['der-alarm', 'der-alarm'])
  await tell(alarm('LVMustTrip', true))
  const [left, over] = (await get<Alerts>('/v1/alerts')).items.sort((a) => (a.clearedAt === null ? -1 : 1))
  expect(left).toMatchObject({ clearedAt: null, text: expect.stringContaining('(FreqDroop)') })
  expect(over).toMatchObject({ text: expect.stringContaining('UnderVoltage by LVMustTrip') })
  await tell(alarm('FreqDroop', true, 'UnderFrequency'))
  expect(await open()).toEqual([])
})

describe('the security of a station', () => {
  const ofStation = { stationId: 'CP1' }

  it('raises what somebody should look at, once, and ends when the station is well again', async () => {
    const refused = { reason: 'wrong password', status: 401, remote: '10.0.0.9', times: 1 }
    await tell(
      { kind: 'station.connection-refused', ...ofStation, data: refused },
      { kind: 'station.connection-refused', ...ofStation, data: { ...refused, times: 40 } },
      { kind: 'station.certificate', ...ofStation, data: { outcome: 'refused', reason: 'its name' } },
      { kind: 'station.security-event', ...ofStation, data: { type: 'TamperDetectionActivated', at } },
      { kind: 'station.security-event', ...ofStation, data: { type: 'StartupOfTheDevice', at } },
    )
    expect(await open()).toEqual(['certificate-not-installed', 'security-event', 'station-refused'])
    await tell({ kind: 'station.connected', ...ofStation, data: { ocpp: '1.6' } })
    expect(await open()).toEqual(['certificate-not-installed', 'security-event'])
    const booted = { ocpp: '1.6', vendor: 'V', model: 'M', status: 'Accepted' as const }
    await tell(
      { kind: 'station.booted', ...ofStation, data: booted },
      { kind: 'station.certificate', ...ofStation, data: { outcome: 'accepted' } },
    )
    expect(await open()).toEqual([])
    const data = { serialNumber: '4AF0', notAfter: at, reason: 'NotIssued: it asked for none' }
    await tell({ kind: 'station.certificate-not-renewed', ...ofStation, data })
    expect(await open()).toEqual(['certificate-not-installed'])
    await tell({ kind: 'station.certificate', ...ofStation, data: { outcome: 'accepted' } })
    expect(await open()).toEqual([])
    const forCars = { certificateType: 'V2GCertificate' }
    await tell(
      { kind: 'station.certificate', ...ofStation, data: { outcome: 'refused', ...forCars } },
      { kind: 'station.certificate', ...ofStation, data: { outcome: 'accepted' } },
    )
    expect(await open()).toEqual(['certificate-not-installed'])
    await tell({ kind: 'station.certificate', ...ofStation, data: { outcome: 'accepted', ...forCars } })
    expect(await open()).toEqual([])
  })
})
