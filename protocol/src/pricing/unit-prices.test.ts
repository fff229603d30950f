import { expect, it } from 'vitest'
import type { Tariff } from './tariff.ts'
import { priceText, unitPrices } from './unit-prices.ts'

const component = (type: 'ENERGY' | 'TIME' | 'FLAT', price: string, vat?: string) => ({
  ...{ type, price, step_size: 1 },
  ...(vat === undefined ? {} : { vat }),
})
const tariff = (...elements: ReturnType<typeof component>[][]): Tariff => ({
  id: 't',
  currency: 'EUR',
  elements: elements.map((price_components) => ({ price_components })),
})

it('has tax within, at most four places, and the first price of a dimension', () => {
  const sent = tariff(
    [component('ENERGY', '0.3333', '19')],
    [component('ENERGY', '9'), component('FLAT', '1')],
  )
  expect(unitPrices(sent)).toEqual({ perKWh: '0.3966', perSession: '1' })
  expect(priceText(sent, undefined)).toBe('0.3966 EUR/kWh + 1 EUR')
})

it('says that nothing is asked where that is so', () => {
  expect(unitPrices(tariff([component('TIME', '0')]))).toEqual({})
  expect(priceText(tariff([component('TIME', '0')]), 'de')).toBe('0 EUR')
})
