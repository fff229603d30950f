import { instant } from '@switchyard/protocol/instant.ts'
import fc from 'fast-check'
import type { TransactionSql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Projection, ReadEntry, Reading } from '../platform/event-log/entry.ts'
import { createTestPlatform, TEST_EPOCH_MS, type TestPlatform } from '../platform/testing.ts'
import { stationProjection } from './project.ts'
import { stationService } from './service.ts'

const TABLES = [
  'site',
  'station',
  'connector',
  'session',
  'command',
  'document_at_site',
  'review',
  'settlement',
  'reservation',
]
const SITES = [
  { tenantId: 'default', siteId: 'site-a', partition: 1 },
  { tenantId: 'default', siteId: 'site-b', partition: 2 },
  { tenantId: 'other', siteId: 'site-c', partition: 1 },
] as const

let platform: TestPlatform
let projection: Projection
beforeAll(async () => {
  platform = await createTestPlatform({ service: stationService })
  projection = stationProjection(platform.bus)
})
afterAll(() => platform?.close())

/** A few values of everything, so that facts meet at the same rows in every order. */
const few = (max: number) => fc.integer({ min: 1, max })
const instants = fc.oneof(
  few(5).map((minute) => instant(TEST_EPOCH_MS + minute * 60_000)),
  fc.constant('not a time'),
)
const some = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: undefined })
const idToken = fc.constantFrom({ value: 'TAG', type: 'ISO14443' }, { value: 'TAG\u0000', type: 'Central' })
const register = few(4).map((n) => n * 1_000)
const ends = fc.record({
  evseId: few(2),
  connectorId: few(2),
  revision: few(3),
  startedAt: instants,
  endedAt: instants,
  durationMs: few(9),
  startRegisterMilliWh: some(register),
  energyMilliWh: some(register),
  idToken: some(idToken),
  authorization: fc.constantFrom('Accepted', 'Invalid'),
  reason: fc.constantFrom('Local', 'Remote'),
  presumed: fc.boolean(),
  review: fc.subarray(['register-falling', 'no-identity'] as const),
  profile: fc.constant([]),
  transactionId: fc.constantFrom('7', '8'),
})
const values = fc.record({
  startedAt: instants,
  endedAt: instants,
  durationMs: few(9),
  energyMilliWh: some(register),
})
const kinds = {
  'station.registered': fc.record({ onboarding: fc.constant('open'), approved: fc.boolean() }),
  'station.connected': fc.record({ ocpp: fc.constantFrom('1.6', '2.0.1') }),
  'station.disconnected': fc.record({ reason: fc.constant('closed') }),
  'station.booted': fc.record({
    ocpp: fc.constantFrom('1.6', '2.0.1'),
    vendor: fc.constantFrom('Acme', 'Bolt'),
    model: fc.constant('One'),
    serial: some(fc.constant('s')),
    status: fc.constantFrom('Accepted', 'Pending'),
  }),
  'connector.status': fc.record({
    evseId: few(2),
    connectorId: few(2),
    status: fc.constantFrom('Available', 'Occupied'),
    detail: some(fc.constant('Charging')),
    errorCode: some(fc.constantFrom('NoError', 'GroundFailure')),
    at: instants,
  }),
  'session.started': fc.record({
    evseId: few(2),
    connectorId: few(2),
    startedAt: instants,
    idToken: some(idToken),
    authorization: fc.constant('Accepted'),
    startRegisterMilliWh: some(register),
    transactionId: fc.constantFrom('7', '8'),
    commandId: some(fc.constant('c-1')),
  }),
  'session.updated': fc.record({
    commandId: some(fc.constant('c-2')),
    idToken: some(idToken),
    authorization: some(fc.constant('Blocked')),
    startRegisterMilliWh: some(register),
    chargingState: some(fc.constantFrom('Charging', 'SuspendedEV')),
    startedAt: some(instants),
  }),
  'session.gap': fc.record({
    missing: fc.array(fc.record({ from: few(3), to: few(3) }), { maxLength: 2 }),
    lost: some(fc.constant(true)),
  }),
  'session.register': fc.record({ at: instants, registerMilliWh: register }),
  'session.meter': fc.record({
    at: instants,
    evseId: few(2),
    connectorId: few(2),
    registerMilliWh: some(register),
    powerW: some(few(3)),
    currentMa: some(fc.array(few(3), { maxLength: 3 })),
    socPercent: some(few(3)),
    values: fc.constant([]),
  }),
  'session.ended': ends,
  'command.outcome': fc.record({
    commandId: fc.constantFrom('c-1', 'c-2'),
    status: fc.constantFrom('accepted', 'rejected'),
  }),
  'document.applied': fc.record({ name: fc.constant('tokens'), generation: fc.constant('g'), n: few(3) }),
  'document.rejected': fc.record({
    name: fc.constant('tokens'),
    generation: fc.constant('g'),
    n: few(3),
    reason: fc.constant('no'),
  }),
  'reservation.made': fc.record({
    reservationId: few(2),
    evseId: few(2),
    idToken: idToken,
    groupId: some(fc.constant('fleet')),
    expiresAt: instants,
  }),
  'reservation.ended': fc.record({ reservationId: few(2), reason: fc.constantFrom('used', 'expired') }),
  'site.registered': fc.record({ name: fc.constant('Yard'), timeZone: fc.constant('Europe/Berlin') }),
  'site.online': fc.record({
    journalId: fc.constantFrom('j-1', 'j-2'),
    epoch: few(3),
    version: fc.constant('1'),
  }),
  'site.offline': fc.record({ lastHeardAt: few(5).map((n) => instant(TEST_EPOCH_MS + n * 60_000)) }),
  'site.policy': fc.record({ unidentifiedEnergy: fc.constantFrom('review', 'bill') }),
  'session.held': fc.record({
    revision: few(3),
    reasons: fc.constantFrom(['no-tariff'], ['register-falling']),
    settlement: fc.integer({ min: 0, max: 2 }),
    ended: some(ends),
  }),
  'session.reviewed': fc.record({
    revision: few(3),
    settlement: few(2),
    action: fc.constantFrom('accept', 'correct', 'waive'),
    evseId: few(2),
    connectorId: few(2),
    before: values,
    after: fc.option(values),
    by: fc.constant({ actor: 'operator:1', name: 'ops' }),
    note: fc.option(fc.constant('because')),
    override: fc.boolean(),
  }),
  'cdr.issued': fc
    .record({
      revision: few(3),
      settlement: fc.integer({ min: 0, max: 2 }),
      credit: fc.boolean(),
      amount: fc.constantFrom('1.00', '2.00'),
    })
    .map(({ revision, settlement, credit, amount }) => ({
      cdr: {
        cdrId: `${revision}${credit ? ':credit' : ''}`,
        revision,
        settlement,
        credit,
        credits: credit ? String(revision) : null,
        cost: { amount, currency: 'EUR' },
        costDetails: { inclTax: amount },
      },
    })),
} as const
const MADE_IN_CLOUD = [
  'site.registered',
  'site.online',
  'site.offline',
  'site.policy',
  'session.held',
  'session.reviewed',
  'cdr.issued',
]

