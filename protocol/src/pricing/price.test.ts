import Big from 'big.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type PricedSession, price } from './price.ts'
import { PRICE_DIMENSIONS, type Tariff, tariff, unsupportedTerms } from './tariff.ts'

const EUR = 'EUR'
const HOUR = 3_600_000
const MINUTE = 60_000

function tariffOf(...components: Record<string, unknown>[]): Tariff {
  return tariff.parse({ id: 't', currency: EUR, elements: [{ price_components: components }] })
}

function sessionOf(over: Partial<PricedSession>): PricedSession {
  return {
    startedAt: '2026-03-01T08:00:00.000Z',
    endedAt: '2026-03-01T10:00:00.000Z',
    durationMs: 0,
    energyMilliWh: 0,
    ...over,
  }
}

describe('a price', () => {
  test('of energy is kWh times its rate, with VAT, and says so', () => {
    const cost = price(
      tariffOf({ type: 'ENERGY', price: '0.25', vat: 10 }),
      sessionOf({ energyMilliWh: 20_000_000 }),
    )
    expect(cost).toEqual({
      tariffId: 't',
      exclTax: '5.00',
      inclTax: '5.50',
      parts: [
        {
          type: 'ENERGY',
          quantity: '20',
          unit: 'kWh',
          price: '0.25',
          vatPercent: '10',
          exclTax: '5.00',
          inclTax: '5.50',
          text: '20 kWh × 0.25 EUR/kWh + 10 % VAT',
        },
      ],
    })
  })

  test('adds a flat fee once, each part with its own VAT', () => {
    const cost = price(
      tariffOf({ type: 'FLAT', price: 0.5, vat: 20 }, { type: 'ENERGY', price: 0.25, vat: 10 }),
      sessionOf({ energyMilliWh: 20_000_000 }),
    )
    expect([cost.exclTax, cost.inclTax]).toEqual(['5.50', '6.10'])
    expect(cost.parts.map((p) => p.text)).toEqual([
      '20 kWh × 0.25 EUR/kWh + 10 % VAT',
      '0.5 EUR per session + 20 % VAT',
    ])
  })

  test('of a whole session: energy, time and flat, to the cent', () => {
    const cost = price(
      tariffOf(
        { type: 'ENERGY', price: '0.39', vat: 19 },
        { type: 'TIME', price: '0.6', vat: 19 },
        { type: 'FLAT', price: '0.5', vat: 19 },
      ),
      sessionOf({ energyMilliWh: 20_000_000, durationMs: 2 * HOUR }),
    )
    // 7.80 + 1.20 + 0.50 excluding tax; 9.282 + 1.428 + 0.595 including it, each rounded half up.
    expect(cost.exclTax).toBe('9.50')
    expect(cost.parts.map((p) => [p.type, p.exclTax, p.inclTax])).toEqual([
      ['ENERGY', '7.80', '9.28'],
      ['TIME', '1.20', '1.43'],
      ['FLAT', '0.50', '0.60'],
    ])
    expect(cost.inclTax).toBe('11.31')
  })

  test('keeps fractions of a watt-hour and rates of four decimals exact', () => {
    const cost = price(
      tariffOf({ type: 'ENERGY', price: '0.3333' }),
      sessionOf({ energyMilliWh: 12_345_678 }),
    )
    expect(cost.parts[0]).toMatchObject({ quantity: '12.345678', vatPercent: null, exclTax: '4.11' })
    expect(cost.parts[0]?.text).toBe('12.345678 kWh × 0.3333 EUR/kWh')
  })

  test('rounds half cents up', () => {
    expect(price(tariffOf({ type: 'FLAT', price: '0.005' }), sessionOf({})).exclTax).toBe('0.01')
    expect(price(tariffOf({ type: 'FLAT', price: '0.0049' }), sessionOf({})).exclTax).toBe('0.00')
    // 0.1 h of 0.05 EUR is exactly half a cent.
    expect(price(tariffOf({ type: 'TIME', price: '0.05' }), sessionOf({ durationMs: 360_000 })).exclTax).toBe(
      '0.01',
    )
  })

  test('bills energy in steps, rounded up once', () => {
    const one = (energyMilliWh: number) =>
      price(tariffOf({ type: 'ENERGY', price: '0.25', step_size: 500 }), sessionOf({ energyMilliWh })).parts
    expect(one(115_200)).toMatchObject([{ quantity: '0.5', exclTax: '0.13' }])
    expect(one(500_000)).toMatchObject([{ quantity: '0.5', text: '0.5 kWh × 0.25 EUR/kWh' }])
    expect(one(500_001)).toMatchObject([{ quantity: '1', exclTax: '0.25' }])
    expect(one(500_001)[0]?.text).toBe('1 kWh (0.500001 kWh in steps of 500 Wh) × 0.25 EUR/kWh')
    expect(one(0)).toEqual([])
  })

  test('bills charging and parking time apart; the step of the last applies to it alone', () => {
    const twoRates = tariffOf(
      { type: 'TIME', price: 3, vat: 10, step_size: 60 },
      { type: 'PARKING_TIME', price: 5, vat: 20, step_size: 300 },
    )
    const parked = price(twoRates, sessionOf({ durationMs: 192 * MINUTE, parkingMs: 42 * MINUTE }))
    expect([parked.exclTax, parked.inclTax]).toEqual(['11.25', '12.75'])
    expect(parked.parts.map((p) => p.text)).toEqual([
      '2 h 30 min × 3 EUR/h + 10 % VAT',
      '45 min (42 min in steps of 5 min) × 5 EUR/h + 20 % VAT',
    ])

    // 21 min charging and 16 min parking, both in steps of 10 min: 41 min are billed.
    const tenMinutes = tariffOf(
      { type: 'TIME', price: 6, step_size: 600 },
      { type: 'PARKING_TIME', price: 6, step_size: 600 },
    )
    const both = price(tenMinutes, sessionOf({ durationMs: 37 * MINUTE, parkingMs: 16 * MINUTE }))
    expect(both.exclTax).toBe('4.10')
    const chargingOnly = price(tenMinutes, sessionOf({ durationMs: 21 * MINUTE }))
    expect(chargingOnly.exclTax).toBe('3.00')
  })

  test('leaves parking free, and steps the time, where no component prices parking', () => {
    const cost = price(
      tariffOf({ type: 'TIME', price: 6, step_size: 600 }),
      sessionOf({ durationMs: 37 * MINUTE, parkingMs: 16 * MINUTE }),
    )
    expect(cost.parts).toMatchObject([{ type: 'TIME', quantity: '0.5', exclTax: '3.00' }])
  })

  test('takes the first element that has the dimension', () => {
    const cost = price(
      tariff.parse({
        id: 't',
        currency: EUR,
        elements: [
          { price_components: [{ type: 'TIME', price: 1 }] },
          { price_components: [{ type: 'ENERGY', price: 2 }] },
          { price_components: [{ type: 'ENERGY', price: 9 }] },
        ],
      }),
      sessionOf({ energyMilliWh: 1_000_000, durationMs: HOUR }),
    )
    expect(cost.exclTax).toBe('3.00')
  })

  test('tells odd durations to the millisecond', () => {
    const cost = price(tariffOf({ type: 'TIME', price: 1 }), sessionOf({ durationMs: 3_661_500 }))
    expect(cost.parts[0]).toMatchObject({ quantity: '1.017083', text: '1 h 1 min 1.5 s × 1 EUR/h' })
  })

  test('refuses what no session can have', () => {
    const t = tariffOf({ type: 'ENERGY', price: 1 })
    expect(() => price(t, sessionOf({ energyMilliWh: -1 }))).toThrow(/energyMilliWh/)
    expect(() => price(t, sessionOf({ durationMs: 1.5 }))).toThrow(/durationMs/)
    expect(() => price(t, sessionOf({ durationMs: 1, parkingMs: 2 }))).toThrow(/parkingMs/)
  })
})

