/**
 * The services on one database, of which a part, or all, is put back to an earlier time while the rest is newer: what the site
 * sends again makes the same of it that was there before.
 */
import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { billingService } from './billing-service/service.ts'
import { driverService } from './driver-service/service.ts'
import { monitoringService } from './monitoring-service/service.ts'
import { createLog } from './platform/log.ts'
import type { RunningService, Service } from './platform/service.ts'
import {
  askOf,
  createMigratedDatabase,
  createTestPlatform,
  TEST_EPOCH_MS,
  type TestDatabase,
  type TestPlatform,
} from './platform/testing.ts'
import { type Backup, backUp, putBack } from './platform/testing-backup.ts'
import { stationService } from './station-service/service.ts'

const SERVICES: Service[] = [stationService, billingService, monitoringService, driverService]
const SITE = 'site-a'
const AT = (minutes: number) => new Date(TEST_EPOCH_MS + minutes * 60_000).toISOString()

let database: TestDatabase
/** Before the lost hour, and after it. */
let earlier: Backup
let later: Backup
/** What was there at the end of the lost hour. */
let whole: Awaited<ReturnType<typeof state>>
let parts: { platform: TestPlatform; running: RunningService }[] = []

async function start(): Promise<void> {
  for (const service of SERVICES) {
    const platform = await createTestPlatform({ service, database })
    platform.onClient(() => Response.json({ username: SITE, password: 'told-once' }))
    parts.push({ platform, running: await service.start(platform.context) })
  }
}
async function stop(): Promise<void> {
  for (const { platform, running } of parts) {
    await running.stop(1_000)
    await platform.close()
  }
  parts = []
}
const ask = (service: Service, ...request: Parameters<ReturnType<typeof askOf>>) =>
  askOf(parts[SERVICES.indexOf(service)]!.running)(...request)

/** What the site has journalled; it sends what the cloud lacks, as `expected` of a welcome says. */
const journal: { id: string; fact: string }[] = []
async function send(): Promise<void> {
  const { eventLog } = parts[0]!.platform.context
  const after = (await eventLog.streamState(SITE, 'j', 'ledger'))?.last ?? 0
  const rows = journal.slice(after).map((it, i) => ({ seq: after + 1 + i, ...it }))
  if (rows.length === 0) return
  const lane = {
    tenantId: 'default',
    siteId: SITE,
    journalId: 'j',
    stream: 'ledger' as const,
    authority: true,
  }
  const [result] = await eventLog.append(eventLog.partitionOf(SITE), [{ ...lane, after, rows }])
  if (!result?.appended) throw new Error('the rows were not appended')
}
function happens(...drafts: FactDraft[]): void {
  for (const draft of drafts)
    journal.push({
      id: `r${journal.length + 1}`,
      fact: JSON.stringify({ ...draft, at: AT(journal.length), monoMs: 1, bootId: 'b', clock: 'synced' }),
    })
}
async function settle(): Promise<void> {
  await send()
  for (let moved = 1; moved > 0; ) {
    for (const { platform, running } of parts)
      for (const projection of running.projections ?? []) await platform.catchUp(projection)
    moved = 0
    for (const { platform } of parts) moved += await platform.relay()
  }
}

/** Everything that money and persons see, without what a restore may change (times of the cloud's own, positions). */
async function state() {
  const { sql } = parts[0]!.platform
  return {
    parked: await sql`select consumer, park_key, reason from log.parked`,
    cdrs: await sql`select cdr_id, session_id, revision, credit, credited_by, energy_milli_wh::int, incl_tax, driver_id
      from billing.cdr order by cdr_id`,
    lines: await sql`select cdr_id, session_id, incl_tax from billing.invoice_line order by cdr_id`,
    held: await sql`select session_id, revision, reasons from billing.held order by session_id`,
    sessions: await sql`select session_id, revision, ended_at, energy_milli_wh::int, cdr_id, cost_amount, held
      from station.session order by session_id`,
    reviews: await sql`select session_id from station.review order by session_id`,
    stations: await sql`select s.station_id, s.connected, s.firmware, c.status from station.station s
      left join station.connector c on c.station_id = s.station_id order by s.station_id`,
    commands: await sql`select command_id, status from station.command order by command_id`,
    alerts: await sql`select alert_id, cleared_at is null as open from monitoring.alert
      where rule <> 'cloud-restored' order by alert_id`,
  }
}