interface Told {
  kind: keyof typeof kinds
  data: unknown
  site: number
  station: number
  session: number
  /** The second journal of a site is fenced. */
  journal: number
}
const told: fc.Arbitrary<Told> = fc
  .constantFrom(...(Object.keys(kinds) as Told['kind'][]), 'session.meter', 'session.ended')
  .chain((kind) =>
    fc.record({
      kind: fc.constant(kind as Told['kind']),
      data: kinds[kind as Told['kind']] as fc.Arbitrary<unknown>,
      site: fc.integer({ min: 0, max: SITES.length - 1 }),
      station: few(2),
      session: few(2),
      journal: few(2),
    }),
  )

/** As the log would hold it: positions per partition, seqs per journal and stream. */
function asReadings(all: Told[]): Reading[] {
  const next = new Map<string, number>()
  const count = (key: string): number => {
    next.set(key, (next.get(key) ?? 0) + 1)
    return next.get(key)!
  }
  return all.map(({ kind, data, site, station, session, journal }, i) => {
    const { tenantId, siteId, partition } = SITES[site]!
    const stream = kind === 'session.meter' ? 'telemetry' : 'ledger'
    const stationId = kind.startsWith('site.') || kind.startsWith('document.') ? undefined : `CS-${station}`
    const sessionId =
      kind.startsWith('session.') || kind === 'cdr.issued' ? `${siteId}-${session}` : undefined
    const read = {
      kind,
      at: instant(TEST_EPOCH_MS + i * 1_000),
      data,
      ...(stationId === undefined ? {} : { stationId }),
      ...(sessionId === undefined ? {} : { sessionId }),
    } as ReadEntry
    const journalId = `j-${journal}`
    return {
      entry: {
        partition,
        position: count(`${partition}`),
        receivedAt: new Date(TEST_EPOCH_MS + i * 1_000),
        tenantId,
        siteId,
        kind,
        stationId: stationId ?? null,
        sessionId: sessionId ?? null,
        journal: MADE_IN_CLOUD.includes(kind)
          ? null
          : {
              journalId,
              stream,
              seq: count(`${siteId} ${journalId} ${stream}`),
              rowId: `row-${i}`,
              authority: journal === 1,
            },
        producer: MADE_IN_CLOUD.includes(kind) ? { name: 'test', n: i } : null,
        trace: null,
        text: JSON.stringify(read),
      },
      read,
    }
  })
}

const rolledBack = new Error('rolled back')

/** The tables after the groups were applied; nothing of it is kept. */
async function tablesAfter(groups: Reading[][]): Promise<Record<string, unknown>> {
  const tables: Record<string, unknown> = {}
  await platform.sql
    .begin(async (tx) => {
      await issueCommands(tx)
      for (const group of groups) await projection.apply(tx, group)
      for (const table of TABLES)
        tables[table] = (await tx.unsafe(`select to_jsonb(t) as row from station.${table} t order by 1`)).map(
          (it) => it.row,
        )
      throw rolledBack
    })
    .catch((error: unknown) => {
      if (error !== rolledBack) throw error
    })
  return tables
}

async function issueCommands(tx: TransactionSql): Promise<void> {
  for (const [i, { siteId, tenantId }] of SITES.entries())
    await tx`
      insert into station.command
        (command_id, tenant_id, site_id, station_id, kind, args, issued_at, expires_at, issued_by)
      values (${`c-${i + 1}`}, ${tenantId}, ${siteId}, 'CS-1', 'reset', '{}', 'epoch', 'epoch', 'test')`
}

describe('the projection station', () => {
  it('makes of facts taken together what it makes of the same facts one by one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(told, { minLength: 2, maxLength: 40 }),
        fc.integer({ min: 2, max: 40 }),
        async (all, size) => {
          const readings = asReadings(all)
          const groups = Array.from({ length: Math.ceil(readings.length / size) }, (_, i) =>
            readings.slice(i * size, (i + 1) * size),
          )
          const alone = await tablesAfter(readings.map((it) => [it]))
          expect(await tablesAfter(groups)).toEqual(alone)
        },
      ),
      { numRuns: 60 },
    )
  })
})
