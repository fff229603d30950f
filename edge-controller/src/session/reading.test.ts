import { expect, it } from 'vitest'
import { currentOf, firstRegister, lastRegister, powerOf, registerOf, socOf } from './reading.ts'

const value = (value: string, more: object = {}) => ({
  measurand: 'Energy.Active.Import.Register',
  value,
  ...more,
})

it('a register is read exactly, in Wh, kWh or by a power of ten', () => {
  expect(registerOf([value('1234.567')])).toBe(1_234_567)
  expect(registerOf([value('1.0007', { unit: 'kWh' })])).toBe(1_000_700)
  expect(registerOf([value('12', { unit: 'Wh', multiplier: 2 })])).toBe(1_200_000)
  expect(registerOf([value('0.1'), value('9')])).toBe(100)
})

it('the phases are summed only where there is no total', () => {
  const phases = ['L1', 'L2-N', 'L3'].map((phase) => value('100', { phase }))
  expect(registerOf(phases)).toBe(300_000)
  expect(registerOf([...phases, value('500')])).toBe(500_000)
})

it('what is not at the outlet is not what was delivered', () => {
  expect(registerOf([value('5', { location: 'EV' })])).toBeUndefined()
  expect(registerOf([value('7', { location: 'Inlet' }), value('5', { location: 'Outlet' })])).toBe(5_000)
  expect(registerOf([value('7', { location: 'Inlet' })])).toBe(7_000)
})

it('what cannot be read is not there', () => {
  expect(registerOf([value('n/a')])).toBeUndefined()
  expect(registerOf([value('')])).toBeUndefined()
  expect(registerOf([value('5', { unit: 'varh' })])).toBeUndefined()
  expect(registerOf([])).toBeUndefined()
})

it('power, current and state of charge', () => {
  expect(powerOf([{ measurand: 'Power.Active.Import', value: '7.4', unit: 'kW' }])).toBe(7_400)
  const current = (value: string, phase?: string) => ({
    measurand: 'Current.Import',
    value,
    ...(phase ? { phase } : {}),
  })
  expect(currentOf([current('16.1', 'L1'), current('15', 'L3')])).toEqual([16_100, 0, 15_000])
  expect(currentOf([current('8')])).toEqual([8_000])
  expect(socOf([{ measurand: 'SoC', value: '55.4' }])).toBe(55)
  expect(socOf([{ measurand: 'SoC', value: '255' }])).toBeUndefined()
})

it('the first and the last register go by time, and by context where one is asked for', () => {
  const readings = [
    { atMs: 3, values: [value('3', { context: 'Transaction.End' })] },
    { atMs: 1, values: [value('1')] },
    { atMs: 4, values: [{ measurand: 'Voltage', value: '230' }] },
  ]
  expect(firstRegister(readings)).toEqual({ atMs: 1, milliWh: 1_000 })
  expect(lastRegister(readings)).toEqual({ atMs: 3, milliWh: 3_000 })
  expect(lastRegister(readings, 'Transaction.End')).toEqual({ atMs: 3, milliWh: 3_000 })
  expect(firstRegister(readings, 'Transaction.Begin')).toBeUndefined()
})
