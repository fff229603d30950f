import Big from 'big.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { apiEnergyWh, currentToMa, decimalToInteger, energyToMilliWh, formatWh, powerToW } from './units.ts'

describe('energy', () => {
  it.each([
    ['20000', 'Wh', 20_000_000],
    ['20.000', 'kWh', 20_000_000],
    ['0.1', 'kWh', 100_000],
    ['1234567.8915', 'Wh', 1_234_567_892],
    ['-3', 'Wh', -3_000],
    ['1e3', 'Wh', 1_000_000],
    [' 12 ', undefined, 12_000],
    ['+7.', 'Wh', 7_000],
    ['.5', 'kWh', 500_000],
  ])('%s %s is %i milli-Wh', (value, unit, expected) => {
    expect(energyToMilliWh(value, unit)).toBe(expected)
  })

  it.each(['', '.', '-', 'e5', 'abc', '1,5', 'NaN', 'Infinity', '0x10', '1'.repeat(60), '9'.repeat(20)])(
    '"%s" cannot be read',
    (value) => {
      expect(energyToMilliWh(value, 'Wh')).toBeUndefined()
    },
  )

  it('does not take a unit that is no energy', () => {
    expect(energyToMilliWh('1', 'varh')).toBeUndefined()
  })

  it('applies the multiplier of OCPP 2.x as a power of ten', () => {
    expect(energyToMilliWh(2, 'Wh', 3)).toBe(2_000_000)
    expect(powerToW('7.4', 'kW')).toBe(7_400)
    expect(currentToMa('8.1', 'A')).toBe(8_100)
  })

  it('does not take a power of ten that no unit has', () => {
    for (const power of [31, 999_999, 1e300, -1e9]) expect(decimalToInteger('5', power)).toBeUndefined()
  })

  it('gives what decimal arithmetic gives, however a meter writes it', () => {
    const decimal = fc.tuple(
      fc.constantFrom('', '-', '+'),
      fc.nat(10 ** 9),
      fc.option(fc.nat(10 ** 7), { nil: undefined }),
      fc.constantFrom('', 'e1', 'E-2', 'e+3'),
    )
    fc.assert(
      fc.property(decimal, fc.integer({ min: -3, max: 6 }), ([sign, whole, fraction, exponent], power) => {
        const text = `${sign}${whole}${fraction === undefined ? '' : `.${fraction}`}${exponent}`
        const exact = new Big(text.replace('+', '')).times(new Big(10).pow(power)).round(0, Big.roundHalfUp)
        const wanted = Number(exact.toFixed(0))
        expect(decimalToInteger(text, power)).toBe(Number.isSafeInteger(wanted) ? wanted + 0 : undefined)
      }),
    )
  })

  it('keeps every milli-Wh through text and back', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (milliWh) => {
        expect(decimalToInteger(formatWh(milliWh), 3)).toBe(milliWh)
      }),
    )
  })

  it('shows at most three decimals', () => {
    expect(apiEnergyWh(20_000_000)).toBe(20_000)
    expect(JSON.stringify(apiEnergyWh(1_234_567))).toBe('1234.567')
  })
})
