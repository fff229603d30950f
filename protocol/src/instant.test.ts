import { describe, expect, it } from 'vitest'
import { instant, parseInstant } from './instant.ts'

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
})
