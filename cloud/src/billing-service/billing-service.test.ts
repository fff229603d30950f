import type { Cdr } from '@switchyard/protocol/api/shapes.ts'
import type { FactData, FactDraft } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CloudFact } from '../platform/event-log/cloud-fact.ts'
import type { RunningService } from '../platform/service.ts'
import { type Ask, askOf, createTestPlatform, TEST_EPOCH_MS, type TestPlatform } from '../platform/testing.ts'
import { billingService } from './service.ts'

const SITE = 'site-a'
const HOUR = 3_600_000
/** Hours after the start of the test's clock, when the first tariff was made. */
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

/** Two hours and 20 kWh from `AT(1)`, unless said otherwise. */
function ended(
  sessionId: string,
  over: Partial<FactData<'session.ended'>> = {},
  stationId = 'CS-1',
): FactDraft {
  return {
    kind: 'session.ended',
    stationId,
    sessionId,
    data: {
      evseId: 1,
      connectorId: 1,
      revision: 1,
      startedAt: AT(1),
      endedAt: AT(3),
      durationMs: 2 * HOUR,
      startRegisterMilliWh: 0,
      endRegisterMilliWh: 20_000_000,
      energyMilliWh: 20_000_000,
      idToken: { value: 'TAG', type: 'ISO14443' },
      authorization: 'Accepted',
      reason: 'Local',
      presumed: false,
      review: [],
      profile: [],
      transactionId: '1',
      ...over,
    },
  }
}
async function take(...facts: FactDraft[]) {
  await platform.appendFacts(SITE, facts)
  await platform.settle(service)
}
/** A fact of another service, as its outbox would bring it. */
async function tell(siteId: string | null, fact: CloudFact) {
  await platform.sql.begin((tx) =>
    platform.context.eventLog.publish(tx, { tenantId: 'default', siteId, ...fact }),
  )
  await platform.settle(service)
}
const cdrs = async (): Promise<Cdr[]> => (await ask('GET', '/v1/cdrs')).body.items
const invoices = async () => (await ask('GET', '/v1/invoices')).body.items
const told = async (kind: string) => (await platform.entries(kind)).map((e) => JSON.parse(e.text).data)
const energyOnly = (price: number | string, over: object = {}) => ({
  id: 'energy',
  currency: 'EUR',
  elements: [{ price_components: [{ type: 'ENERGY', price, vat: 10 }] }],
  ...over,
})

