import { factData } from '@switchyard/protocol/site/fact.ts'
import { describe, expect, it } from 'vitest'
import { MAX_FACT_BYTES } from '../journal/port.ts'
import { meterValues } from '../ocpp/v16/meter-values.ts'
import { startTransaction } from '../ocpp/v16/start-transaction.ts'
import { statusNotification } from '../ocpp/v16/status-notification.ts'
import { stopTransaction } from '../ocpp/v16/stop-transaction.ts'
import { Decisions } from '../testing/decide.ts'
import { ENDED_MAX } from './end.ts'
import { PROFILE_KIND, SESSION_KIND, sessionById, TRANSACTION_KIND } from './session.ts'

const at = (time: string) => `2026-11-23T${time}Z`

function site() {
  const d = new Decisions()
  const start = (time: string, meterStart: number, connectorId = 1, idTag = 'TAG') =>
    d.take(startTransaction, { connectorId, idTag, meterStart, timestamp: at(time) }).reply.transactionId
  const stop = (transactionId: number, time: string, meterStop: number) => {
    const facts = d.take(stopTransaction, { transactionId, meterStop, timestamp: at(time) }).facts
    return facts.find((f) => f.kind === 'session.ended')?.data
  }
  const meter = (time: string, ...wh: string[]) =>
    d.take(meterValues, {
      connectorId: 1,
      meterValue: wh.map((value) => ({ timestamp: at(time), sampledValue: [{ value }] })),
    }).facts
  return { d, start, stop, meter }
}

describe('registers that cannot be true hold the session for review', () => {
  it('a start at zero on a meter that was at 910 kWh', () => {
    const { start, stop } = site()
    stop(start('08:00:00', 900_000), '09:00:00', 910_000)
    const ended = stop(start('10:00:00', 0), '10:20:00', 910_083)
    expect(ended?.review).toEqual(['register-zero-start', 'register-implausible-power'])
  })

  it('more than the connector can deliver, over the session or in one step of it', () => {
    const { start, stop, meter } = site()
    expect(stop(start('08:00:00', 0), '09:00:00', 28_000)?.review).toEqual(['register-implausible-power'])
    const id = start('10:00:00', 100_000)
    meter('10:10:00', '101000')
    meter('10:11:00', '120000')
    expect(stop(id, '20:00:00', 121_000)?.review).toEqual(['register-implausible-power'])
  })

  it('a register that falls, and the energy is not told', () => {
    const { start, stop } = site()
    const ended = stop(start('08:00:00', 5_000), '09:00:00', 4_000)
    expect(ended?.review).toEqual(['register-falling'])
    expect(ended).not.toHaveProperty('energyMilliWh')
  })

  it('a start at zero out of a queue, though the meter was read again before the queue came', () => {
    const { d, start, stop, meter } = site()
    d.take(statusNotification, { connectorId: 1, errorCode: 'NoError', status: 'Available' })
    meter('07:00:00', '45000')
    meter('11:00:00', '45083')
    expect(stop(start('08:00:00', 0), '10:30:00', 45_083)?.review).toEqual(['register-zero-start'])
  })

  it('a start below what the connector showed before: it would bill energy twice', () => {
    const { start, stop } = site()
    stop(start('08:00:00', 1_000), '09:00:00', 11_000)
    expect(stop(start('09:10:00', 1_000), '10:00:00', 13_000)?.review).toEqual(['register-falling'])
  })

  it.each([-1, 2 ** 32 * 1_000, 1e300])('a register of %d Wh, which no meter shows', (wh) => {
    const { d, start, stop } = site()
    const ended = stop(start('08:00:00', 1_000), '09:00:00', wh)
    expect(ended?.review).not.toEqual([])
    expect(stop(start('09:30:00', wh), '10:00:00', 9_000)?.review).not.toEqual([])
    for (const fact of d.facts) expect(factData[fact.kind].safeParse(fact.data).success).toBe(true)
  })

  it('a session that stays plausible is not held', () => {
    const { start, stop, meter } = site()
    const id = start('08:00:00', 5_000)
    meter('08:30:00', '15000')
    expect(stop(id, '09:00:00', 25_000)?.review).toEqual([])
  })
})