describe('a tariff', () => {
  test('is refused with a negative price or more than four places', () => {
    for (const wrong of [-0.1, '-0.1', 0.00001, '0.12345', 'a']) {
      expect(() => tariffOf({ type: 'ENERGY', price: wrong })).toThrow()
    }
  })

  test('names the terms that would not be billed', () => {
    const sent = {
      min_price: { excl_vat: 0.5 },
      elements: [{ restrictions: {} }, { restrictions: { start_time: '09:00' } }],
    }
    expect(unsupportedTerms(sent).map((t) => t.path)).toEqual(['min_price', 'elements.1.restrictions'])
    expect(unsupportedTerms({ elements: [{}] })).toEqual([])
  })

  test.each([
    [
      'a misspelt step',
      { price_components: [{ type: 'ENERGY', price: 1, stepsize: 500 }] },
      'price_components.0.stepsize',
    ],
    [
      'a price that never applies',
      {
        price_components: [
          { type: 'FLAT', price: 1 },
          { type: 'FLAT', price: 2 },
        ],
      },
      'price_components.1.type',
    ],
    [
      'a misspelt restriction',
      { price_components: [{ type: 'FLAT', price: 1 }], restriction: { start_time: '10:00' } },
      'restriction',
    ],
  ])('a tariff is refused for %s', (_, element, path) => {
    const sent = { id: 't', currency: 'EUR', elements: [element] }
    expect(unsupportedTerms(sent).map((t) => t.path)).toEqual([`elements.0.${path}`])
  })

  test('a tariff is refused for a currency that is none, or whose amounts have other decimals than two', () => {
    const paths = (currency: string) =>
      unsupportedTerms({ id: 't', currency, elements: [] }).map((t) => t.path)
    expect([paths('EUR'), paths('SEK')]).toEqual([[], []])
    expect([paths('XQZ'), paths('JPY'), paths('KWD')]).toEqual([['currency'], ['currency'], ['currency']])
  })

  test('what says nothing about the price may stand in a tariff', () => {
    const sent = {
      id: 't',
      currency: 'EUR',
      elements: [],
      country_code: 'DE',
      last_updated: '2026-01-01T00:00:00Z',
    }
    expect(unsupportedTerms(sent)).toEqual([])
    expect(unsupportedTerms({ ...sent, tax_included: 'YES' }).map((t) => t.path)).toEqual(['tax_included'])
  })
})