describe('a session that ended', () => {
  test('costs nothing where the driver was turned away and took nothing; what was taken is billed', async () => {
    await take(
      ended('S-refused', { authorization: 'ConcurrentTx', endRegisterMilliWh: 0, energyMilliWh: 0 }),
      ended('S-taken', { authorization: 'ConcurrentTx', startedAt: AT(4), endedAt: AT(6) }),
    )
    expect((await cdrs()).map((cdr) => cdr.sessionId)).toEqual(['S-taken'])
  })

  test('of which a cloned box presumed an end is billed as its station told it to the other, whichever comes first', async () => {
    const presumed = { presumed: true, endedAt: AT(2), durationMs: HOUR, energyMilliWh: 5_000_000 }
    await take(ended('S-1', presumed), ended('S-1'))
    await take(ended('S-2', { startedAt: AT(4), endedAt: AT(6) }, 'CS-2'))
    await take(ended('S-2', { ...presumed, startedAt: AT(4), endedAt: AT(5), revision: 2 }, 'CS-2'))
    const bills = (await cdrs()).map(({ cdrId, credits, energyWh }) => ({ cdrId, credits, energyWh }))
    expect(bills.sort((a, b) => (a.cdrId < b.cdrId ? -1 : 1))).toEqual([
      { cdrId: 'S-1:1', credits: null, energyWh: 5_000 },
      { cdrId: 'S-1:1:credit', credits: 'S-1:1', energyWh: 5_000 },
      { cdrId: 'S-1:2', credits: null, energyWh: 20_000 },
      { cdrId: 'S-2:1', credits: null, energyWh: 20_000 },
    ])
    // The log read again gives the same.
    await take(ended('S-1', presumed), ended('S-1'))
    expect(await cdrs()).toHaveLength(4)
  })

  test('becomes a CDR and an invoice line, to the cent, and is told to the others', async () => {
    await take(ended('S-1'))
    const [cdr] = await cdrs()
    // 20 kWh × 0.39, 2 h × 0.60 and 0.50, each with 19 %: 9.282 + 1.428 + 0.595, rounded per part.
    expect(cdr).toMatchObject({
      cdrId: 'S-1:1',
      sessionId: 'S-1',
      credit: false,
      energyWh: 20_000,
      durationMs: 2 * HOUR,
      cost: { amount: '11.31', currency: 'EUR' },
      costDetails: { tariffId: 'default', exclTax: '9.50', inclTax: '11.31' },
      driverId: null,
      issuedAt: AT(0),
    })
    expect(await invoices()).toEqual([
      {
        invoiceId: '2026-11-EUR-no-driver',
        lineCount: 1,
        driverId: null,
        period: '2026-11',
        status: 'open',
        currency: 'EUR',
        totalExclTax: '9.50',
        totalInclTax: '11.31',
        lines: [
          {
            lineId: 'S-1:1',
            cdrId: 'S-1:1',
            sessionId: 'S-1',
            text: 'Charging at CS-1, 2026-11-23 13:00 UTC, 20 kWh',
            exclTax: '9.50',
            inclTax: '11.31',
          },
        ],
      },
    ])
    expect(await told('cdr.issued')).toEqual([{ cdr }])
  })

  test('is billed once, however often its facts come', async () => {
    await take(ended('S-1'))
    await take(ended('S-1'))
    const before = [await cdrs(), await invoices()]
    await platform.sql`update log.cursor set position = 0, received_at = 'epoch' where consumer = 'billing'`
    await platform.settle(service)
    expect([await cdrs(), await invoices()]).toEqual(before)
    expect(await platform.entries('cdr.issued')).toHaveLength(1)
  })

  test('and stops late after a presumed end is credited and billed anew', async () => {
    await take(ended('S-1', { presumed: true, energyMilliWh: 10_000_000 }))
    platform.clock.advance(60_000)
    await take(ended('S-1', { revision: 2 }))
    await take(ended('S-1', { presumed: true, energyMilliWh: 10_000_000 }))
    const all = (await cdrs()).sort((a, b) => a.cdrId.localeCompare(b.cdrId))
    expect(all.map((c) => [c.cdrId, c.credits, c.cost.amount])).toEqual([
      ['S-1:1', null, '6.67'],
      ['S-1:1:credit', 'S-1:1', '-6.67'],
      ['S-1:2', null, '11.31'],
    ])
    const [invoice] = await invoices()
    expect(invoice.lines.map((l: { inclTax: string }) => l.inclTax)).toEqual(['6.67', '-6.67', '11.31'])
    expect([invoice.totalExclTax, invoice.totalInclTax]).toEqual(['9.50', '11.31'])
    expect(invoice.lineCount).toBe(3)
    const lines = `/v1/invoices/${invoice.invoiceId}/lines`
    const first = (await ask('GET', `${lines}?limit=2`)).body
    const rest = (await ask('GET', `${lines}?limit=2&cursor=${first.next}`)).body
    expect([...first.items, ...rest.items]).toEqual(invoice.lines)
    expect(rest.next).toBeNull()
    expect((await ask('GET', '/v1/invoices/none/lines')).status).toBe(404)
    expect((await told('cdr.issued')).map((d) => d.cdr.cdrId)).toEqual(['S-1:1', 'S-1:1:credit', 'S-1:2'])
  })

  test('in review is not billed, and a good revision of it is', async () => {
    await take(ended('S-1', { review: ['register-implausible-power'] }))
    expect(await cdrs()).toEqual([])
    expect(await told('session.held')).toMatchObject([
      { revision: 1, reasons: ['register-implausible-power'], settlement: 0 },
    ])
    await take(ended('S-1', { revision: 2 }))
    expect((await cdrs()).map((c) => c.cdrId)).toEqual(['S-1:2'])
    expect(await platform.sql`select * from billing.held`).toHaveLength(0)
  })

  test('whose correction is in review keeps the bill that it has', async () => {
    await take(
      ended('S-1'),
      ended('S-1', { revision: 2, energyMilliWh: 9e12, review: ['register-implausible-power'] }),
    )
    expect((await cdrs()).map((c) => [c.cdrId, c.cost.amount])).toEqual([['S-1:1', '11.31']])
    expect(await told('session.held')).toMatchObject([{ revision: 2 }])
  })

  test('without energy, with less than none, or before its start is held though its site had nothing against it', async () => {
    const { data } = ended('x') as Extract<FactDraft, { kind: 'session.ended' }>
    const { energyMilliWh: _, ...withoutEnergy } = data
    await take(
      { kind: 'session.ended', stationId: 'A', sessionId: 'S-1', data: withoutEnergy },
      ended('S-2', { energyMilliWh: -1 }, 'B'),
      ended('S-3', { startedAt: AT(3), endedAt: AT(1) }, 'C'),
      ended('S-4', { startedAt: 'yesterday' }, 'D'),
      ended('S-5', { startedAt: '0000-01-01T00:00:00.000Z' }, 'E'),
    )
    expect(await cdrs()).toEqual([])
    expect((await told('session.held')).map((d) => d.reasons)).toEqual([
      ['register-missing'],
      ['register-falling'],
      ['unplaceable-time'],
      ['unplaceable-time'],
      ['unplaceable-time'],
    ])
  })

  test('that overlaps another billed one on its connector is held', async () => {
    await take(
      ended('S-1'),
      ended('S-2', { startedAt: AT(2), endedAt: AT(4) }),
      ended('S-3', { startedAt: AT(3), endedAt: AT(4) }),
      ended('S-4', { connectorId: 2 }),
    )
    expect((await cdrs()).map((c) => c.sessionId).sort()).toEqual(['S-1', 'S-3', 'S-4'])
    expect(await told('session.held')).toMatchObject([{ revision: 1, reasons: ['overlaps-another-session'] }])
  })

  test("goes on its driver's invoice of the month in which it ended", async () => {
    for (const token of [
      { idToken: 'Tag', type: 'ISO14443' },
      { idToken: 'PAY', type: 'Central' },
    ])
      await tell(null, {
        kind: 'token.changed',
        at: AT(0),
        data: { ...token, status: 'Accepted', driverId: 'D-1' },
      })
    await take(
      ended('S-1'),
      ended('S-2', {
        idToken: { value: 'TAG', type: 'Central' },
        startedAt: AT(24 * 7),
        endedAt: AT(24 * 8),
      }),
      ended('S-3', { idToken: { value: 'other', type: 'ISO14443' }, startedAt: AT(4), endedAt: AT(5) }),
      ended('S-4', { idToken: { value: 'PAY', type: 'DirectPayment' }, startedAt: AT(6), endedAt: AT(7) }),
    )
    const shown = await invoices()
    expect(
      shown.map((i: { period: string; driverId: string; lines: unknown[] }) => [
        i.period,
        i.driverId,
        i.lines.length,
      ]),
    ).toEqual([
      ['2026-12', 'D-1', 1],
      ['2026-11', null, 2],
      ['2026-11', 'D-1', 1],
    ])
    const own = await ask('GET', '/v1/invoices?driverId=D-1&period=2026-11')
    expect(own.body.items[0].lines).toMatchObject([{ sessionId: 'S-1' }])
    expect((await ask('GET', '/v1/cdrs?driverId=D-1')).body.items).toHaveLength(2)
  })

  test('that ended beside others is billed or held as it is alone', async () => {
    const ends = [1, 2, 3, 4].flatMap((n) => [
      ended(`S-${n}-a`, {}, `CS-${n}`),
      // Overlaps the one before it, then is corrected: it does not any more.
      ended(`S-${n}-b`, { startedAt: AT(2), endedAt: AT(4) }, `CS-${n}`),
      ended(`S-${n}-b`, { startedAt: AT(3), endedAt: AT(4), revision: 2 }, `CS-${n}`),
      ended(`S-${n}-a`, { energyMilliWh: 10_000_000, revision: 2 }, `CS-${n}`),
    ])
    await take(...ends)
    const billed = await cdrs()
    for (const n of [1, 2, 3, 4]) {
      const own = billed.filter((it) => it.stationId === `CS-${n}`).map((it) => it.cdrId)
      expect(own.sort()).toEqual([`S-${n}-a:1`, `S-${n}-a:1:credit`, `S-${n}-a:2`, `S-${n}-b:2`])
    }
    expect(await told('session.held')).toHaveLength(4)
    const [invoice] = await invoices()
    expect(invoice.lineCount).toBe(16)
  })

  test('goes to whom its token belonged when it came, of tokens that change together', async () => {
    const changes = [
      { idToken: 'one', driverId: 'D-1' },
      { idToken: 'ONE', driverId: 'D-2' },
      { idToken: 'two', driverId: 'D-2' },
      { idToken: 'two', driverId: null },
      { idToken: 'DE-ABC-C12345678-9', driverId: 'D-3', type: 'eMAID' },
    ]
    await platform.sql.begin((tx) =>
      platform.context.eventLog.publishAll(
        tx,
        changes.map((it) => ({
          tenantId: 'default',
          siteId: null,
          kind: 'token.changed' as const,
          at: AT(0),
          data: { type: 'ISO14443', ...it, status: 'Accepted' as const },
        })),
      ),
    )
    await platform.settle(service)
    const of = (value: string) => ({ idToken: { value, type: 'ISO14443' } })
    await take(ended('S-1', of('one')), ended('S-2', { ...of('two'), startedAt: AT(4), endedAt: AT(5) }))
    const idToken = { value: 'DEABCC123456789', type: 'eMAID' }
    await take(ended('S-3', { idToken, startedAt: AT(6), endedAt: AT(7) }))
    const drivers = (await cdrs()).map((it) => [it.sessionId, it.driverId])
    expect(new Map(drivers as [string, string | null][])).toEqual(
      new Map([
        ['S-1', 'D-2'],
        ['S-2', null],
        ['S-3', 'D-3'],
      ]),
    )
  })
})