describe('readings', () => {
  it('the first of each quarter hour becomes a register in the ledger and a point of the profile', () => {
    const { d, start, stop, meter } = site()
    const id = start('08:02:00', 0)
    for (const [time, wh] of [
      ['08:14:00', '100'],
      ['08:15:00', '200'],
      ['08:16:00', '300'],
      ['08:45:10', '400'],
    ] as const)
      meter(time, wh)
    // Late, out of a queue.
    meter('08:30:00', '350')
    expect(d.facts.filter((f) => f.kind === 'session.register')).toHaveLength(3)
    expect(stop(id, '09:00:00', 1_000)?.profile.map((p) => p.registerMilliWh)).toEqual([
      200_000, 350_000, 400_000,
    ])
  })

  it('taken twice are kept once', () => {
    const { start, meter } = site()
    start('08:00:00', 0)
    expect(meter('08:01:00', '10')).toHaveLength(1)
    expect(meter('08:01:00', '10')).toHaveLength(0)
    expect(meter('08:02:00', '10')).toHaveLength(1)
  })

  it('without a session are the readings of the station, and tell its register', () => {
    const { d, start, stop, meter } = site()
    d.take(statusNotification, { connectorId: 1, errorCode: 'NoError', status: 'Available' })
    expect(meter('08:00:00', '77')).toMatchObject([{ kind: 'station.meter', data: { evseId: 1 } }])
    expect(stop(start('09:00:00', 0), '10:00:00', 90)?.review).toEqual(['register-zero-start'])
  })

  it('from before the session on the connector, without its id, are not of it', () => {
    const { start, meter } = site()
    start('08:00:00', 1_000)
    expect(meter('07:00:00', '500')).toMatchObject([{ kind: 'station.meter' }])
    expect(meter('08:01:00', '1100')).toMatchObject([{ kind: 'session.meter' }])
  })

  it('after a presumed end show that it was none', () => {
    const { d, start, stop, meter } = site()
    const first = start('08:00:00', 0)
    meter('08:10:00', '1000')
    start('08:20:00', 1_000)
    expect(d.facts.find((f) => f.kind === 'session.ended')?.data).toMatchObject({
      presumed: true,
      revision: 1,
    })
    d.take(meterValues, {
      connectorId: 1,
      transactionId: first,
      meterValue: [{ timestamp: at('08:30:00'), sampledValue: [{ value: '2000' }] }],
    })
    expect(d.station.running).toHaveLength(2)
    expect(stop(first, '08:40:00', 2_500)).toMatchObject({
      presumed: false,
      revision: 2,
      energyMilliWh: 2_500_000,
      review: [],
    })
  })
})

describe('meter values without an id of ours', () => {
  const values = (d: Decisions, transactionId: number, wh: string) =>
    d.take(meterValues, {
      connectorId: 1,
      transactionId,
      meterValue: [{ timestamp: at('08:30:00'), sampledValue: [{ value: wh }] }],
    })
  const register = (d: Decisions) => sessionById(d, 'session-1')?.register

  it.each([0, -1])('with %d are of the session on the connector', (placeholder) => {
    const { d, start } = site()
    start('08:00:00', 1_000)
    values(d, placeholder, '3000')
    expect(register(d)?.milliWh).toBe(3_000_000)
  })

  it('with an id that is not known are of another session, and not billed to this one', () => {
    const { d, start } = site()
    const id = start('08:00:00', 1_000)
    values(d, id === 77 ? 78 : 77, '9000')
    expect(register(d)?.milliWh).toBe(1_000_000)
  })
})

describe('clocks of stations', () => {
  it('set back in the middle: the energy goes on, and a presumed end has it', () => {
    const { d, start, meter } = site()
    start('12:00:00', 0)
    d.pass(3_600_000)
    meter('13:00:00', '5000')
    d.pass(1_800_000)
    meter('12:30:00', '8000')
    start('14:00:00', 8_000)
    const ended = d.facts.findLast((f) => f.kind === 'session.ended')
    expect(ended?.data).toMatchObject({ presumed: true, energyMilliWh: 8_000_000, review: [] })
  })

  it('an older reading out of a queue, below the newest, does not take the energy back', () => {
    const { d, start, meter } = site()
    start('08:00:00', 0)
    meter('10:00:00', '9000')
    meter('09:00:00', '4000')
    expect(sessionById(d, 'session-1')?.register).toMatchObject({ milliWh: 9_000_000 })
  })

  it('never set, and at its beginning again after a boot: what starts last is the newer session', () => {
    const { d } = site()
    const start = (minutes: number, meterStart: number) =>
      d.take(startTransaction, {
        connectorId: 1,
        idTag: 'TAG',
        meterStart,
        timestamp: new Date(minutes * 60_000).toISOString(),
      })
    start(50, 1_000)
    d.pass(3_600_000)
    const { facts } = start(2, 4_000)
    expect(facts.map((it) => it.kind).slice(0, 2)).toEqual(['session.ended', 'session.started'])
    expect(d.station.running).toEqual(['session-2'])
  })

  it('hours ahead, with a status that has no time: a connector that is free ends the session', () => {
    const { d, start } = site()
    start('14:00:00', 0)
    d.take(statusNotification, { connectorId: 1, errorCode: 'NoError', status: 'Available' })
    expect(d.get<{ connectorFree?: string }>(SESSION_KIND, 'session-1')?.connectorFree).toBe('now')
  })
})