const session = (n: number, review: 'register-falling'[] = []): FactDraft[] => {
  const about = { stationId: 'CS-1', sessionId: `00000000-0000-7000-8000-00000000000${n}` }
  const start = {
    evseId: 1,
    connectorId: 1,
    startedAt: AT(n * 100),
    authorization: 'Accepted' as const,
    idToken: { value: 'TAG', type: 'ISO14443' },
    startRegisterMilliWh: n * 1_000_000,
    transactionId: String(n),
  }
  const end = {
    revision: 1,
    endedAt: AT(n * 100 + 60),
    durationMs: 3_600_000,
    endRegisterMilliWh: n * 1_000_000 + 5_000_000 + n,
    energyMilliWh: 5_000_000 + n,
    reason: 'Local',
    presumed: false,
    review,
    profile: [],
  }
  return [
    { kind: 'session.started', ...about, data: start },
    { kind: 'session.ended', ...about, data: { ...start, ...end } },
  ]
}
const firmware = (version: string): FactDraft[] => [
  { kind: 'station.connected', stationId: 'CS-1', data: { ocpp: '1.6' } },
  {
    kind: 'station.booted',
    stationId: 'CS-1',
    data: { ocpp: '1.6', vendor: 'Acme', model: 'One', firmware: version, status: 'Accepted' },
  },
]
const connector = (status: 'Available' | 'Occupied'): FactDraft => ({
  kind: 'connector.status',
  stationId: 'CS-1',
  data: { evseId: 1, connectorId: 1, status, errorCode: 'NoError', at: AT(journal.length) },
})

beforeAll(async () => {
  const schemas = ['station', 'billing', 'monitoring', 'driver']
  database = await createMigratedDatabase(
    SERVICES.map((it, i) => ({ folder: it.name, schema: schemas[i]!, outbox: true })),
    createLog('silent'),
  )
  await start()
  await ask(stationService, 'POST', '/v1/sites', { siteId: SITE, name: 'Yard', timeZone: 'Europe/Berlin' })
  const driver = await ask(driverService, 'POST', '/v1/drivers', { name: 'Ada' })
  await ask(driverService, 'POST', '/v1/tokens', {
    idToken: 'TAG',
    type: 'ISO14443',
    valid: true,
    driverId: driver.body.driverId,
  })
  happens(...firmware('1'), connector('Available'), ...session(1), ...session(2, ['register-falling']))
  await settle()
  await stop()
  earlier = await backUp(database, 'earlier')

  await start()
  const command = await ask(stationService, 'POST', '/v1/stations/CS-1/commands', {
    kind: 'Reset',
    args: { type: 'Soft' },
  })
  await settle()
  happens(
    {
      kind: 'command.outcome',
      stationId: 'CS-1',
      data: { commandId: command.body.commandId, status: 'accepted' },
    },
    ...session(3),
    ...session(4, ['register-falling']),
    ...firmware('2'),
    connector('Occupied'),
    ...session(5),
  )
  await settle()
  whole = await state()
  await stop()
  later = await backUp(database, 'later')
}, 240_000)
afterAll(async () => {
  await stop()
  for (const it of [earlier, later]) await it?.drop()
  await database?.drop()
}, 60_000)

it('is a whole of five sessions, two of them in review', () => {
  expect(whole.parked).toEqual([])
  expect(whole.cdrs).toHaveLength(3)
  expect(whole.lines).toHaveLength(3)
  expect(whole.sessions).toHaveLength(5)
  expect(whole.reviews).toHaveLength(2)
  expect(whole.stations).toMatchObject([{ firmware: '2', status: 'Occupied' }])
  expect(whole.commands).toMatchObject([{ status: 'accepted' }])
  expect(whole.alerts.filter((it) => it.open)).toHaveLength(2)
})

const cases: { what: string; schemas: string[] | undefined; lost?: (keyof typeof whole)[] }[] = [
  // The command was the cloud's own: with its schema it is gone.
  { what: 'everything', schemas: undefined, lost: ['commands'] },
  { what: 'the log alone, with every consumer ahead of it', schemas: ['log'] },
  { what: 'billing alone', schemas: ['billing'] },
  { what: 'stations alone', schemas: ['station'], lost: ['commands'] },
  { what: 'monitoring alone', schemas: ['monitoring'] },
  { what: 'the log with billing', schemas: ['log', 'billing'] },
  { what: 'the log with stations, billing being ahead', schemas: ['log', 'station'], lost: ['commands'] },
  { what: 'the log with monitoring, billing being ahead', schemas: ['log', 'monitoring'] },
]
it.each(cases)(
  'put back to before the lost hour: $what',
  { timeout: 240_000 },
  async ({ schemas, lost = [] }) => {
    await putBack(database, later)
    await putBack(database, earlier, schemas)
    await start()
    try {
      await settle()
      // And it goes on.
      const now = await state()
      for (const key of lost) delete (now as Partial<typeof now>)[key]
      const expected: Partial<typeof whole> = { ...whole }
      for (const key of lost) delete expected[key]
      expect(now).toEqual(expected)
    } finally {
      await stop()
    }
  },
)
