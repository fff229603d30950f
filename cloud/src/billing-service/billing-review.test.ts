import type { Cdr } from '@switchyard/protocol/api/shapes.ts'
import type { FactData, FactDraft } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CloudFact } from '../platform/event-log/cloud-fact.ts'
import type { RunningService } from '../platform/service.ts'
import { type Ask, askOf, createTestPlatform, TEST_EPOCH_MS, type TestPlatform } from '../platform/testing.ts'
import { billingService } from './service.ts'

const SITE = 'site-a'
const HOUR = 3_600_000
const AT = (hours: number) => new Date(TEST_EPOCH_MS + hours * HOUR).toISOString()

let platform: TestPlatform
let service: RunningService
let ask: Ask

beforeEach(async () => {
  platform = await createTestPlatform({ service: billingService })
  service = await billingService.start(platform.context)
  ask = askOf(service)
})
afterEach(async () => {
  await service.stop(1_000)
  await platform.close()
})

type Ended = FactData<'session.ended'>
type Reviewed = Extract<CloudFact, { kind: 'session.reviewed' }>['data']

/** An offline session whose start register was reported as 0: 910 kWh, of which 0.083 were delivered. */
const zeroStart: Ended = {
  evseId: 1,
  connectorId: 1,
  revision: 1,
  startedAt: AT(1),
  endedAt: AT(3),
  durationMs: 2 * HOUR,
  startRegisterMilliWh: 0,
  endRegisterMilliWh: 910_083_000,
  energyMilliWh: 910_083_000,
  idToken: { value: 'TAG', type: 'ISO14443' },
  authorization: 'Accepted',
  reason: 'Local',
  presumed: false,
  review: ['register-zero-start'],
  profile: [],
  transactionId: '1',
}
const right: Ended = { ...zeroStart, review: [], startRegisterMilliWh: 910_000_000, energyMilliWh: 83_000 }

const endedFact = (data: Ended, sessionId = 'S-1'): FactDraft => ({
  kind: 'session.ended',
  stationId: 'CS-1',
  sessionId,
  data,
})
function valuesOf(told: Ended): Reviewed['before'] {
  const { startedAt, endedAt, durationMs, startRegisterMilliWh, endRegisterMilliWh, energyMilliWh, idToken } =
    told
  return { startedAt, endedAt, durationMs, startRegisterMilliWh, endRegisterMilliWh, energyMilliWh, idToken }
}
async function take(...facts: FactDraft[]) {
  await platform.appendFacts(SITE, facts)
  await platform.settle(service)
}
async function tell(fact: CloudFact) {
  await platform.sql.begin((tx) =>
    platform.context.eventLog.publish(tx, { tenantId: 'default', siteId: SITE, ...fact }),
  )
  await platform.settle(service)
}
/** A person's decision, as station-service tells it. */
async function review(
  action: Reviewed['action'],
  after: Ended | null,
  over: Partial<Reviewed> = {},
  sessionId = 'S-1',
) {
  const data: Reviewed = {
    revision: 1,
    settlement: 1,
    action,
    evseId: 1,
    connectorId: 1,
    before: valuesOf(zeroStart),
    after: after && valuesOf(after),
    by: { actor: 'operator:1', name: 'ops@example.org' },
    note: null,
    override: false,
    ...over,
  }
  await tell({ kind: 'session.reviewed', stationId: 'CS-1', sessionId, at: AT(5), data })
}
const cdrs = async (): Promise<Cdr[]> =>
  (await ask('GET', '/v1/cdrs')).body.items.sort((a: Cdr, b: Cdr) => a.cdrId.localeCompare(b.cdrId))
const lines = async (): Promise<string[]> =>
  (await ask('GET', '/v1/invoices')).body.items.flatMap((i: { lines: { inclTax: string }[] }) =>
    i.lines.map((line) => line.inclTax),
  )
const held = async () => await platform.sql`select session_id, revision, reasons from billing.held`
const told = async (kind: string) => (await platform.entries(kind)).map((e) => JSON.parse(e.text).data)