describe('starts and ends', () => {
  it('a start out of a queue that is sent again is one session, though a newer one has the connector', () => {
    const { d, start } = site()
    start('12:00:00', 9_000)
    const queued = start('08:00:00', 1_000, 1, 'OTHER')
    expect(start('08:00:00', 1_000, 1, 'OTHER')).toBe(queued)
    expect(d.kinds.filter((kind) => kind === 'session.started')).toHaveLength(2)
  })

  it('a start sent again with a clock that was never set is told by its register, which has moved on', () => {
    const { d } = site()
    const never = { connectorId: 1, idTag: 'TAG', meterStart: 500, timestamp: '1970-01-01T00:00:30Z' }
    const { transactionId } = d.take(startTransaction, never).reply
    d.take(stopTransaction, { transactionId, meterStop: 900, timestamp: '1970-01-01T00:01:30Z' })
    expect(d.take(startTransaction, never).reply.transactionId).toBe(transactionId)
  })

  it.each([0, -1])('a stop for id %d ends the one session that fits it', (lost) => {
    const { d, start, stop } = site()
    start('08:00:00', 1_000, 1, 'TAG')
    start('08:05:00', 500_000, 2, 'OTHER')
    const ended = d.take(stopTransaction, {
      transactionId: lost,
      idTag: 'tag',
      meterStop: 3_000,
      timestamp: at('09:00:00'),
    }).facts
    expect(ended.find((f) => f.kind === 'session.ended')).toMatchObject({
      sessionId: 'session-1',
      data: { energyMilliWh: 2_000_000, review: [] },
    })
    // Nothing fits any more: kept.
    stop(lost, '09:01:00', 3_000)
    expect(d.facts.at(-1)?.kind).toBe('session.stop-unmatched')
  })

  it('a stop for id -1 that two sessions fit ends neither', () => {
    const { d, start, stop } = site()
    start('08:00:00', 1_000, 1)
    start('08:05:00', 1_500, 2)
    expect(stop(-1, '09:00:00', 3_000)).toBeUndefined()
    expect(d.facts.at(-1)?.kind).toBe('session.stop-unmatched')
  })

  it('a stop is taken however long its readings are', () => {
    const { d, start } = site()
    const transactionId = start('08:00:00', 0)
    const sampledValue = [
      { value: '900' },
      ...Array.from({ length: 40 }, () => ({ value: '\u0000'.repeat(5_000), format: 'SignedData' as const })),
    ]
    const { facts } = d.take(stopTransaction, {
      transactionId,
      meterStop: 1_000,
      timestamp: at('09:00:00'),
      transactionData: [{ timestamp: at('08:59:00'), sampledValue }],
    })
    for (const fact of facts) expect(JSON.stringify(fact).length).toBeLessThan(MAX_FACT_BYTES)
    expect(facts.at(-1)).toMatchObject({ kind: 'session.ended', data: { energyMilliWh: 1_000_000 } })
  })

  it('a start that is older than the running one runs beside it until its stop comes', () => {
    const { d, start, stop } = site()
    const live = start('12:00:00', 9_000)
    const queued = start('08:00:00', 1_000, 1, 'OTHER')
    expect(d.kinds).not.toContain('session.ended')
    expect(stop(queued, '09:00:00', 9_000)).toMatchObject({ energyMilliWh: 8_000_000, review: [] })
    d.pass(3_600_000)
    expect(stop(live, '13:00:00', 19_000)).toMatchObject({ energyMilliWh: 10_000_000, review: [] })
  })

  it('a start ends what began before it, though another session has the connector', () => {
    const { d, start, stop } = site()
    // Of a station whose clock was set back since: this one's stop was lost.
    const stale = start('12:00:00', 9_000)
    start('11:00:00', 10_000, 1, 'LOST')
    d.pass(600_000)
    const last = start('11:10:00', 12_000, 1, 'LAST')
    const ended = () => d.facts.filter((fact) => fact.kind === 'session.ended').map((fact) => fact.data)
    expect(ended()).toMatchObject([{ idToken: { value: 'LOST' }, presumed: true, reason: 'NewSession' }])
    expect(stop(last, '11:20:00', 13_000)).toMatchObject({ energyMilliWh: 1_000_000 })
    expect(stop(stale, '13:00:00', 19_000)).toMatchObject({ energyMilliWh: 10_000_000 })
  })

  it('a resend is told from another start by what it says', () => {
    const { d, start, stop } = site()
    const id = start('08:00:00', 0)
    expect(start('08:00:00', 0)).toBe(id)
    expect(start('08:00:01', 0)).not.toBe(id)
    const last = start('09:00:00', 50)
    stop(last, '09:10:00', 60)
    expect(start('09:00:00', 50)).toBe(last)
    expect(d.kinds.filter((kind) => kind === 'session.started')).toHaveLength(3)
  })

  it('where the clock is never set, the same start after an end is another one', () => {
    const { d } = site()
    const never = { connectorId: 1, idTag: 'TAG', meterStart: 0, timestamp: '1970-01-01T00:00:30Z' }
    const first = d.take(startTransaction, never).reply.transactionId
    expect(d.take(startTransaction, never).reply.transactionId).toBe(first)
    d.pass(600_000)
    d.take(stopTransaction, { transactionId: first, meterStop: 100, timestamp: '1970-01-01T00:10:30Z' })
    expect(d.facts.at(-1)?.data).toMatchObject({ durationMs: 600_000, review: [] })
    expect(d.take(startTransaction, never).reply.transactionId).not.toBe(first)
  })

  it('a second stop changes nothing, but one that contradicts the first is kept', () => {
    const { d, start, stop } = site()
    const id = start('08:00:00', 0)
    stop(id, '09:00:00', 1_000)
    const before = d.facts.length
    stop(id, '09:00:00', 1_000)
    expect(d.facts).toHaveLength(before)
    stop(id, '09:05:00', 1_500)
    expect(d.facts.at(-1)).toMatchObject({
      kind: 'session.stop-unmatched',
      data: { registerMilliWh: 1_500_000 },
    })
  })

  it('a status from before the session does not free its connector at once', () => {
    const { d, start } = site()
    start('08:00:00', 0)
    const free = { connectorId: 1, errorCode: 'NoError', status: 'Available' } as const
    d.take(statusNotification, { ...free, timestamp: at('07:00:00') })
    const session = () => d.get<{ connectorFree?: string }>(SESSION_KIND, 'session-1')
    expect(session()?.connectorFree).toBe('dated-before')
    d.take(statusNotification, { ...free, timestamp: at('08:30:00') })
    expect(session()?.connectorFree).toBe('now')
    d.take(statusNotification, { ...free, timestamp: at('07:30:00') })
    expect(session()?.connectorFree).toBe('now')
    d.take(statusNotification, { ...free, status: 'Charging', timestamp: at('08:31:00') })
    expect(session()?.connectorFree).toBeUndefined()
  })

  it('ended sessions are forgotten in the end', () => {
    const { d, start, stop, meter } = site()
    for (let i = 0; i < ENDED_MAX + 10; i++) {
      const hour = `${String(Math.floor(i / 4)).padStart(2, '0')}:${15 * (i % 4) || '00'}`
      const id = start(`${hour}:00`, i * 100 + 1)
      meter(`${hour}:59`, String(i * 100 + 50))
      stop(id, `${hour}:59`, i * 100 + 60)
    }
    expect(d.station.ended).toHaveLength(ENDED_MAX)
    expect(d.count(SESSION_KIND)).toBe(ENDED_MAX)
    expect(d.count(TRANSACTION_KIND)).toBe(ENDED_MAX)
    expect(d.count(PROFILE_KIND)).toBeLessThanOrEqual(ENDED_MAX)
  })
})
