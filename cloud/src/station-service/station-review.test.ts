import type { BillPreview, BillPreviewInput, Review } from '@switchyard/protocol/api/reviews.ts'
import type { FactData, FactDraft } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CloudFact } from '../platform/event-log/cloud-fact.ts'
import { testHeaders } from '../platform/testing.ts'
import { AT, meter, SITE, started, startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
/** What billing would say of a bill; undefined: it does not answer. */
let preview: ((asked: BillPreviewInput) => Partial<BillPreview>) | undefined

beforeEach(async () => {
  it = await startStationService()
  preview = () => ({})
  it.platform.onClient(async (target, request) => {
    if (target !== 'billing-service' || preview === undefined)
      return Response.json({ username: SITE, password: 'x' }, { status: preview ? 200 : 503 })
    const asked = (await request.json()) as BillPreviewInput
    return Response.json({ ...FREE, ...preview(asked) })
  })
  await it.createSite()
})
afterEach(() => it?.stop())

const FREE: BillPreview = {
  cost: { amount: '1.00', currency: 'EUR' },
  costDetails: { tariffId: 'default', exclTax: '1.00', inclTax: '1.00', parts: [] },
  against: [],
  overlapping: [],
  payable: null,
}

type Ended = FactData<'session.ended'>
/** Reported with a start register of 0 on a meter at 910 kWh, an hour long. */
const zeroStart: Ended = {
  evseId: 1,
  connectorId: 1,
  revision: 1,
  startedAt: AT(0),
  endedAt: AT(60),
  durationMs: 3_600_000,
  startRegisterMilliWh: 0,
  endRegisterMilliWh: 910_083_000,
  energyMilliWh: 910_083_000,
  idToken: { value: 'TAG', type: 'ISO14443' },
  authorization: 'Accepted',
  reason: 'Local',
  presumed: false,
  review: ['register-zero-start'],
  profile: [{ at: AT(15), registerMilliWh: 910_020_000 }],
  transactionId: '77',
}
const endedFact = (data: Ended, sessionId = 'S-1'): FactDraft => ({
  kind: 'session.ended',
  stationId: 'CS-1',
  sessionId,
  data,
})

async function take(...facts: FactDraft[]) {
  const entries = await it.platform.appendFacts(SITE, facts)
  await it.platform.settle(it.service)
  return entries
}
async function tell(fact: CloudFact) {
  await it.platform.sql.begin((tx) =>
    it.platform.context.eventLog.publish(tx, { tenantId: 'default', siteId: SITE, ...fact }),
  )
  await it.platform.settle(it.service)
}
/** As billing holds it. */
async function hold(
  ended: Ended,
  over: Partial<Extract<CloudFact, { kind: 'session.held' }>['data']> = {},
  sessionId = 'S-1',
) {
  const { revision, review } = ended
  const data = { revision, reasons: review, settlement: 0, ended, ...over }
  const at = new Date(it.platform.clock.now()).toISOString()
  await tell({ kind: 'session.held', stationId: 'CS-1', sessionId, at, data })
}
async function bill(revision: number, settlement: number, sessionId = 'S-1') {
  const cost = { amount: '1.00', currency: 'EUR' }
  const costDetails = { tariffId: 'default', exclTax: '1.00', inclTax: '1.00', parts: [] }
  const cdr = {
    ...{ cdrId: `${sessionId}:${revision}.${settlement}`, sessionId, revision, settlement },
    ...{ credit: false, credits: null, siteId: SITE, stationId: 'CS-1', idToken: 'TAG', driverId: null },
    ...{ startedAt: AT(0), endedAt: AT(60), energyWh: 83, durationMs: 3_600_000 },
    ...{ cost, costDetails, issuedAt: AT(70) },
  }
  await tell({ kind: 'cdr.issued', stationId: 'CS-1', sessionId, at: AT(70), data: { cdr } })
}
const ask: TestStationService['ask'] = (...request) => it.ask(...request)
const open = async (): Promise<Review[]> => (await ask('GET', '/v1/reviews?status=open')).body.items
const decide = (action: string, body: object, id = 'S-1') => ask('POST', `/v1/reviews/${id}/${action}`, body)
const session = async (id = 'S-1') => (await ask('GET', `/v1/sessions/${id}`)).body
async function reviewed() {
  await it.platform.relay()
  return (await it.platform.entries('session.reviewed')).map((entry) => JSON.parse(entry.text).data)
}
async function waiting(): Promise<void> {
  await take(endedFact(zeroStart))
  await hold(zeroStart)
}

describe('the queue', () => {
  test('shows what billing holds, longest waiting first, by site, reason and page', async () => {
    await waiting()
    it.platform.clock.advance(60_000)
    await hold({ ...zeroStart, review: ['no-identity'] }, {}, 'S-2')
    expect((await open()).map((review) => review.reviewId)).toEqual(['S-1', 'S-2'])
    const of = async (query: string) => (await ask('GET', `/v1/reviews?${query}`)).body
    expect((await of('reason=no-identity')).items).toMatchObject([{ reviewId: 'S-2' }])
    expect((await of('siteId=elsewhere')).items).toEqual([])
    expect((await of('status=settled')).items).toEqual([])
    const first = await of('limit=1')
    expect((await of(`limit=1&cursor=${first.next}`)).items).toMatchObject([{ reviewId: 'S-2' }])
    expect((await of('cursor=nonsense')).errors).toMatchObject([{ path: 'cursor' }])
    expect(await open()).toMatchObject([
      {
        revision: 1,
        status: 'open',
        told: { startRegisterWh: 0, endRegisterWh: 910_083, energyWh: 910_083 },
        reasons: [{ reason: 'register-zero-start', text: expect.stringContaining('910.083 kWh') }],
        decision: null,
      },
      {},
    ])
  })

  test('that was settled is listed by when that was, newest first, page by page', async () => {
    for (const id of ['S-1', 'S-2', 'S-3']) await hold(zeroStart, {}, id)
    for (const id of ['S-2', 'S-3', 'S-1']) {
      it.platform.clock.advance(1_000)
      await decide('waive', { note: 'x' }, id)
    }
    const page = async (cursor: string) =>
      (await ask('GET', `/v1/reviews?status=settled&limit=2${cursor}`)).body
    const first = await page('')
    const rest = await page(`&cursor=${first.next}`)
    expect([...first.items, ...rest.items].map((review) => review.reviewId)).toEqual(['S-1', 'S-3', 'S-2'])
    expect(rest.next).toBeNull()
  })

  test('of another tenant is not seen', async () => {
    await waiting()
    const response = await it.service.routes!.request('/v1/reviews/S-1', { headers: testHeaders('other') })
    expect(response.status).toBe(404)
    const list = await it.service.routes!.request('/v1/reviews', { headers: testHeaders('other') })
    expect(await list.json()).toEqual({ items: [], next: null })
  })

  test('is left by what is billed without a person, and by nothing older', async () => {
    await waiting()
    await bill(1, 0)
    expect([await open(), (await session()).status]).toEqual([[], 'ended'])
    await hold(zeroStart)
    expect(await open()).toEqual([])
  })

  test('has a stop that fits no session, with where it stands, and a session that can be looked at', async () => {
    const stop = { transactionId: '99', at: AT(3), registerMilliWh: 20_000_000 }
    const [entry] = await take({ kind: 'session.stop-unmatched', stationId: 'CS-1', data: stop })
    const { journalId, seq } = entry!.journal!
    const id = 'stop~site-a~CS-1~99~2026~20000000'
    const { startRegisterMilliWh: _start, energyMilliWh: _energy, ...rest } = zeroStart
    const ended: Ended = { ...rest, evseId: 0, connectorId: 0, review: ['unknown-start', 'register-missing'] }
    await hold(ended, { origin: { journalId, stream: 'ledger', seq } }, id)
    const { body } = await ask('GET', `/v1/reviews/${id}`)
    expect(body.evidence.facts).toMatchObject([
      { kind: 'session.stop-unmatched', journalId, seq, stationAt: AT(3), clock: 'synced' },
      { kind: 'session.held' },
    ])
    expect(await session(id)).toMatchObject({ status: 'review', energyWh: null, evseId: 0 })
    const needed = await decide('correct', { startedAt: AT(1) }, id)
    expect(needed.body.errors).toMatchObject([{ path: 'energyWh' }])
    const done = await decide('correct', { startedAt: AT(1), startRegisterWh: '905083' }, id)
    expect(done.body).toMatchObject({ status: 'settled', decision: { after: { energyWh: 5_000 } } })
    await it.platform.settle(it.service)
    expect(await session(id)).toMatchObject({ status: 'ended', energyWh: 5_000 })
  })
})

test('the evidence is what was told, when and by which clock, what stood around it, and what it would cost', async () => {
  const measurand = 'Energy.Active.Import.Register'
  const signed = ' OCMF|{"PG":"T1"}|{"SD":"30//+="}\r\n\u0000é '
  await take(
    endedFact(
      { ...zeroStart, startedAt: AT(-90), endedAt: AT(-30), review: [], energyMilliWh: 1_500 },
      'S-0',
    ),
    started,
    meter(10, 910_010_000, 7_000, [{ measurand, value: '', context: 'Sample.Clock', signed }]),
    {
      ...started,
      kind: 'session.signed',
      data: { at: AT(5), values: [{ measurand, value: '', context: 'Transaction.Begin', signed }] },
    } as FactDraft,
  )
  it.platform.clock.advance(3_600_000)
  await take(endedFact(zeroStart), {
    ...started,
    sessionId: 'S-3',
    data: { ...startedData, startedAt: AT(80) },
  } as FactDraft)
  await hold(zeroStart)
  preview = () => ({
    against: ['overlaps-another-session'],
    overlapping: [{ cdrId: 'S-9:1', sessionId: 'S-9', startedAt: AT(1), endedAt: AT(2), energyWh: 1 }],
  })
  const { body } = await ask('GET', '/v1/reviews/S-1')
  expect(body.evidence).toMatchObject({
    session: { sessionId: 'S-1', status: 'review' },
    authorization: 'Accepted',
    profile: [{ at: AT(15), registerWh: 910_020 }],
    meter: [
      {
        at: AT(5),
        registerWh: null,
        signed: [{ measurand, context: 'Transaction.Begin', signed }],
      },
      {
        at: AT(10),
        registerWh: 910_010,
        powerW: 7_000,
        signed: [{ measurand, context: 'Sample.Clock', signed }],
        seq: 1,
      },
    ],
    previous: { sessionId: 'S-0', energyWh: 1.5, startRegisterWh: 0 },
    next: { sessionId: 'S-3', status: 'running' },
    proposed: { cost: { amount: '1.00' }, overlapping: [{ sessionId: 'S-9' }] },
  })
  expect(body.evidence.facts).toMatchObject([
    { kind: 'session.started', journalId: `journal-${SITE}`, seq: 2, stationAt: AT(0), at: AT(0) },
    { kind: 'session.ended', seq: 4, stationAt: AT(60), at: AT(60), clock: 'synced', authority: true },
    { kind: 'session.held', journalId: null, seq: null, producer: 'station-service' },
  ])
  preview = undefined
  expect((await ask('GET', '/v1/reviews/S-1')).body.evidence.proposed).toBeNull()
})
const startedData = (started as Extract<FactDraft, { kind: 'session.started' }>).data

describe('a decision', () => {
  test('to accept bills what was told; who comes second is told by whom it was settled', async () => {
    await waiting()
    const done = await decide('accept', { revision: 1, note: 'the meter was changed' })
    expect(done).toMatchObject({
      status: 200,
      body: {
        status: 'settled',
        settlements: [
          {
            settlement: 1,
            revision: 1,
            action: 'accept',
            by: { actor: 'test', name: 'test' },
            at: AT(0),
            note: 'the meter was changed',
            before: { energyWh: 910_083 },
            after: { energyWh: 910_083 },
          },
        ],
      },
    })
    const [told] = await reviewed()
    expect(told).toMatchObject({ revision: 1, settlement: 1, action: 'accept', evseId: 1, connectorId: 1 })
    expect(told.after).toEqual(told.before)
    expect([await open(), (await session()).status]).toEqual([[], 'ended'])
    const second = await decide('waive', { note: 'no' })
    expect(second.status).toBe(409)
    expect(second.body.detail).toBe(`Revision 1 of the session was settled by test at ${AT(0)}: accept`)
    await bill(1, 1)
    expect(await session()).toMatchObject({ status: 'ended', cost: { amount: '1.00' } })
    expect(await reviewed()).toHaveLength(1)
  })

  test('by two persons at once is taken once', async () => {
    await waiting()
    const both = await Promise.all([decide('accept', {}), decide('waive', { note: 'x' })])
    expect(both.map((it) => it.status).sort()).toEqual([200, 409])
    expect(await reviewed()).toHaveLength(1)
  })

  test('to correct bills the difference of the corrected registers, and the session shows it', async () => {
    await waiting()
    let asked: BillPreviewInput | undefined
    preview = (it) => {
      asked = it
      return {}
    }
    const done = await decide('correct', { startRegisterWh: 910_000, idToken: { value: 'OTHER' } })
    expect(done.body.decision).toMatchObject({
      action: 'correct',
      before: { startRegisterWh: 0, energyWh: 910_083, idToken: { value: 'TAG' } },
      after: { startRegisterWh: 910_000, endRegisterWh: 910_083, energyWh: 83, idToken: { value: 'OTHER' } },
    })
    expect(asked).toMatchObject({ sessionId: 'S-1', siteId: SITE })
    expect((await reviewed())[0].after).toMatchObject({ energyMilliWh: 83_000, durationMs: 3_600_000 })
    await it.platform.settle(it.service)
    expect(await session()).toMatchObject({ energyWh: 83, idToken: { value: 'OTHER' }, status: 'ended' })
  })

  test('to correct is refused with what is wrong and where', async () => {
    await waiting()
    const wrong = async (body: object) => {
      const { status, body: problem } = await decide('correct', body)
      expect(status).toBe(422)
      return problem.errors.map((it: { path: string }) => it.path)
    }
    expect(await wrong({})).toEqual([''])
    expect(await wrong({ startRegisterWh: 910_084 })).toEqual(['endRegisterWh'])
    expect(await wrong({ startRegisterWh: 910_000, energyWh: 84 })).toEqual(['energyWh'])
    expect(await wrong({ energyWh: 0.1234 })).toEqual(['energyWh'])
    expect(await wrong({ energyWh: -1 })).toEqual(['energyWh'])
    expect(await wrong({ energyWh: 1, endedAt: AT(-1) })).toEqual(['endedAt'])
    expect(await wrong({ energyWh: 1, endedAt: '2126-11-23T12:00:00Z' })).toEqual(['endedAt'])
    expect(await wrong({ energyWh: 1, energy: 2 })).toEqual(['energy'])
    expect(await wrong({ energyWh: 600_000 })).toEqual(['energyWh'])
    expect(await wrong({ energyWh: 600_000, override: true })).toEqual(['note'])
    expect(await reviewed()).toEqual([])
    const done = await decide('correct', { energyWh: 600_000, override: true, note: 'two cars, I saw it' })
    expect(done.body.decision).toMatchObject({
      override: true,
      note: 'two cars, I saw it',
      after: { startRegisterWh: 310_083, energyWh: 600_000 },
    })
  })

  test('knows the largest power that an operator gave the station', async () => {
    await take({ kind: 'station.connected', stationId: 'CS-1', data: { ocpp: '1.6' } })
    await ask('PATCH', '/v1/stations/CS-1', { maxPowerW: 11_000 })
    await waiting()
    expect((await decide('correct', { energyWh: 20_000 })).status).toBe(422)
    expect((await decide('correct', { energyWh: '13800.5' })).status).toBe(200)
  })

  test('to waive needs a reason, and says so on the session', async () => {
    await waiting()
    expect((await decide('waive', {})).body.errors).toMatchObject([{ path: 'note' }])
    expect((await decide('waive', { note: '   ' })).body.errors).toMatchObject([{ path: 'note' }])
    preview = undefined
    expect((await decide('waive', { note: 'goodwill' })).body).toMatchObject({
      status: 'settled',
      decision: { action: 'waive', note: 'goodwill', after: null },
    })
    await it.platform.settle(it.service)
    expect(await session()).toMatchObject({ status: 'waived', review: [], cost: null })
    expect((await ask('GET', '/v1/sessions?status=waived')).body.items).toHaveLength(1)
    expect((await ask('GET', '/v1/sessions?status=review')).body.items).toEqual([])
  })

  test('that would bill one session over another, without a tariff, or unseen by billing is refused', async () => {
    await waiting()
    const overlapping = [{ cdrId: 'S-9:1', sessionId: 'S-9', startedAt: AT(1), endedAt: AT(2), energyWh: 1 }]
    preview = () => ({ against: ['overlaps-another-session'], overlapping })
    const over = await decide('accept', {})
    expect(over).toMatchObject({ status: 409, body: { detail: expect.stringContaining('session S-9') } })
    preview = () => ({ cost: null, costDetails: null, against: ['no-tariff'] })
    expect((await decide('accept', {})).body.detail).toContain('no tariff')
    preview = undefined
    expect((await decide('accept', {})).status).toBe(503)
    expect(await open()).toHaveLength(1)
  })

  test('to accept energy that nobody knows is refused', async () => {
    const { energyMilliWh: _, ...unknown } = zeroStart
    await hold({ ...unknown, review: ['register-missing'] })
    const refused = await decide('accept', {})
    expect(refused.status).toBe(422)
    expect(refused.body.detail).toContain('A register is missing')
  })

  test('of a revision that is not the one that waits is refused', async () => {
    await waiting()
    await hold({ ...zeroStart, revision: 2 })
    expect((await decide('accept', { revision: 1 })).body.detail).toContain('Revision 2 of the session waits')
    expect((await decide('accept', { revision: 2 })).status).toBe(200)
    expect((await ask('POST', '/v1/reviews/none/accept', {})).status).toBe(404)
  })
})

test('a waiver is not undone by a later revision: the item is open again, with who waived it', async () => {
  await waiting()
  await decide('waive', { note: 'goodwill' })
  await hold(zeroStart)
  expect(await open()).toEqual([])
  await take(endedFact({ ...zeroStart, revision: 2, review: [] }))
  await hold({ ...zeroStart, revision: 2, review: [] }, { reasons: ['waived-before'], settlement: 1 })
  expect(await open()).toMatchObject([
    { revision: 2, reasons: [{ reason: 'waived-before' }], decision: { action: 'waive', note: 'goodwill' } },
  ])
  expect((await session()).status).toBe('review')
  await decide('accept', {})
  const { body } = await ask('GET', '/v1/reviews/S-1')
  expect(
    body.settlements.map((it: { action: string; revision: number }) => [it.action, it.revision]),
  ).toEqual([
    ['waive', 1],
    ['accept', 2],
  ])
})

test('the queue and its audit trail are the same when the tables are made anew from the log', async () => {
  await waiting()
  await hold(zeroStart, {}, 'S-2')
  await decide('correct', { startRegisterWh: 910_000 })
  await bill(1, 1)
  await decide('waive', { note: 'x' }, 'S-2')
  await hold({ ...zeroStart, revision: 2 }, { reasons: ['waived-before'], settlement: 1 }, 'S-2')
  const { sql } = it.platform
  const tables = async () => ({
    reviews: await sql`select * from station.review order by session_id`,
    // Taken by the route then, and by the log's time when it is read again.
    settlements: await sql`
      select session_id, settlement, revision, action, by_name, note, before, after from station.settlement
      order by session_id, settlement`,
    sessions: await sql`select * from station.session order by session_id`,
  })
  await it.platform.settle(it.service)
  const before = await tables()
  await sql`update log.cursor set position = 0, received_at = 'epoch' where consumer = 'station'`
  await it.platform.settle(it.service)
  expect(await tables()).toEqual(before)
  await sql`truncate station.review, station.settlement, station.session`
  await sql`update log.cursor set position = 0, received_at = 'epoch' where consumer = 'station'`
  await it.platform.settle(it.service)
  expect(await tables()).toEqual(before)
})

test('a site says whether energy that nobody identified for is billed there', async () => {
  expect((await ask('GET', `/v1/sites/${SITE}`)).body.unidentifiedEnergy).toBe('review')
  const patched = await ask('PATCH', `/v1/sites/${SITE}`, { unidentifiedEnergy: 'bill' })
  expect(patched).toMatchObject({ status: 200, body: { siteId: SITE, unidentifiedEnergy: 'bill' } })
  await ask('PATCH', `/v1/sites/${SITE}`, { unidentifiedEnergy: 'bill' })
  await it.platform.settle(it.service)
  expect(await it.platform.entries('site.policy')).toHaveLength(1)
  expect((await ask('PATCH', '/v1/sites/none', {})).status).toBe(404)
  expect((await ask('PATCH', `/v1/sites/${SITE}`, { name: 'x' })).status).toBe(422)
})