describe('a session in review', () => {
  test('is billed as its site told it when that is accepted', async () => {
    await take(endedFact(zeroStart))
    expect(await cdrs()).toEqual([])
    await review('accept', zeroStart)
    // 910.083 kWh × 0.39, 2 h × 0.60 and 0.50, each with 19 %.
    expect((await cdrs()).map((c) => [c.cdrId, c.settlement, c.cost.amount])).toEqual([
      ['S-1:1.1', 1, '424.40'],
    ])
    expect([await held(), await lines()]).toEqual([[], ['424.40']])
  })

  test('is billed by the corrected register, once however often the log is read', async () => {
    await take(endedFact(zeroStart))
    await review('correct', right)
    const expected = [['S-1:1.1', 83, '2.07']]
    expect((await cdrs()).map((c) => [c.cdrId, c.energyWh, c.cost.amount])).toEqual(expected)
    await platform.sql`update log.cursor set position = 0, received_at = 'epoch' where consumer = 'billing'`
    await platform.settle(service)
    expect((await cdrs()).map((c) => [c.cdrId, c.energyWh, c.cost.amount])).toEqual(expected)
    expect([await held(), await lines()]).toEqual([[], ['2.07']])
  })

  test('gives the same bills when its tables are made anew from the log', async () => {
    await take(endedFact(zeroStart), endedFact({ ...zeroStart, startedAt: AT(4), endedAt: AT(5) }, 'S-2'))
    await review('correct', right)
    await review('waive', null, { note: 'goodwill' }, 'S-2')
    await take(endedFact({ ...right, revision: 2 }))
    const before = (await cdrs()).map((c) => [c.cdrId, c.cost.amount])
    expect(before).toEqual([
      ['S-1:1.1', '2.07'],
      ['S-1:1.1:credit', '-2.07'],
      ['S-1:2', '2.07'],
    ])
    const { sql } = platform
    await sql`truncate billing.cdr, billing.invoice, billing.invoice_line, billing.held, billing.decision`
    await sql`update log.cursor set position = 0, received_at = 'epoch' where consumer = 'billing'`
    await platform.settle(service)
    expect((await cdrs()).map((c) => [c.cdrId, c.cost.amount])).toEqual(before)
    expect(await held()).toEqual([])
  })

  test('that is waived costs nothing; a later revision of it waits for a person again', async () => {
    await take(endedFact(zeroStart))
    await review('waive', null, { note: 'goodwill' })
    expect([await cdrs(), await held()]).toEqual([[], []])
    await take(endedFact({ ...right, revision: 2 }))
    expect([await cdrs(), await held()]).toEqual([
      [],
      [{ session_id: 'S-1', revision: 2, reasons: ['waived-before'] }],
    ])
    expect((await told('session.held')).at(-1)).toMatchObject({
      revision: 2,
      settlement: 1,
      ended: { energyMilliWh: 83_000 },
    })
    await review('accept', right, { revision: 2, settlement: 2 })
    expect((await cdrs()).map((c) => c.cdrId)).toEqual(['S-1:2.2'])
  })

  test('takes back the bill of a revision before it when it is waived, and replaces it when it is accepted', async () => {
    const wrong = { ...zeroStart, revision: 2 }
    await take(endedFact(right), endedFact(wrong), endedFact({ ...right, connectorId: 2 }, 'S-2'))
    await take(endedFact({ ...wrong, connectorId: 2 }, 'S-2'))
    await review('waive', null, { revision: 2, note: 'x' })
    await review('accept', wrong, { revision: 2, connectorId: 2 }, 'S-2')
    expect((await cdrs()).map((c) => [c.cdrId, c.cost.amount])).toEqual([
      ['S-1:1', '2.07'],
      ['S-1:1:credit', '-2.07'],
      ['S-2:1', '2.07'],
      ['S-2:1:credit', '-2.07'],
      ['S-2:2.1', '424.40'],
    ])
  })

  test('whose waiver was overtaken by a revision that was billed is put before a person with that bill', async () => {
    await take(endedFact(zeroStart), endedFact({ ...right, revision: 2 }))
    await review('waive', null, { note: 'x' })
    expect((await cdrs()).map((c) => c.cdrId)).toEqual(['S-1:2'])
    expect(await held()).toMatchObject([{ revision: 2, reasons: ['waived-before'] }])
    await review('waive', null, { revision: 2, settlement: 2, note: 'x' })
    expect((await cdrs()).map((c) => c.cdrId)).toEqual(['S-1:2', 'S-1:2:credit'])
    expect(await lines()).toEqual(['2.07', '-2.07'])
  })

  test('is never billed over another one, whoever says so: it is held again', async () => {
    await take(endedFact(right, 'S-0'), endedFact(zeroStart))
    await review('accept', zeroStart)
    expect((await cdrs()).map((c) => c.sessionId)).toEqual(['S-0'])
    expect((await told('session.held')).map((d) => [d.reasons, d.settlement])).toEqual([
      [['register-zero-start'], 0],
      [['overlaps-another-session'], 1],
    ])
    const after = { ...right, startedAt: AT(3), endedAt: AT(4), durationMs: HOUR }
    await review('correct', after, { settlement: 2 })
    expect((await cdrs()).map((c) => c.cdrId)).toEqual(['S-0:1', 'S-1:1.2'])
  })

  test('that a person released is billed by that as soon as there is a tariff', async () => {
    await ask('DELETE', '/v1/tariffs/default')
    await take(endedFact(zeroStart))
    await review('correct', right)
    expect(await held()).toMatchObject([{ reasons: ['no-tariff'] }])
    const price_components = [{ type: 'ENERGY', price: '10' }]
    await ask('PUT', '/v1/tariffs/energy', {
      id: 'energy',
      currency: 'EUR',
      elements: [{ price_components }],
      appliesTo: { default: true },
    })
    await expect.poll(cdrs).toMatchObject([{ cdrId: 'S-1:1.1', cost: { amount: '0.83' } }])
    expect(await held()).toEqual([])
  })
})

