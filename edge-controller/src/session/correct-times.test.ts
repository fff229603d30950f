import { expect, it } from 'vitest'
import { meterValues } from '../ocpp/v16/meter-values.ts'
import { startTransaction } from '../ocpp/v16/start-transaction.ts'
import { stopTransaction } from '../ocpp/v16/stop-transaction.ts'
import { Decisions } from '../testing/decide.ts'
import { correctTimes } from './correct-times.ts'
import { presumeEnd } from './end.ts'
import { sessionById } from './session.ts'

const HOUR_MS = 3_600_000

/** A box that woke at the time it went down, three hours ago, with a station that has its time from it. */
function wokenTooEarly() {
  const d = new Decisions()
  d.quality = 'unknown'
  d.pass(60_000)
  const now = () => new Date(d.nowMs).toISOString()
  const start = (meterStart: number) =>
    d.take(startTransaction, { connectorId: 1, idTag: 'TAG', meterStart, timestamp: now() }).reply
      .transactionId
  const stop = (transactionId: number, meterStop: number) =>
    d.take(stopTransaction, { transactionId, meterStop, timestamp: now() }).facts
  const sync = () => {
    const before = d.context().at
    d.nowMs += 3 * HOUR_MS
    d.quality = 'synced'
    return d.decide((draft, context) => correctTimes(draft, context, before))
  }
  return { d, now, start, stop, sync }
}

it('a session that ended before the time was known is held, and told again at its true time once it is', () => {
  const { d, start, stop, sync } = wokenTooEarly()
  const id = start(1_000)
  d.pass(HOUR_MS)
  const ended = stop(id, 5_000).find((f) => f.kind === 'session.ended')
  expect(ended?.data).toMatchObject({ revision: 1, review: ['unplaceable-time'] })
  d.pass(60_000)
  expect(sync()).toMatchObject([
    {
      kind: 'session.ended',
      data: {
        revision: 2,
        review: [],
        startedAt: '2026-11-23T15:01:00.000Z',
        endedAt: '2026-11-23T16:01:00.000Z',
        energyMilliWh: 4_000_000,
      },
    },
  ])
  expect(sync()).toEqual([])
})

it('a session that runs gets its true start, and ends at its true times', () => {
  const { d, now, start, stop, sync } = wokenTooEarly()
  const id = start(1_000)
  d.pass(HOUR_MS / 2)
  d.take(meterValues, {
    connectorId: 1,
    transactionId: id,
    meterValue: [{ timestamp: now(), sampledValue: [{ value: '3000' }] }],
  })
  expect(sync()).toMatchObject([{ kind: 'session.updated', data: { startedAt: '2026-11-23T15:01:00.000Z' } }])
  d.pass(HOUR_MS / 2)
  const ended = stop(id, 5_000).find((f) => f.kind === 'session.ended')
  expect(ended?.data).toMatchObject({
    revision: 1,
    review: [],
    startedAt: '2026-11-23T15:01:00.000Z',
    endedAt: '2026-11-23T16:01:00.000Z',
    profile: [{ at: '2026-11-23T15:31:00.000Z', registerMilliWh: 3_000_000 }],
  })
})

it('a session that was presumed over before the time was known is placed by its registers', () => {
  const { d, now, start, sync } = wokenTooEarly()
  const id = start(1_000)
  d.pass(HOUR_MS)
  d.take(meterValues, {
    connectorId: 1,
    transactionId: id,
    meterValue: [{ timestamp: now(), sampledValue: [{ value: '4000' }] }],
  })
  d.decide((draft, context) => presumeEnd(draft, context, sessionById(draft, 'session-1')!, 'Silence'))
  expect(sync()).toMatchObject([
    {
      kind: 'session.ended',
      data: { revision: 2, presumed: true, review: [], endedAt: '2026-11-23T16:01:00.000Z' },
    },
  ])
})

it('what a station with a clock of its own said stays as it was billed', () => {
  const { d, sync } = wokenTooEarly()
  const own = () => new Date(d.nowMs + 3 * HOUR_MS).toISOString()
  const { transactionId } = d.take(startTransaction, {
    connectorId: 1,
    idTag: 'TAG',
    meterStart: 1_000,
    timestamp: own(),
  }).reply
  d.pass(HOUR_MS)
  const { facts } = d.take(stopTransaction, { transactionId, meterStop: 5_000, timestamp: own() })
  expect(facts.find((f) => f.kind === 'session.ended')?.data).toMatchObject({ review: [] })
  expect(sync()).toEqual([])
})

it('an earlier boot stays in review: nobody knows how long the box was off', () => {
  const { d, start, stop, sync } = wokenTooEarly()
  const id = start(1_000)
  d.pass(HOUR_MS)
  stop(id, 5_000)
  d.bootId = 'boot-2'
  d.monoMs = 0
  expect(sync()).toEqual([])
})
