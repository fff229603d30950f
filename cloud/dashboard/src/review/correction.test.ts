import type { ReviewValues } from '@switchyard/protocol/api/reviews.ts'
import { expect, test } from 'vitest'
import { kwhField, whOfKwh } from '../format/energy.ts'
import { epochOfZoned, zonedText } from '../format/zoned-input.ts'
import { correctionOf } from './correction.ts'

const told: ReviewValues = {
  startedAt: '2026-11-23T12:00:00.250Z',
  endedAt: '2026-11-23T13:00:00.000Z',
  durationMs: 3_599_750,
  startRegisterWh: 0,
  endRegisterWh: 910_083,
  energyWh: 910_083,
  idToken: { value: 'TAG', type: 'ISO14443' },
}
const BERLIN = 'Europe/Berlin'

/** The form as it opens, with what a person changed. */
function form(changed: Record<string, string> = {}): FormData {
  const data = new FormData()
  const shown = {
    startRegister: kwhField(told.startRegisterWh),
    endRegister: kwhField(told.endRegisterWh),
    energy: '',
    startedAt: zonedText(Date.parse(told.startedAt), BERLIN),
    endedAt: '2026-11-23T14:00',
    idToken: 'TAG',
    ...changed,
  }
  for (const [name, value] of Object.entries(shown)) data.set(name, value)
  return data
}

test('only what a person changed is sent', () => {
  expect(correctionOf(form(), told, BERLIN)).toEqual({})
  expect(correctionOf(form({ startRegister: '910,0' }), told, BERLIN)).toEqual({ startRegisterWh: '910000' })
  expect(correctionOf(form({ idToken: '', override: 'on' }), told, BERLIN)).toEqual({
    idToken: null,
    override: true,
  })
  expect(correctionOf(form({ endedAt: '2026-11-23T14:05' }), told, BERLIN)).toEqual({
    endedAt: '2026-11-23T13:05:00.000Z',
  })
})

test('what cannot be read is named', () => {
  expect(() => correctionOf(form({ energy: 'much' }), told, BERLIN)).toThrow('"much" is no amount of kWh')
  expect(() => correctionOf(form({ startedAt: 'noon' }), told, BERLIN)).toThrow('"noon" is no date and time')
})

test('energy goes to the API digit by digit', () => {
  expect(['910.083', '0.0005', '007', '1,5', '0'].map(whOfKwh)).toEqual([
    '910083',
    '0.5',
    '7000',
    '1500',
    '0',
  ])
  expect(['', '-1', '1.1234567', '1e3', '.5'].map(whOfKwh)).toEqual(Array(5).fill(undefined))
  expect([0, 83, 910_083, 0.5].map(kwhField)).toEqual(['0', '0.083', '910.083', '0.0005'])
})

test('times are those of the site, on the days of a clock change too', () => {
  expect(zonedText(Date.parse('2026-07-01T22:30:00Z'), BERLIN)).toBe('2026-07-02T00:30:00')
  const utc = (text: string) => new Date(epochOfZoned(text, BERLIN)!).toISOString()
  expect(utc('2026-07-02T00:30:00')).toBe('2026-07-01T22:30:00.000Z')
  expect(utc('2026-11-23T14:05')).toBe('2026-11-23T13:05:00.000Z')
  // 02:30 comes twice on that day, and not at all on the other.
  expect(utc('2026-10-25T02:30:00')).toBe('2026-10-25T00:30:00.000Z')
  expect(utc('2026-10-25T03:30:00')).toBe('2026-10-25T02:30:00.000Z')
  expect(utc('2026-03-29T02:30:00')).toBe('2026-03-29T01:30:00.000Z')
  expect(utc('2026-03-29T03:30:00')).toBe('2026-03-29T01:30:00.000Z')
  expect(epochOfZoned('', BERLIN)).toBeUndefined()
})
