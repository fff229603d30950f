import { expect, it } from 'vitest'
import { emaidWritings, isSameToken } from './emaid.ts'

const emaid = (value: string) => ({ value, type: 'eMAID' })

it('an eMAID has the same writings however it is written, with a check digit or without', () => {
  const withDigit = ['DEABCC123456789', 'DE-ABC-C123456789', 'DE-ABC-C12345678-9']
  for (const value of withDigit) expect(emaidWritings(emaid(value))).toEqual(withDigit)
  const without = ['DEABCC12345678', 'DE-ABC-C12345678']
  for (const value of without) expect(emaidWritings(emaid(value.toLowerCase()))).toEqual(without)
  expect(emaidWritings(emaid('A-1'))).toEqual(['A1'])
  expect(emaidWritings({ value: 'DEABCC123456789', type: 'ISO14443' })).toEqual([])
})

it('hyphens count in every token but an eMAID', () => {
  expect(isSameToken(emaid('de-abc-c12345678-9'), emaid('DEABCC123456789'))).toBe(true)
  expect(isSameToken(emaid('DEABCC123456789'), emaid('DEABCC123456780'))).toBe(false)
  expect(isSameToken({ value: 'A-1', type: 'Local' }, { value: 'a-1', type: 'Central' })).toBe(true)
  expect(isSameToken({ value: 'A-1', type: 'Local' }, { value: 'A1', type: 'Local' })).toBe(false)
  expect(isSameToken(emaid('A-1'), { value: 'A1', type: 'Central' })).toBe(false)
})
