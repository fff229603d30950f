import type { MeterValueType, TransactionEventRequest } from '@switchyard/protocol/ocpp/v201.ts'
import { factData } from '@switchyard/protocol/site/fact.ts'
import { describe, expect, it } from 'vitest'
import { RUNS_MAX } from '../../session/event-numbers.ts'
import { SESSION_KIND, type Session, sessionById, TRANSACTION_KIND } from '../../session/session.ts'
import { Decisions } from '../../testing/decide.ts'
import { meterValues } from './meter-values.ts'
import { transactionEvent } from './transaction-event.ts'

const at = (time: string) => `2026-11-23T${time}Z`

const wh = (time: string, value: number, context = 'Sample.Periodic'): MeterValueType =>
  ({ timestamp: at(time), sampledValue: [{ value, context }] }) as MeterValueType

function station() {
  const d = new Decisions()
  const event = (
    eventType: TransactionEventRequest['eventType'],
    time: string,
    more: Partial<TransactionEventRequest> = {},
    token?: string,
  ) => {
    const said: TransactionEventRequest = {
      eventType,
      timestamp: at(time),
      triggerReason: 'Trigger',
      seqNo: 0,
      transactionInfo: { transactionId: '1' },
      ...(token === undefined ? {} : { idToken: { idToken: token, type: 'ISO14443' } }),
      ...more,
    }
    const context =
      token === undefined
        ? { ...d.context(), authorization: undefined }
        : d.context({ value: token, type: 'ISO14443' })
    return d.take(transactionEvent, said, context).facts
  }
  const ends = () => d.facts.filter((f) => f.kind === 'session.ended')
  return { d, event, ends }
}

const evse = { id: 1, connectorId: 1 }
const started = (time: string, value: number) => ({
  evse,
  meterValue: [wh(time, value, 'Transaction.Begin')],
})
const ended = (time: string, value: number) => ({ meterValue: [wh(time, value, 'Transaction.End')] })

describe('a transaction id that is used again is another session', () => {
  it('after an end of the station itself', () => {
    const { event, ends } = station()
    event('Started', '08:00:00', started('08:00:00', 1_000), 'A')
    event('Ended', '09:00:00', ended('09:00:00', 3_000))
    event('Started', '10:00:00', started('10:00:00', 3_000), 'B')
    event('Ended', '11:00:00', ended('11:00:00', 8_000))
    expect(ends().map((f) => [f.sessionId, f.data.idToken?.value, f.data.energyMilliWh])).toEqual([
      ['session-1', 'A', 2_000_000],
      ['session-2', 'B', 5_000_000],
    ])
  })

  it('after a power cut that lost the end: the next driver does not go on the bill of the one before', () => {
    const { event, ends } = station()
    event('Started', '08:00:00', started('08:00:00', 1_000), 'A')
    event('Updated', '08:30:00', { meterValue: [wh('08:30:00', 2_000)] })
    event('Started', '10:00:00', started('10:00:00', 2_000), 'B')
    event('Ended', '11:00:00', ended('11:00:00', 8_000))
    expect(ends().map((f) => [f.data.idToken?.value, f.data.energyMilliWh, f.data.presumed])).toEqual([
      ['A', 1_000_000, true],
      ['B', 6_000_000, false],
    ])
  })

  it('but not where the start is only sent again, with whatever timestamp', () => {
    const { d, event, ends } = station()
    event('Started', '08:00:00', started('08:00:00', 1_000), 'A')
    event('Started', '08:00:00', { ...started('08:00:00', 1_000), offline: true }, 'A')
    event('Started', '08:02:00', started('08:00:00', 1_000), 'A')
    event('Ended', '09:00:00', ended('09:00:00', 3_000))
    event('Started', '08:00:00', started('08:00:00', 1_000), 'A')
    event('Ended', '09:00:00', ended('09:00:00', 3_000))
    expect(d.kinds.filter((kind) => kind === 'session.started')).toHaveLength(1)
    expect(ends()).toHaveLength(1)
  })

  it('and forgetting the old session leaves the id to the new one', () => {
    const { d, event } = station()
    for (let i = 0; i < 60; i++) {
      const hour = String(Math.floor(i / 3)).padStart(2, '0')
      const time = `${hour}:${20 * (i % 3) || '00'}:00`
      event('Started', time, started(time, 1_000 + i), 'A')
      event('Ended', time.replace(/00$/, '30'), ended(time, 1_001 + i))
    }
    expect(d.count(TRANSACTION_KIND)).toBe(1)
    event('Started', '23:00:00', started('23:00:00', 9_000), 'A')
    event('Ended', '23:30:00', ended('23:30:00', 9_500))
    expect(d.facts.at(-1)).toMatchObject({ kind: 'session.ended', data: { energyMilliWh: 500_000 } })
  })
})

