import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MAX_NOTIFIED } from './project-notifications.ts'
import { AT, booted, started, startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
beforeEach(async () => {
  it = await startStationService()
  await it.createSite()
  await tell(...booted)
})
afterEach(async () => {
  await it?.stop()
})

const stationId = 'CS-1'
const idToken = { value: 'TAG', type: 'ISO14443' }
const tell = (...facts: FactDraft[]) => it.tell(...facts)
const shown = async (list: string) => (await it.ask('GET', `/v1/stations/CS-1/${list}`)).body.items
const battery = (serialNumber: string, socPercent: number) => ({
  ...{ evseId: 1, serialNumber, socPercent, sohPercent: 97.5 },
})

test('a battery swap is one thing: who, what went in and what came out; an id that is used again is another', async () => {
  const swap = (
    event: 'BatteryIn' | 'BatteryOut' | 'BatteryOutTimeout',
    serial: string,
    soc: number,
  ): FactDraft => ({
    kind: 'station.battery-swap',
    stationId,
    data: { requestId: 7, event, idToken, authorization: 'Accepted', batteries: [battery(serial, soc)] },
  })
  await tell(swap('BatteryIn', 'B-1', 11))
  expect(await shown('battery-swaps')).toMatchObject([
    { requestId: 7, event: 'BatteryIn', idToken, authorization: 'Accepted', batteriesOut: [], outAt: null },
  ])
  // What is told twice is one.
  await tell(
    swap('BatteryIn', 'B-1', 11),
    swap('BatteryOutTimeout', 'B-2', 98),
    swap('BatteryOut', 'B-2', 98),
  )
  const [swapped, ...others] = await shown('battery-swaps')
  expect(others).toEqual([])
  expect(swapped).toMatchObject({
    event: 'BatteryOut',
    batteriesIn: [battery('B-1', 11)],
    batteriesOut: [battery('B-2', 98)],
    inAt: expect.any(String),
    outAt: expect.any(String),
    timedOutAt: expect.any(String),
  })
  await tell(swap('BatteryIn', 'B-9', 5))
  expect(await shown('battery-swaps')).toMatchObject([
    { batteriesIn: [{ serialNumber: 'B-9' }], batteriesOut: [], outAt: null, timedOutAt: null },
  ])
})

test('a payment names its session, and shows its newest word; amounts are decimals', async () => {
  const paid = (status: 'Settled' | 'Failed', more: object = {}): FactDraft => ({
    kind: 'station.payment-settled',
    stationId,
    sessionId: 'S-1',
    data: { pspRef: 'psp-1', status, amount: '12.50', at: AT(3), transactionId: '77', ...more },
  })
  await tell(started, paid('Failed', { reason: 'no funds' }), paid('Settled', { receiptId: 'R1' }))
  expect(await shown('payments')).toEqual([
    {
      pspRef: 'psp-1',
      status: 'Settled',
      reason: null,
      amount: '12.50',
      at: AT(3),
      transactionId: '77',
      sessionId: 'S-1',
      receiptId: 'R1',
      receiptUrl: null,
      vatNumber: null,
      vatCompany: null,
    },
  ])
})

test('the tariffs that a site has set on its station are shown with what came of it', async () => {
  const tariff = (tariffId: string, outcome: 'set' | 'unfit' | 'cleared', reason?: string): FactDraft => ({
    kind: 'station.tariff',
    stationId,
    data: { tariffId, outcome, ...(reason === undefined ? {} : { reason }) },
  })
  await tell(tariff('day-1', 'set'))
  it.platform.clock.advance(1_000)
  await tell(tariff('night-2', 'unfit', 'steps'), tariff('day-1', 'cleared'))
  const items = await shown('tariffs')
  expect(items).toHaveLength(2)
  expect(items).toEqual(
    expect.arrayContaining([
      { tariffId: 'night-2', outcome: 'unfit', reason: 'steps', at: expect.any(String) },
      { tariffId: 'day-1', outcome: 'cleared', reason: null, at: expect.any(String) },
    ]),
  )
})

test('alarms of the grid go on since they began, until they end', async () => {
  const alarm = (ended: boolean, minutes: number, fault?: string): FactDraft => ({
    kind: 'station.der-alarm',
    stationId,
    data: { controlType: 'LVMustTrip', ended, at: AT(minutes), ...(fault === undefined ? {} : { fault }) },
  })
  await tell(alarm(false, 1, 'UnderVoltage'), alarm(false, 2, 'UnderVoltage'))
  const standing = {
    controlType: 'LVMustTrip',
    fault: 'UnderVoltage',
    since: AT(1),
    endedAt: null,
    info: null,
  }
  expect(await shown('der-alarms')).toEqual([standing])
  await tell(alarm(true, 5))
  expect(await shown('der-alarms')).toEqual([{ ...standing, endedAt: AT(5) }])
  await tell(alarm(false, 9, 'OverVoltage'))
  expect(await shown('der-alarms')).toMatchObject([{ fault: 'OverVoltage', since: AT(9), endedAt: null }])
})

test('controls are what reports say that they are, and at work as the station says that they begin and end', async () => {
  await tell({
    kind: 'station.der-controls',
    stationId,
    data: {
      requestId: 1,
      more: false,
      controls: [
        {
          controlId: 'a',
          controlType: 'VoltVar',
          isDefault: true,
          isSuperseded: false,
          settings: { priority: 1 },
        },
        { controlId: 'b', controlType: 'Gradients', settings: { gradient: 2 } },
      ],
    },
  })
  await tell({
    kind: 'station.der-switched',
    stationId,
    data: { controlId: 'c', started: true, at: AT(4), superseded: ['a'] },
  })
  const byId = Object.fromEntries(
    (await shown('der-controls')).map((c: { controlId: string }) => [c.controlId, c]),
  )
  expect(byId).toMatchObject({
    a: {
      controlType: 'VoltVar',
      isDefault: true,
      isSuperseded: true,
      running: null,
      settings: { priority: 1 },
    },
    b: { controlType: 'Gradients', isDefault: null, isSuperseded: null },
    c: { controlType: null, running: true, switchedAt: AT(4), reportedAt: null },
  })
})

test('an event stream is open until it is closed, with its newest value', async () => {
  const values = (t: number, v: string): FactDraft => ({
    kind: 'station.stream',
    stationId,
    data: {
      streamId: 3,
      pending: 1,
      from: AT(2),
      values: [
        { t: 0, v: '1' },
        { t, v },
      ],
    },
  })
  await tell({ kind: 'station.stream-opened', stationId, data: { streamId: 3, monitorId: 8, intervalS: 10 } })
  await tell(values(1.5, '230.1'))
  const open = {
    streamId: 3,
    monitorId: 8,
    intervalS: 10,
    valuesPerMessage: null,
    openedAt: expect.any(String),
    closedAt: null,
    last: { at: AT(2).replace('00.000', '01.500'), value: '230.1' },
    pending: 1,
  }
  expect(await shown('event-streams')).toEqual([open])
  await tell({ kind: 'station.stream-closed', stationId, data: { streamId: 3 } }, values(1e300, '2'))
  expect(await shown('event-streams')).toMatchObject([{ closedAt: expect.any(String), last: { value: '2' } }])
})

test('a session shows its priority, and what its station says that it costs, of which the end is the last word', async () => {
  const session = async () => (await it.ask('GET', '/v1/sessions/S-1')).body
  const cost = (final: boolean, inclTax: string): FactDraft => ({
    kind: 'session.station-cost',
    stationId,
    sessionId: 'S-1',
    data: { at: AT(1), final, currency: 'EUR', inclTax, details: {} },
  })
  const priority = (activated: boolean): FactDraft => ({
    kind: 'session.priority',
    stationId,
    sessionId: 'S-1',
    data: { transactionId: '77', activated, by: 'station' },
  })
  await tell(started)
  expect(await session()).toMatchObject({ priorityCharging: null, stationCost: null })
  await tell(priority(true), cost(false, '1.2'))
  expect(await session()).toMatchObject({
    priorityCharging: true,
    stationCost: { at: AT(1), final: false, currency: 'EUR', exclTax: null, inclTax: '1.2' },
  })
  await tell(priority(false), cost(true, '4.25'), cost(false, '3'))
  expect(await session()).toMatchObject({
    priorityCharging: false,
    stationCost: { final: true, inclTax: '4.25' },
  })
})

test('of one kind so many are kept, the newest; the list goes page by page', async () => {
  const reported = (ids: string[]): FactDraft => ({
    kind: 'station.der-controls',
    stationId,
    data: {
      requestId: 1,
      more: false,
      controls: ids.map((controlId) => ({ controlId, controlType: 'Gradients', settings: {} })),
    },
  })
  await tell(reported(Array.from({ length: MAX_NOTIFIED }, (_, n) => `c-${n}`)))
  it.platform.clock.advance(60_000)
  await tell(reported(['newest']))
  const seen: string[] = []
  for (let next: string | null = ''; next !== null; ) {
    const cursor = next === '' ? '' : `&cursor=${next}`
    const { body } = await it.ask('GET', `/v1/stations/CS-1/der-controls?limit=400${cursor}`)
    seen.push(...body.items.map((control: { controlId: string }) => control.controlId))
    next = body.next
  }
  expect(seen[0]).toBe('newest')
  expect(new Set(seen).size).toBe(seen.length)
  expect(seen.length).toBe(MAX_NOTIFIED)
})

test('a station that is removed is forgotten but for what was swapped and paid', async () => {
  await tell(
    {
      kind: 'station.payment-settled',
      stationId,
      data: { pspRef: 'p', status: 'Settled', amount: '1', at: AT(0) },
    },
    { kind: 'station.stream-opened', stationId, data: { streamId: 3, monitorId: 8 } },
    { kind: 'station.removed', stationId, data: { removal: 'r' } },
    ...booted,
  )
  expect(await shown('payments')).toHaveLength(1)
  expect(await shown('event-streams')).toEqual([])
  expect((await it.ask('GET', '/v1/stations/nobody/payments')).status).toBe(404)
})