describe('a tariff', () => {
  test("reaches a session by its station, else its site, else the tenant's default", async () => {
    platform.onClient((_target, request) => {
      const path = new URL(request.url).pathname
      if (path === '/v1/sites/site-a') return Response.json({ siteId: SITE })
      if (path === '/v1/stations/CS-1') return Response.json({ siteId: SITE })
      return Response.json({ detail: 'There is none' }, { status: 404 })
    })
    const made = await ask(
      'POST',
      '/v1/tariffs',
      energyOnly(1, { id: 'of-site', appliesTo: { siteId: SITE } }),
    )
    expect(made).toMatchObject({ status: 201, body: { id: 'of-site', appliesTo: { siteId: SITE } } })
    await ask('POST', '/v1/tariffs', energyOnly(2, { id: 'of-station', appliesTo: { stationId: 'CS-1' } }))
    const nowhere = await ask(
      'POST',
      '/v1/tariffs',
      energyOnly(3, { id: 'x', appliesTo: { siteId: 'none' } }),
    )
    expect(nowhere).toMatchObject({ status: 422, body: { errors: [{ path: 'appliesTo' }] } })
    await take(ended('S-1'), ended('S-2', {}, 'CS-2'))
    await platform.appendFacts('site-b', [ended('S-3', {}, 'CS-3')])
    await platform.settle(service)
    const used = Object.fromEntries((await cdrs()).map((c) => [c.sessionId, c.costDetails.tariffId]))
    expect(used).toEqual({ 'S-1': 'of-station', 'S-2': 'of-site', 'S-3': 'default' })
  })

  test('that changes is for sessions that start from then on; a correction keeps its first', async () => {
    platform.clock.advance(2 * HOUR)
    const changed = await ask('POST', '/v1/tariffs', energyOnly('0.25', { appliesTo: { default: true } }))
    expect(changed.status).toBe(201)
    await take(
      ended('S-1'),
      ended('S-2', { startedAt: AT(3), endedAt: AT(4) }),
      ended('S-1', { revision: 2 }),
    )
    const used = (await cdrs()).map((c) => [c.cdrId, c.costDetails.tariffId, c.cost.amount]).sort()
    expect(used).toEqual([
      ['S-1:1', 'default', '11.31'],
      ['S-1:1:credit', 'default', '-11.31'],
      ['S-1:2', 'default', '11.31'],
      ['S-2:1', 'energy', '5.50'],
    ])
  })

  test('that is the only one to be had bills an old session that comes late', async () => {
    await ask('POST', '/v1/tariffs', energyOnly('0.25', { appliesTo: { default: true } }))
    await take(ended('S-1', { startedAt: AT(-5), endedAt: AT(-3) }))
    expect((await cdrs()).map((c) => c.cost.amount)).toEqual(['5.50'])
  })

  test('that is missing holds a session until there is one', async () => {
    expect((await ask('DELETE', '/v1/tariffs/default')).status).toBe(204)
    expect((await ask('GET', '/v1/tariffs')).body.items).toEqual([])
    await take(ended('S-1'))
    expect(await told('session.held')).toMatchObject([{ revision: 1, reasons: ['no-tariff'] }])
    await ask('PUT', '/v1/tariffs/energy', energyOnly('0.25', { appliesTo: { default: true } }))
    await expect.poll(cdrs).toMatchObject([{ cdrId: 'S-1:1', cost: { amount: '5.50' } }])
    expect(await platform.sql`select * from billing.held`).toHaveLength(0)
  })

  test('that a station was given by its own resource applies to it until it is taken back', async () => {
    await ask('POST', '/v1/tariffs', energyOnly('0.25'))
    const give = (tariffId: string | null, hours: number) =>
      tell(SITE, { kind: 'station.tariff-assigned', stationId: 'CS-1', at: AT(hours), data: { tariffId } })
    await give('energy', 1)
    await give(null, 5)
    await take(ended('S-1'), ended('S-2', { startedAt: AT(5), endedAt: AT(6) }))
    const used = (await cdrs()).map((c) => [c.sessionId, c.costDetails.tariffId]).sort()
    expect(used).toEqual([
      ['S-1', 'energy'],
      ['S-2', 'default'],
    ])
  })

  test('goes down to each site', async () => {
    await tell(SITE, { kind: 'site.registered', at: AT(0), data: { name: 'A', timeZone: 'Europe/Berlin' } })
    platform.clock.advance(1_000)
    const documents = async () => {
      await platform.relay()
      return (await told('document.published')).map((d) => ({ n: d.version.n, body: JSON.parse(d.body) }))
    }
    await expect
      .poll(documents)
      .toMatchObject([{ n: 1, body: { default: { id: 'default' }, byStation: {} } }])
    await ask('POST', '/v1/tariffs', energyOnly(1, { appliesTo: { default: true } }))
    await expect.poll(documents).toMatchObject([{ n: 1 }, { n: 2, body: { default: { id: 'energy' } } }])
  })

  test('is refused where it is wrong or asks for what would not be billed', async () => {
    const wrong = await ask('POST', '/v1/tariffs', energyOnly(-1))
    expect(wrong.status).toBe(422)
    expect(wrong.body.errors[0].path).toBe('elements.0.price_components.0.price')
    const restricted = energyOnly(1)
    const beyond = await ask('POST', '/v1/tariffs', {
      ...restricted,
      elements: [{ ...restricted.elements[0], restrictions: { start_time: '09:00' } }],
    })
    expect(beyond.body.errors).toEqual([{ path: 'elements.0.restrictions', message: 'is not supported' }])
    const paths = async (body: object) =>
      (await ask('POST', '/v1/tariffs', body)).body.errors.map((e: { path: string }) => e.path)
    expect(await paths(energyOnly(1, { currency: 'XQZ' }))).toEqual(['currency'])
    const parking = [{ price_components: [{ type: 'PARKING_TIME', price: 1 }] }]
    expect(await paths(energyOnly(1, { elements: parking }))).toEqual(['elements.0.price_components.0.type'])
    expect(await paths(energyOnly(1, { appliesTo: { siteId: 'A', stationId: 'B' } }))).toEqual(['appliesTo'])
    expect((await ask('POST', '/v1/tariffs', energyOnly(1, { id: 'default' }))).status).toBe(409)
    expect((await ask('PUT', '/v1/tariffs/another', energyOnly(1))).body.errors).toMatchObject([
      { path: 'id' },
    ])
  })
})