describe('a session whose start was lost', () => {
  it('is held for review where its end is all that came, and takes no connector from another', () => {
    const { d, event, ends } = station()
    event(
      'Started',
      '11:00:00',
      { ...started('11:00:00', 9_000), transactionInfo: { transactionId: '2' } },
      'B',
    )
    const meterValue = [wh('08:00:00', 1_000, 'Transaction.Begin'), wh('09:00:00', 3_000, 'Transaction.End')]
    event('Ended', '09:00:00', { evse, meterValue }, 'A')
    expect(ends()).toHaveLength(1)
    expect(ends()[0]?.data).toMatchObject({
      startedAt: '2026-11-23T08:00:00.000Z',
      energyMilliWh: 2_000_000,
      review: ['unknown-start'],
    })
    expect(d.station.running).toEqual(['session-1'])
    expect(d.station.connectors[0]?.sessionId).toBe('session-1')
  })

  it('is set right by a start that comes after its end', () => {
    const { event, ends } = station()
    event('Ended', '09:00:00', { evse, ...ended('09:00:00', 3_000) })
    event('Started', '08:00:00', started('08:00:00', 1_000), 'A')
    event('Started', '08:00:00', started('08:00:00', 1_000), 'A')
    expect(
      ends().map((f) => [f.data.revision, f.data.energyMilliWh, f.data.idToken?.value, f.data.review]),
    ).toEqual([
      [1, undefined, undefined, ['unknown-start', 'register-missing', 'no-identity']],
      [2, 2_000_000, 'A', []],
    ])
  })

  it('stays in review where neither start nor end has a register', () => {
    const { event, ends } = station()
    event('Ended', '09:00:00', { evse })
    event('Started', '08:00:00', { evse }, 'A')
    expect(ends().at(-1)?.data).toMatchObject({ revision: 2, review: ['register-missing'] })
  })
})

describe('identity', () => {
  it('a second card counts after one that was refused', () => {
    const { d, event, ends } = station()
    event('Started', '08:00:00', started('08:00:00', 1_000))
    d.status = 'Invalid'
    event('Updated', '08:00:10', {}, 'WRONG')
    d.status = 'Accepted'
    event('Updated', '08:00:20', {}, 'RIGHT')
    event('Updated', '08:30:00', {}, 'ANOTHER')
    event('Ended', '09:00:00', ended('09:00:00', 3_000))
    expect(ends()[0]?.data).toMatchObject({ idToken: { value: 'RIGHT' }, authorization: 'Accepted' })
  })

  it('is not lost where two events have one second and one seqNo', () => {
    const { event, ends } = station()
    event('Started', '08:00:00', started('08:00:00', 1_000))
    event('Updated', '08:00:10', { triggerReason: 'CablePluggedIn' })
    event('Updated', '08:00:10', { triggerReason: 'Authorized' }, 'A')
    event('Ended', '09:00:00', ended('09:00:00', 3_000))
    expect(ends()[0]?.data).toMatchObject({ idToken: { value: 'A' }, review: [] })
  })

  it('two that are known before their plugs do not end each other', () => {
    const { d, event, ends } = station()
    event('Started', '08:00:00', {}, 'A')
    event('Started', '08:00:05', { transactionInfo: { transactionId: '2' } }, 'B')
    event('Updated', '08:00:10', { ...started('08:00:10', 500), evse: { id: 2 } })
    expect(ends()).toEqual([])
    expect(d.station.running).toHaveLength(2)
  })
})

