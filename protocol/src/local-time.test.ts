import { expect, it } from 'vitest'
import { instantOfWall } from './local-time.ts'

const ms = (text: string) => Date.parse(text)
const read = (wall: string, zone: string, near = wall) => {
  const atMs = instantOfWall(ms(wall), zone, ms(near))
  return atMs === undefined ? undefined : new Date(atMs).toISOString()
}

it('a wall clock is read by the offset of its zone at that time', () => {
  expect(read('2026-11-23T22:00:00.250Z', 'Europe/Berlin')).toBe('2026-11-23T21:00:00.250Z')
  expect(read('2026-07-23T22:00:00Z', 'Europe/Berlin')).toBe('2026-07-23T20:00:00.000Z')
  expect(read('2026-11-23T22:00:00Z', 'America/Los_Angeles')).toBe('2026-11-24T06:00:00.000Z')
  expect(read('2026-11-23T22:00:00Z', 'Asia/Kathmandu')).toBe('2026-11-23T16:15:00.000Z')
  expect(read('1970-01-01T01:00:00Z', 'Europe/Berlin')).toBe('1970-01-01T00:00:00.000Z')
})

it('right before and after a change of the clocks too', () => {
  expect(read('2026-03-29T01:59:59Z', 'Europe/Berlin')).toBe('2026-03-29T00:59:59.000Z')
  expect(read('2026-03-29T03:00:00Z', 'Europe/Berlin')).toBe('2026-03-29T01:00:00.000Z')
  expect(read('2026-10-25T01:59:59Z', 'Europe/Berlin')).toBe('2026-10-24T23:59:59.000Z')
  expect(read('2026-10-25T03:00:00Z', 'Europe/Berlin')).toBe('2026-10-25T02:00:00.000Z')
})

it('of the hour that comes twice the one nearer to when it was heard is meant', () => {
  expect(read('2026-10-25T02:30:00Z', 'Europe/Berlin', '2026-10-25T00:30:02Z')).toBe(
    '2026-10-25T00:30:00.000Z',
  )
  expect(read('2026-10-25T02:30:00Z', 'Europe/Berlin', '2026-10-25T01:30:02Z')).toBe(
    '2026-10-25T01:30:00.000Z',
  )
  expect(read('2026-10-25T02:30:00Z', 'Europe/Berlin', '2026-10-26T09:00:00Z')).toBe(
    '2026-10-25T01:30:00.000Z',
  )
})

it('of the hour that is skipped, what a clock that was not set shows', () => {
  expect(read('2026-03-29T02:30:00Z', 'Europe/Berlin')).toBe('2026-03-29T01:30:00.000Z')
})

it('a zone that there is not reads nothing', () => {
  expect(read('2026-11-23T22:00:00Z', 'Nowhere/Else')).toBeUndefined()
})