test('a second start makes no second default tariff', async () => {
  const again = await billingService.start(platform.context)
  await again.stop(1_000)
  expect((await ask('GET', '/v1/tariffs')).body.items).toMatchObject([
    { id: 'default', appliesTo: { default: true } },
  ])
})

test('the table itself refuses a second payable CDR of a session', async () => {
  await take(ended('S-1'))
  await expect(
    platform.sql`
      insert into billing.cdr select (jsonb_populate_record(c, '{"cdr_id": "S-1:9", "revision": 9}')).*
      from billing.cdr c where cdr_id = 'S-1:1'`,
  ).rejects.toThrow(/cdr_payable/)
})

describe('signed meter values', () => {
  const measurand = 'Energy.Active.Import.Register'
  const signed = (at: string, value: object, omitted = 0): FactDraft => ({
    kind: 'session.signed',
    stationId: 'CS-1',
    sessionId: 'S-1',
    data: {
      at,
      values: [{ measurand, value: '', ...value }],
      ...(omitted > 0 ? { omitted } : {}),
    } as FactData<'session.signed'>,
  })

  test('are read with the session and its CDR, byte for byte, in order, and as OCPI hands them over', async () => {
    const text = ' OCMF|{"PG":"T1"}|{"SD":"30//+="}\r\n\u0000\ud800é '
    const data = Buffer.from('OCMF|{"PG":"T2"}|{"SD":"31"}').toString('base64')
    const type = { signedMeterData: data, signingMethod: 'S', encodingMethod: 'OCMF', publicKey: 'a2V5' }
    const begin = signed(AT(1), { context: 'Transaction.Begin', signed: text })
    const end = signed(AT(3), { context: 'Transaction.End', signed: type }, 2)
    await take(end, begin, begin, ended('S-1'))
    const [cdr] = await cdrs()
    const { body } = await ask('GET', `/v1/cdrs/${cdr!.cdrId}/signed-data`)
    expect(body.values).toEqual([
      { at: AT(1), measurand, value: '', unit: null, context: 'Transaction.Begin', signed: text },
      { at: AT(3), measurand, value: '', unit: null, context: 'Transaction.End', signed: type },
    ])
    expect(body.omitted).toBe(2)
    expect(body.ocpi).toMatchObject({
      encoding_method: 'OCMF',
      public_key: 'a2V5',
      signed_values: [
        { nature: 'Start', plain_data: text },
        { nature: 'End', plain_data: 'OCMF|{"PG":"T2"}|{"SD":"31"}', signed_data: data },
      ],
    })
    expect((await ask('GET', '/v1/sessions/S-1/signed-data')).body).toEqual(body)
  })

  test('there are none for a session that signed nothing, and none for an unknown CDR', async () => {
    expect((await ask('GET', '/v1/sessions/S-2/signed-data')).body).toEqual({
      sessionId: 'S-2',
      values: [],
      omitted: 0,
      ocpi: null,
    })
    expect((await ask('GET', '/v1/cdrs/S-2:1/signed-data')).status).toBe(404)
  })
})
