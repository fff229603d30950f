import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { corrected, isPlausible, type Moment, place } from './timing.ts'

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

/** A station on the line since before the session. */
const online = { connectedMonoMs: 0 }

it('the clock was set forward on a standing connection: receive times show it', () => {
  const start = { atMs: at('10:00:00'), received: received('10:00:01') }
  const end = { atMs: at('12:30:00'), received: received('11:30:00', { ...online, quality: 'holdover' }) }
  expect(place(start, end)).toEqual({
    startedAtMs: at('10:00:00'),
    endedAtMs: at('11:29:59'),
    sure: true,
  })
})

it('the clock was set back: a later message that told a later time shows it; without one nobody can say', () => {
  const start = { atMs: at('10:00:00'), received: received('10:00:00') }
  const end = { atMs: at('10:30:00'), received: received('11:30:00', online) }
  expect(place(start, end, at('11:00:00'))).toEqual({
    startedAtMs: at('10:00:00'),
    endedAtMs: at('11:30:00'),
    sure: true,
  })
  expect(place(start, end, at('10:20:00')).sure).toBe(false)
})

it('a queue keeps its times: the station was away in between', () => {
  const start = { atMs: at('10:00:00'), received: received('10:00:00') }
  const back = { connectedMonoMs: received('11:29:00').monoMs }
  const end = { atMs: at('10:30:00'), received: received('11:30:00', back) }
  expect(place(start, end)).toEqual({ startedAtMs: at('10:00:00'), endedAtMs: at('10:30:00'), sure: true })
})

it('a station that has its time from us, while we do not know it: review, until it is known', () => {
  const unset = (time: string) => received(time, { quality: 'unknown', monoMs: at(time) - at('07:59:00') })
  const start = { atMs: at('08:00:00'), received: unset('08:00:00') }
  const end = { atMs: at('09:00:00'), received: unset('09:00:00') }
  expect(place(start, end).sure).toBe(false)
  // The box was off for three hours: what it took for nine was twelve.
  const now = { ...unset('09:30:00'), nowMs: at('12:30:00'), quality: 'synced' as const }
  expect(place(corrected(start, now), corrected(end, now))).toEqual({
    startedAtMs: at('11:00:00'),
    endedAtMs: at('12:00:00'),
    sure: true,
  })
})

it('a station that knows the time better than we do is believed, and not corrected', () => {
  const unset = (time: string) => received(time, { quality: 'unknown', monoMs: at(time) - at('07:59:00') })
  const start = { atMs: at('11:00:00'), received: unset('08:00:00') }
  const end = { atMs: at('12:00:00'), received: unset('09:00:00') }
  expect(place(start, end)).toEqual({ startedAtMs: start.atMs, endedAtMs: end.atMs, sure: true })
  const now = { ...unset('09:30:00'), nowMs: at('12:30:00'), quality: 'synced' as const }
  expect(corrected(start, now).atMs).toBe(start.atMs)
})

it('another boot corrects nothing', () => {
  const start = { atMs: at('08:00:00'), received: received('08:00:00', { quality: 'unknown' }) }
  expect(corrected(start, received('12:00:00', { bootId: 'boot-2' }))).toEqual(start)
})

describe('whatever clocks do', () => {
  const HOUR = 3_600_000
  const offset = fc.constantFrom(
    0,
    0,
    90_000,
    HOUR,
    -HOUR,
    -3 * HOUR,
    -56 * 365 * 24 * HOUR,
    70 * 365 * 24 * HOUR,
  )
  const quality = fc.constantFrom('synced' as const, 'holdover' as const, 'unknown' as const)
  const said = fc.record({
    stationOffMs: offset,
    ourOffMs: offset,
    quality,
    delayMs: fc.constantFrom(0, 0, 1_000, 5 * HOUR),
  })

  it('a session never ends before it starts', () => {
    fc.assert(
      fc.property(said, said, fc.nat(30 * HOUR), fc.boolean(), (first, second, lastsMs, reboots) => {
        const told = (atMs: number, it: typeof first, bootId: string) => ({
          atMs: atMs + it.stationOffMs,
          received: {
            nowMs: atMs + it.delayMs + (it.quality === 'synced' ? 0 : it.ourOffMs),
            monoMs: atMs + it.delayMs - at('00:00:00'),
            bootId,
            quality: it.quality,
          },
        })
        const start = told(at('10:00:00'), first, 'boot-1')
        const end = told(at('10:00:00') + lastsMs, second, reboots ? 'boot-2' : 'boot-1')
        const placed = place(start, end)
        expect(placed.endedAtMs).toBeGreaterThanOrEqual(placed.startedAtMs)
      }),
    )
  })

  it('a session told of live on a standing connection, by a clock that was set within it, keeps its true length or goes to review', () => {
    fc.assert(
      fc.property(
        offset,
        offset,
        fc.integer({ min: 60_000, max: 30 * HOUR }),
        (startOffMs, endOffMs, lastsMs) => {
          const moment = (atMs: number) => ({
            nowMs: atMs,
            monoMs: atMs - at('00:00:00'),
            bootId: 'boot-1',
            quality: 'synced' as const,
            connectedMonoMs: 0,
          })
          const [startMs, endMs] = [at('10:00:00'), at('10:00:00') + lastsMs]
          const placed = place(
            { atMs: startMs + startOffMs, received: moment(startMs) },
            { atMs: endMs + endOffMs, received: moment(endMs) },
          )
          const isRight = Math.abs(placed.endedAtMs - placed.startedAtMs - lastsMs) <= 2 * 60_000
          // A start from a clock that was wrong already looks like one out of a queue: its word stands.
          const looksQueued = Math.abs(startOffMs) > 2 * 60_000 && startOffMs > -10 * 365 * 24 * HOUR
          expect(isRight || !placed.sure || looksQueued).toBe(true)
        },
      ),
    )
  })
})

it('times that are counted back from monotonic time are whole milliseconds, as facts need them', () => {
  const unknown = received('08:00:00', { quality: 'unknown', monoMs: 1_000.25 })
  const now = received('12:00:00', { monoMs: 61_000.7 })
  const { atMs, received: then } = corrected({ atMs: at('08:00:00'), received: unknown }, now)
  expect([atMs, then.nowMs].every(Number.isInteger)).toBe(true)
})
