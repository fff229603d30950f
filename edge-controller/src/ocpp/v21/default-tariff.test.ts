/** The default tariff that the site keeps a 2.1 station at, over a socket, by a station that is strict about the schemas. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { PriceComponent, Tariff } from '@switchyard/protocol/pricing/tariff.ts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { connect21, type Station } from '../../testing/connect-21.ts'
import { TestController } from '../../testing/test-controller.ts'
import { defaultTariff } from './default-tariff.ts'

const component = (type: PriceComponent['type'], price: string, step_size = 1): PriceComponent => ({
  ...{ type, price, step_size, vat: '19' },
})
const tariff = (...price_components: PriceComponent[]): Tariff => ({
  ...{ id: 'day', currency: 'EUR', elements: [{ price_components }] },
})
const DAY = tariff(component('ENERGY', '0.4'), component('TIME', '3'), component('FLAT', '1'))

let site: TestController
let station: Station
let has: JsonObject | undefined
let word: string
beforeEach(async () => {
  has = undefined
  word = 'Accepted'
  site = await TestController.start()
  await open()
})
async function open() {
  station = await connect21(site.url, 'CP1')
  station.handle('SetDefaultTariff', ({ evseId, tariff: said }) => {
    expect(evseId).toBe(0)
    if (has?.tariffId === (said as JsonObject).tariffId) return { status: 'DuplicateTariffId' }
    if (word === 'Accepted') has = said as JsonObject
    return { status: word }
  })
  station.handle('ClearTariffs', ({ tariffIds }) => {
    const [tariffId] = tariffIds as string[]
    const status = has?.tariffId === tariffId ? 'Accepted' : 'NoTariff'
    if (status === 'Accepted') has = undefined
    return { clearTariffsResult: [{ tariffId: tariffId!, status }] }
  })
}
afterEach(async () => {
  await station.close()
  await site.stop()
})

const boot = () =>
  station.call('BootNotification', {
    reason: 'PowerUp',
    chargingStation: { vendorName: 'V', model: 'M' },
  })
const told = (n: number) =>
  site.until(async () => (await site.factsOf('station.tariff'))[n - 1]).then(({ data }) => data)

it('is set after a boot where the site wants it, as billing computes, changes with the tariff, and goes with the wish', async () => {
  await site.apply('tariffs', { default: DAY, byStation: {} })
  await site.apply('site', { runningCost: true })
  await boot()
  const { tariffId } = await told(1)
  expect(await told(1)).toEqual({ tariffId, outcome: 'set' })
  const taxRates = [{ type: 'VAT', tax: 19 }]
  expect(has).toEqual({
    tariffId,
    currency: 'EUR',
    energy: { prices: [{ priceKwh: 0.4 }], taxRates },
    // Time is billed whether the car draws or not.
    chargingTime: { prices: [{ priceMinute: 0.05 }], taxRates },
    idleTime: { prices: [{ priceMinute: 0.05 }], taxRates },
    fixedFee: { prices: [{ priceFixed: 1 }], taxRates },
  })
  // What it has since before its boot it need not take again.
  await boot()
  expect(await told(2)).toEqual({ tariffId, outcome: 'set' })
  await site.apply('tariffs', { default: tariff(component('ENERGY', '0.5')), byStation: {} })
  expect(await told(3)).toMatchObject({ outcome: 'set' })
  expect(has).toMatchObject({ energy: { prices: [{ priceKwh: 0.5 }] } })
  expect(has?.tariffId).not.toBe(tariffId)
  await site.apply('site', {})
  expect(await told(4)).toMatchObject({ tariffId: (await told(3)).tariffId, outcome: 'cleared' })
  expect(has).toBeUndefined()
})

it('a tariff that the station would compute otherwise is not told, and the one before it is taken back', async () => {
  await site.apply('tariffs', { default: DAY, byStation: {} })
  await site.apply('site', { runningCost: true })
  await boot()
  await told(1)
  await site.apply('tariffs', { default: tariff(component('ENERGY', '0.4', 1000)), byStation: {} })
  expect(await told(2)).toMatchObject({ outcome: 'unfit', reason: expect.stringContaining('steps') })
  expect(await told(3)).toMatchObject({ outcome: 'cleared' })
  expect(has).toBeUndefined()
})

it("a tariff of which the answer was lost is the site's own all the same", async () => {
  await site.apply('tariffs', { default: DAY, byStation: {} })
  await site.apply('site', { runningCost: true })
  const taken = new Promise<void>((resolve) =>
    station.handle('SetDefaultTariff', ({ tariff: said }) => {
      has = said as JsonObject
      resolve()
      return new Promise<never>(() => {})
    }),
  )
  await boot()
  await taken
  await station.close()
  await open()
  await station.call('Heartbeat', {})
  expect(await told(1)).toMatchObject({ outcome: 'set' })
  await site.apply('site', {})
  expect(await told(2)).toMatchObject({ outcome: 'cleared' })
  expect(has).toBeUndefined()
})

it("a refusal is told with the station's word; nothing is sent where nobody wants it", async () => {
  await site.apply('tariffs', { default: DAY, byStation: {} })
  await boot()
  await station.call('Heartbeat', {})
  expect(await site.factsOf('station.tariff')).toEqual([])
  word = 'TooManyElements'
  await site.apply('site', { runningCost: true })
  expect(await told(1)).toMatchObject({ outcome: 'refused', reason: 'TooManyElements' })
})

it.each([
  ['3', 0.05],
  ['0.0003', 0.000005],
  ['1', undefined],
  ['0.01', undefined],
])('%s an hour by the minute: %s', (price, priceMinute) => {
  const said = defaultTariff(tariff(component('TIME', price)))
  if (priceMinute === undefined)
    expect(said).toMatchObject({ unfit: expect.stringContaining('by the minute') })
  else
    expect(said).toMatchObject({ call: { payload: { tariff: { idleTime: { prices: [{ priceMinute }] } } } } })
})