describe('registers', () => {
  it('that of the start, repeated in the end, is not taken for the end', () => {
    const { event, ends } = station()
    event('Started', '08:00:00', started('08:00:00', 1_000), 'A')
    event('Ended', '09:00:00', { meterValue: [wh('09:00:00', 1_000, 'Transaction.Begin')] })
    expect(ends()[0]?.data.review).toEqual(['register-missing'])
  })

  it('that of the start, beside the present one in each reading, is not taken for the present', () => {
    const { event, ends } = station()
    event('Started', '08:00:00', started('08:00:00', 1_000), 'A')
    const both = (time: string, value: number, context: string) => ({
      ...wh(time, 1_000, 'Transaction.Begin'),
      sampledValue: [
        ...wh(time, 1_000, 'Transaction.Begin').sampledValue,
        ...wh(time, value, context).sampledValue,
      ] as MeterValueType['sampledValue'],
    })
    event('Updated', '08:30:00', { meterValue: [both('08:30:00', 2_000, 'Sample.Periodic')] })
    event('Ended', '09:00:00', { meterValue: [both('09:00:00', 3_000, 'Transaction.End')] })
    expect(ends()[0]?.data).toMatchObject({ energyMilliWh: 2_000_000, review: [] })
  })

  it('a start at zero that is told late is doubted as any other', () => {
    const { event, ends } = station()
    event('Started', '08:00:00', started('08:00:00', 900_000), 'A')
    event('Ended', '09:00:00', ended('09:00:00', 910_000))
    event('Started', '10:00:00', { evse, transactionInfo: { transactionId: '2' } }, 'A')
    const later = { transactionInfo: { transactionId: '2' } }
    event('Updated', '10:00:05', { ...later, meterValue: [wh('10:00:05', 0, 'Transaction.Begin')] })
    event('Ended', '23:00:00', { ...later, ...ended('23:00:00', 910_083) })
    expect(ends().at(-1)?.data.review).toContain('register-zero-start')
  })

  it('with a power of ten that no unit has cannot be read, and every fact can', () => {
    const { d, event, ends } = station()
    const scaled = (multiplier: number): MeterValueType =>
      ({
        timestamp: at('09:00:00'),
        sampledValue: [{ value: 5, unitOfMeasure: { multiplier } }],
      }) as MeterValueType
    event('Started', '08:00:00', started('08:00:00', 1_000), 'A')
    const transactionInfo = { transactionId: '1', remoteStartId: 1e300 }
    event('Updated', '08:30:00', { meterValue: [scaled(1e300)], transactionInfo })
    event('Ended', '09:00:00', { meterValue: [scaled(999_999)] })
    expect(ends()[0]?.data.review).toEqual(['register-missing'])
    for (const fact of d.facts) expect(factData[fact.kind].safeParse(fact.data).success).toBe(true)
  })

  it('of MeterValues go to the session that has the EVSE, not to one that came late from a queue', () => {
    const { d, event } = station()
    event(
      'Started',
      '11:00:00',
      { ...started('11:00:00', 9_000), transactionInfo: { transactionId: '2' } },
      'B',
    )
    event('Started', '08:00:00', started('08:00:00', 1_000), 'A')
    d.take(meterValues, { evseId: 1, meterValue: [wh('11:30:00', 9_500)] })
    const register = (id: string) => sessionById(d, id)?.register?.milliWh
    expect([register('session-1'), register('session-2')]).toEqual([9_500_000, 1_000_000])
  })
})

it('ids with odd characters are ids like others', () => {
  const { event, ends } = station()
  const transactionInfo = { transactionId: '/\n\u0000é😀..%2F"<x>\\' }
  event('Started', '08:00:00', { ...started('08:00:00', 1_000), transactionInfo }, 'A')
  event('Ended', '09:00:00', { ...ended('09:00:00', 3_000), transactionInfo })
  expect(ends()[0]?.data).toMatchObject({ ...transactionInfo, energyMilliWh: 2_000_000, review: [] })
})

it('start buttons are pressed by many at once: nobody has a token that is in use (C02)', () => {
  const d = new Decisions()
  const press = (evseId: number, transactionId: string) =>
    d.take(
      transactionEvent,
      {
        eventType: 'Started',
        timestamp: at('08:00:00'),
        triggerReason: 'Authorized',
        seqNo: 0,
        transactionInfo: { transactionId },
        evse: { id: evseId, connectorId: 1 },
        idToken: { idToken: '', type: 'NoAuthorization' },
      },
      d.context({ value: '', type: 'NoAuthorization' }),
    ).reply
  expect(press(1, 'a')).toEqual({ idTokenInfo: { status: 'Accepted' } })
  expect(press(2, 'b')).toEqual({ idTokenInfo: { status: 'Accepted' } })
})