describe('for any tariff and session', () => {
  const amount = fc
    .tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 9999 }))
    .map(([whole, fraction]) => `${whole}.${String(fraction).padStart(4, '0')}`)
  const component = fc.record(
    {
      type: fc.constantFrom(...PRICE_DIMENSIONS),
      price: amount,
      vat: fc.integer({ min: 0, max: 30 }),
      step_size: fc.constantFrom(0, 1, 60, 300, 500, 900, 1000, 8000),
    },
    { requiredKeys: ['type', 'price'] },
  )
  const anyTariff = fc
    .array(fc.array(component, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 })
    .map((elements) =>
      tariff.parse({
        id: 't',
        currency: EUR,
        elements: elements.map((price_components) => ({ price_components })),
      }),
    )
  const anySession = fc
    .record({
      energyMilliWh: fc.integer({ min: 0, max: 2_000_000_000 }),
      durationMs: fc.integer({ min: 0, max: 7 * 24 * HOUR }),
      parked: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ energyMilliWh, durationMs, parked }) =>
      sessionOf({ energyMilliWh, durationMs, parkingMs: Math.floor(durationMs * parked) }),
    )

  test('the parts add up to the total, none is negative, tax never reduces', () => {
    fc.assert(
      fc.property(anyTariff, anySession, (t, s) => {
        const cost = price(t, s)
        const total = (key: 'exclTax' | 'inclTax') =>
          cost.parts.reduce((sum, p) => sum.plus(p[key]), new Big(0)).toFixed(2)
        expect(total('exclTax')).toBe(cost.exclTax)
        expect(total('inclTax')).toBe(cost.inclTax)
        for (const p of cost.parts) {
          expect(new Big(p.exclTax).gte(0)).toBe(true)
          expect(new Big(p.inclTax).gte(p.exclTax)).toBe(true)
        }
      }),
    )
  })

  test('more energy never costs less', () => {
    fc.assert(
      fc.property(anyTariff, anySession, fc.integer({ min: 0, max: 1_000_000 }), (t, s, more) => {
        const less = price(t, s)
        const greater = price(t, { ...s, energyMilliWh: s.energyMilliWh + more })
        expect(new Big(greater.inclTax).gte(less.inclTax)).toBe(true)
      }),
    )
  })
})
