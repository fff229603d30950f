import { expect, it } from 'vitest'
import { isPlausible, type Moment, place } from './timing.ts'

const at = (time: string) => Date.parse(`2026-11-23T${time}Z`)
const received = (time: string, more: Partial<Moment> = {}): Moment => ({
  nowMs: at(time),
  monoMs: at(time) - at('00:00:00'),
  bootId: 'boot-1',
  quality: 'synced',
  ...more,
})

it('the times of the station stand, also when they come hours later out of a queue', () => {
  const start = { atMs: at('08:00:00'), received: received('12:00:00') }
  const end = { atMs: at('10:00:00'), received: received('12:00:01') }
  expect(place(start, end)).toEqual({ startedAtMs: at('08:00:00'), endedAtMs: at('10:00:00'), sure: true })
})

it('years before charging stations and the future are no times, but only a synced clock knows the future', () => {
  expect(isPlausible(0, received('12:00:00'))).toBe(false)
  expect(isPlausible(at('13:00:00'), received('12:00:00'))).toBe(false)
  expect(isPlausible(at('12:09:00'), received('12:00:00'))).toBe(true)
  expect(isPlausible(at('13:00:00'), received('12:00:00', { quality: 'unknown' }))).toBe(true)
})

it('a clock that was set in between: monotonic time tells the duration', () => {
  const start = { atMs: 60_000, received: received('08:00:00') }
  const end = { atMs: at('10:00:00'), received: received('10:00:00') }
  expect(place(start, end)).toEqual({ startedAtMs: at('08:00:00'), endedAtMs: at('10:00:00'), sure: true })
  const back = { atMs: at('07:30:00'), received: received('10:00:00') }
  expect(place({ atMs: at('08:00:00'), received: received('08:00:00') }, back)).toMatchObject({
    endedAtMs: at('07:30:00'),
    startedAtMs: at('05:30:00'),
    sure: true,
  })
})

it('and over a restart of ours nobody knows: review', () => {
  const start = { atMs: 60_000, received: received('08:00:00') }
  const end = { atMs: at('10:00:00'), received: received('10:00:00', { bootId: 'boot-2', monoMs: 5 }) }
  const placed = place(start, end)
  expect(placed.sure).toBe(false)
  expect(placed.endedAtMs).toBeGreaterThanOrEqual(placed.startedAtMs)
})

it('a clock that was never set keeps the duration, not the time of day: review', () => {
  const placed = place(
    { atMs: 60_000, received: received('12:00:00') },
    { atMs: 3_660_000, received: received('12:00:01') },
  )
  expect(placed).toEqual({ startedAtMs: at('11:00:01'), endedAtMs: at('12:00:01'), sure: false })
})

it('a clock that was never set, told of live: our clock says when it was', () => {
  const start = { atMs: 60_000, received: received('11:00:00') }
  const end = { atMs: 3_660_000, received: received('12:00:01') }
  expect(place(start, end)).toEqual({ startedAtMs: at('11:00:01'), endedAtMs: at('12:00:01'), sure: true })
  const unset = { ...end, received: received('12:00:01', { quality: 'unknown' as const }) }
  expect(place(start, unset).sure).toBe(false)
})

it('a clock that leapt by years in a session: review, unless monotonic time agrees', () => {
  const start = { atMs: Date.parse('2021-01-01T00:00:00Z'), received: received('11:00:00') }
  const end = { atMs: at('12:00:00'), received: received('12:00:00') }
  expect(place(start, end).sure).toBe(false)
  const forty = { ...end, atMs: at('11:00:00') + 40 * 86_400_000 }
  const late = received('11:00:00', {
    nowMs: forty.atMs,
    monoMs: received('11:00:00').monoMs + 40 * 86_400_000,
  })
  expect(
    place({ atMs: at('11:00:00'), received: received('11:00:00') }, { ...forty, received: late }).sure,
  ).toBe(true)
})

it('with no clock at all nobody knows: review', () => {
  const unset = (time: string) => received(time, { quality: 'unknown' })
  const start = { atMs: at('08:00:00'), received: unset('08:00:00') }
  expect(place(start, { atMs: 60_000, received: unset('10:00:00') }).sure).toBe(false)
})