describe('a session is the same whatever a station takes for its start and its end (E01, E05, E06)', () => {
  type Step = [type: 'Started' | 'Updated' | 'Ended', trigger: string, state: string, more?: string]
  const variants: Record<string, Step[]> = {
    'ParkingBayOccupancy to ParkingBayOccupancy': [
      ['Started', 'EVDetected', 'Idle', 'no evse'],
      ['Updated', 'CablePluggedIn', 'EVConnected', 'evse'],
      ['Updated', 'Authorized', 'EVConnected', 'token'],
      ['Updated', 'ChargingStateChanged', 'Charging', 'begin'],
      ['Updated', 'StopAuthorized', 'EVConnected', 'stop'],
      ['Updated', 'EVCommunicationLost', 'Idle'],
      ['Ended', 'EVDeparted', 'Idle', 'end'],
    ],
    'EVConnected to EVConnected': [
      ['Started', 'CablePluggedIn', 'EVConnected', 'evse'],
      ['Updated', 'Authorized', 'EVConnected', 'token'],
      ['Updated', 'ChargingStateChanged', 'Charging', 'begin'],
      ['Ended', 'EVCommunicationLost', 'Idle', 'end'],
    ],
    'Authorized to Authorized': [
      ['Started', 'Authorized', 'Idle', 'token'],
      ['Updated', 'CablePluggedIn', 'EVConnected', 'evse'],
      ['Updated', 'ChargingStateChanged', 'Charging', 'begin'],
      ['Ended', 'StopAuthorized', 'EVConnected', 'end stop'],
    ],
    'DataSigned to DataSigned': [
      ['Started', 'SignedDataReceived', 'EVConnected', 'evse token begin'],
      ['Updated', 'ChargingStateChanged', 'Charging'],
      ['Ended', 'SignedDataReceived', 'EVConnected', 'end'],
    ],
    'PowerPathClosed to PowerPathClosed': [
      ['Started', 'ChargingStateChanged', 'SuspendedEV', 'evse token begin'],
      ['Updated', 'ChargingStateChanged', 'Charging'],
      ['Ended', 'ChargingStateChanged', 'EVConnected', 'end'],
    ],
    'EnergyTransfer to EnergyTransfer': [
      ['Started', 'ChargingStateChanged', 'Charging', 'evse token begin'],
      ['Ended', 'ChargingStateChanged', 'SuspendedEV', 'end'],
    ],
  }
  for (const [name, steps] of Object.entries(variants)) {
    it(name, () => {
      const { d, event, ends } = station()
      steps.forEach(([eventType, triggerReason, chargingState, more = ''], n) => {
        const time = `08:${String(n).padStart(2, '0')}:00`
        const has = (what: string) => more.split(' ').includes(what)
        const said = {
          triggerReason,
          seqNo: n,
          transactionInfo: { transactionId: '1', chargingState },
          ...(has('evse') && !more.includes('no evse') ? { evse } : {}),
          ...(has('begin') ? { meterValue: [wh(time, 1_000, 'Transaction.Begin')] } : {}),
          ...(has('end') ? { meterValue: [wh(time, 1_200, 'Transaction.End')] } : {}),
        } as Partial<TransactionEventRequest>
        event(eventType, time, said, has('token') || has('stop') ? 'A' : undefined)
      })
      expect(ends().map((f) => f.data)).toMatchObject([
        {
          evseId: 1,
          energyMilliWh: 200_000,
          startedAt: at('08:00:00').replace('Z', '.000Z'),
          durationMs: (steps.length - 1) * 60_000,
          idToken: { value: 'A' },
          authorization: 'Accepted',
          presumed: false,
          review: [],
        },
      ])
      expect(d.station.running).toEqual([])
    })
  }
})

it('a token that is refused once energy can flow ends in the session that its station deauthorizes (E05, E06)', () => {
  const { d, event, ends } = station()
  d.status = 'Invalid'
  event('Started', '08:00:00', started('08:00:00', 1_000), 'NO')
  event('Ended', '08:00:20', {
    ...ended('08:00:20', 1_000),
    triggerReason: 'Deauthorized',
    transactionInfo: { transactionId: '1', stoppedReason: 'DeAuthorized' },
  })
  expect(ends()[0]?.data).toMatchObject({
    reason: 'DeAuthorized',
    authorization: 'Invalid',
    energyMilliWh: 0,
    review: [],
  })
})

