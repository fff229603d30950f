import { describe, expect, it } from 'vitest'
import { instant, isKeepable, parseInstant } from './instant.ts'

describe('instants', () => {
  it.each([
    ['2026-11-23T15:00:00Z', '2026-11-23T15:00:00.000Z'],
    ['2026-11-23T15:00:00.123456Z', '2026-11-23T15:00:00.123Z'],
    ['2026-11-23T16:00:00+01:00', '2026-11-23T15:00:00.000Z'],
    ['2026-11-23T16:00:00+0100', '2026-11-23T15:00:00.000Z'],
    ['2026-11-23 15:00:00', '2026-11-23T15:00:00.000Z'],
    ['1970-01-01T00:00:00z', '1970-01-01T00:00:00.000Z'],
  ])('%s is %s', (text, expected) => {
    expect(instant(parseInstant(text)!)).toBe(expected)
  })

  it.each(['', 'today', '2026-11-23', '2026-13-01T00:00:00Z', '23.11.2026 15:00'])('"%s" is none', (text) => {
    expect(parseInstant(text)).toBeUndefined()
  })

  it('of the year 0 cannot be kept, the date of a clock that was never set can', () => {
    expect(isKeepable(parseInstant('0000-12-31T23:59:59Z')!)).toBe(false)
    expect(isKeepable(parseInstant('0001-01-01T00:00:00Z')!)).toBe(true)
    expect(isKeepable(parseInstant('0001-01-01T00:00:00+05:00')!)).toBe(false)
  })
})