describe('energy that nobody identified for', () => {
  const refused: Ended = { ...right, authorization: 'Blocked' }
  const { idToken: _, ...nobody } = { ...right, authorization: 'None' }

  test('waits for a person, who may say whose it was', async () => {
    await take(endedFact(refused), endedFact({ ...nobody, startedAt: AT(4), endedAt: AT(5) }, 'S-2'))
    expect(await held()).toMatchObject([{ reasons: ['no-identity'] }, { reasons: ['no-identity'] }])
    await review('correct', { ...right, idToken: { value: 'OTHER', type: 'Central' } })
    expect(await cdrs()).toMatchObject([{ cdrId: 'S-1:1.1', idToken: 'OTHER' }])
  })

  test('is billed at a site that says so, and only from then on', async () => {
    await tell({ kind: 'site.registered', at: AT(0), data: { name: 'A', timeZone: 'UTC' } })
    await take(endedFact(refused))
    await tell({ kind: 'site.policy', at: AT(0), data: { unidentifiedEnergy: 'bill' } })
    await take(
      endedFact({ ...nobody, startedAt: AT(4), endedAt: AT(5), review: ['no-identity'] }, 'S-2'),
      endedFact({ ...nobody, startedAt: AT(5), endedAt: AT(6), review: ['register-falling'] }, 'S-3'),
    )
    expect((await cdrs()).map((c) => [c.cdrId, c.idToken])).toEqual([['S-2:1', null]])
    expect((await held()).map((h) => h.session_id).sort()).toEqual(['S-1', 'S-3'])
  })
})

test('a stop that fits no session is a session in review, once, and is billed when somebody says what it was', async () => {
  const stop: FactDraft = {
    kind: 'session.stop-unmatched',
    stationId: 'CS-1',
    data: { transactionId: '99', at: AT(3), registerMilliWh: 930_000_000, reason: 'Local' },
  }
  const empty: FactDraft = { ...stop, data: { ...stop.data, registerMilliWh: 0 } } as FactDraft
  await take(stop, stop, empty)
  const [item] = await told('session.held')
  expect(item).toMatchObject({
    reasons: ['unknown-start', 'register-missing', 'no-identity'],
    ended: { evseId: 0, endRegisterMilliWh: 930_000_000, startedAt: AT(3) },
  })
  expect(await told('session.held')).toHaveLength(1)
  const [{ session_id: sessionId }] = (await held()) as unknown as [{ session_id: string }]
  await review('correct', { ...right, energyMilliWh: 20_000_000 }, { evseId: 0, connectorId: 0 }, sessionId)
  expect(await cdrs()).toMatchObject([{ sessionId, energyWh: 20_000, cost: { amount: '11.31' } }])
})

test('a preview says what a session would be billed, what stands against it, and changes nothing', async () => {
  await take(endedFact(right, 'S-0'), endedFact(zeroStart))
  const { energyMilliWh, startedAt, endedAt, durationMs } = zeroStart
  const asked = { sessionId: 'S-1', siteId: SITE, stationId: 'CS-1', evseId: 1, connectorId: 1 }
  const preview = (over: object) =>
    ask('POST', '/v1/bill-previews', { ...asked, startedAt, endedAt, durationMs, energyMilliWh, ...over })
  expect((await preview({})).body).toMatchObject({
    cost: { amount: '424.40', currency: 'EUR' },
    against: ['overlaps-another-session'],
    overlapping: [{ cdrId: 'S-0:1', sessionId: 'S-0', energyWh: 83 }],
    payable: null,
  })
  expect((await preview({ connectorId: 2 })).body.against).toEqual([])
  expect((await preview({ energyMilliWh: undefined })).body).toMatchObject({
    cost: null,
    against: ['register-missing'],
  })
  expect((await preview({ sessionId: 'S-0' })).body.payable).toMatchObject({ cdrId: 'S-0:1' })
  expect((await cdrs()).map((c) => c.cdrId)).toEqual(['S-0:1'])
})