describe('numbers of events', () => {
  const gaps = (facts: { kind: string; data: unknown }[]) =>
    facts.filter((it) => it.kind === 'session.gap').map((it) => it.data)
  const numbered = () => {
    const it = station()
    const say = (eventType: 'Started' | 'Updated' | 'Ended', seqNo: number) => {
      const time = `08:${String(seqNo % 60).padStart(2, '0')}:00`
      const meterValue = [wh(time, 1_000 + seqNo)]
      return gaps(
        it.event(eventType, time, { seqNo, evse, meterValue }, eventType === 'Started' ? 'A' : undefined),
      )
    }
    return { ...it, say }
  }

  it('that are missing are told when the first is, when none is any more, and what is at the end', () => {
    const { say, ends } = numbered()
    expect([say('Started', 0), say('Updated', 1)]).toEqual([[], []])
    expect(say('Updated', 4)).toEqual([{ missing: [{ from: 2, to: 3 }] }])
    expect([say('Updated', 6), say('Updated', 3), say('Updated', 5)]).toEqual([[], [], []])
    expect(say('Updated', 2)).toEqual([{ missing: [] }])
    expect(say('Updated', 8)).toEqual([{ missing: [{ from: 7, to: 7 }] }])
    expect(say('Ended', 10)).toEqual([
      {
        missing: [
          { from: 7, to: 7 },
          { from: 9, to: 9 },
        ],
      },
    ])
    // The registers at both ends are there: what is missing between them puts no energy in doubt.
    expect(ends()[0]?.data).toMatchObject({ energyMilliWh: 10_000, review: [] })
    expect([say('Updated', 9), say('Updated', 7)]).toEqual([[], [{ missing: [] }]])
    expect(ends()).toHaveLength(1)
  })

  it('that come again, begin elsewhere or begin anew say nothing', () => {
    const { say, d } = numbered()
    for (const seqNo of [700, 701, 702, 701, 702, 703]) say(seqNo === 700 ? 'Started' : 'Updated', seqNo)
    expect(d.kinds).not.toContain('session.gap')
  })

  it('are kept within a bound', () => {
    const { d, say } = numbered()
    say('Started', 0)
    for (let seqNo = 2; seqNo < 500; seqNo += 2) say('Updated', seqNo)
    const { events } = d.get<Session>(SESSION_KIND, 'session-1')!
    expect(events?.seen).toHaveLength(RUNS_MAX)
    expect(events?.seen.at(-1)).toEqual([498, 498])
  })
})

it('another card of the group stops a session, which stays that of the first (E07)', () => {
  const { event, ends } = station()
  event('Started', '08:00:00', started('08:00:00', 1_000), 'A')
  event('Ended', '08:30:00', { ...ended('08:30:00', 2_000), triggerReason: 'StopAuthorized' }, 'B')
  expect(ends()[0]?.data).toMatchObject({ idToken: { value: 'A' }, energyMilliWh: 1_000_000, review: [] })
})

it('an end of a transaction that nobody knows, with no register, is kept and held (E12)', () => {
  const { d, event, ends } = station()
  event('Ended', '09:00:00', { evse, offline: true, triggerReason: 'EVCommunicationLost' }, 'A')
  expect(ends()[0]?.data.review).toEqual(expect.arrayContaining(['unknown-start', 'register-missing']))
  expect(d.station.running).toEqual([])
})

it('signed meter values are kept byte for byte, whatever they hold', () => {
  const { event } = station()
  const signedMeterValue = {
    signedMeterData: ' T0NNRnx7fQ==\r\n\u0000é|{"SA":"ECDSA"} ',
    signingMethod: 'ECDSA-secp256r1-SHA256',
    encodingMethod: 'OCMF',
    publicKey: 'MFkw//+=',
  }
  const meterValue = [
    { timestamp: at('08:00:00'), sampledValue: [{ value: 1_000, signedMeterValue }] },
  ] as MeterValueType[]
  const facts = event('Started', '08:00:00', { evse, meterValue }, 'A')
  const told = facts.find((f) => f.kind === 'session.signed')
  expect(factData['session.signed'].parse(JSON.parse(JSON.stringify(told?.data)))).toMatchObject({
    values: [{ value: '1000', signed: signedMeterValue }],
  })
  // The reading that may be thinned has the register, and not the proof as well.
  const reading = facts.find((f) => f.kind === 'session.meter')
  expect(reading?.data).toMatchObject({ registerMilliWh: 1_000_000 })
  expect(JSON.stringify(reading)).not.toContain('ECDSA')
})

describe('a token in use', () => {
  const idTokenStatus = (stationEvent: ReturnType<typeof station>) =>
    stationEvent.d.facts.filter((f) => f.kind === 'token.decided').map((f) => f.data.status)

  it('is no second use on the connector whose session ends with the start, and one on another', () => {
    const all = station()
    all.event('Started', '08:00:00', { evse }, 'A')
    all.event('Started', '09:00:00', { evse, transactionInfo: { transactionId: '2' } }, 'A')
    const other = { id: 2, connectorId: 1 }
    all.event('Started', '09:10:00', { evse: other, transactionInfo: { transactionId: '3' } }, 'A')
    expect(idTokenStatus(all)).toEqual(['Accepted', 'Accepted', 'ConcurrentTx'])
    expect(all.ends().map((f) => [f.sessionId, f.data.reason])).toEqual([['session-1', 'NewSession']])
  })
})
