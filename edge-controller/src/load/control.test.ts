import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'
import { CONTROL_INTERVAL_MS, RETURN_GRACE_MS } from './control.ts'
import { RETRY_AFTER_MS } from './held-limits.ts'

interface Charger {
  station: ChargePoint
  /** Limits as the charger holds them: the failsafe, and that of its session, in A. */
  failsafe?: number
  limit?: number
  answer: 'Accepted' | 'Rejected'
  asked: number
}

let site: TestController
const chargers: Charger[] = []
afterEach(async () => {
  for (const { station } of chargers.splice(0)) await station.close()
  await site.stop()
})

async function charger16(id: string, answer: Charger['answer'] = 'Accepted'): Promise<Charger> {
  const station = await connect(site.url, id)
  const charger: Charger = { station, answer, asked: 0 }
  chargers.push(charger)
  takesProfiles(charger)
  await station.call('BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' })
  await station.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Available' })
  return charger
}

/** It has booted elsewhere, and is not able to do so because it is asked to. */
async function unbooted16(id: string): Promise<Charger> {
  const station = await connect(site.url, id)
  const charger: Charger = { station, answer: 'Accepted', asked: 0 }
  chargers.push(charger)
  takesProfiles(charger)
  await station.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Available' })
  return charger
}

function takesProfiles(charger: Charger): void {
  charger.station.handle('SetChargingProfile', (payload) => {
    const profile = payload.csChargingProfiles as unknown as {
      chargingProfilePurpose: string
      chargingSchedule: { chargingSchedulePeriod: { limit: number }[] }
    }
    charger.asked++
    if (charger.answer === 'Accepted') {
      const ampere = profile.chargingSchedule.chargingSchedulePeriod[0]!.limit
      if (profile.chargingProfilePurpose === 'TxDefaultProfile') charger.failsafe = ampere
      else charger.limit = ampere
    }
    return { status: charger.answer }
  })
}

const start = ({ station }: Charger, idTag: string): Promise<JsonObject> =>
  station.call('StartTransaction', {
    connectorId: 1,
    idTag,
    meterStart: 0,
    timestamp: new Date(site.clock.now()).toISOString(),
  })

/** Lets the control loop turn until it has come to what is looked for. */
const settles = (look: () => boolean) =>
  site.until(() => {
    site.clock.advance(CONTROL_INTERVAL_MS)
    return look()
  })

it('shares the limit among running sessions, and never commands more than it', async () => {
  site = await TestController.start({ config: { siteLimitMa: 32_000 } })
  const a = await charger16('A')
  const b = await charger16('B')
  await settles(() => a.failsafe === 6 && b.failsafe === 6)

  await start(a, 'T1')
  // What the idle connector may draw at its failsafe stays reserved.
  await settles(() => a.limit === 26)
  await start(b, 'T2')
  await settles(() => {
    expect((a.limit ?? 6) + (b.limit ?? 6)).toBeLessThanOrEqual(32)
    return a.limit === 16 && b.limit === 16
  })
  expect(site.controller.load()?.limitMa).toBe(32_000)
  // A station has its limit before the controller has its answer.
  const shown = () => site.controller.live().map((s) => s.connectors[0]?.session?.limitMa)
  await settles(() => shown().every((limitMa) => limitMa === 16_000))

  await site.apply('site', { limitMa: 10_000 })
  await settles(() => a.limit === 10 && b.limit === 0)
})

it('does not raise one while another has not confirmed its decrease', async () => {
  site = await TestController.start({ config: { siteLimitMa: 32_000 } })
  const a = await charger16('A')
  const b = await charger16('B')
  await settles(() => a.failsafe === 6 && b.failsafe === 6)
  await start(a, 'T1')
  await settles(() => a.limit === 26)
  a.answer = 'Rejected'
  await start(b, 'T2')
  const askedBefore = a.asked
  await settles(() => a.asked > askedBefore)
  expect(a.limit).toBe(26)
  for (let i = 0; i < 5; i++) site.clock.advance(CONTROL_INTERVAL_MS)
  expect(b.limit ?? b.failsafe).toBe(6)
  a.answer = 'Accepted'
  site.clock.advance(RETRY_AFTER_MS)
  await settles(() => a.limit === 16 && b.limit === 16)
})

it('sends every profile again after a boot', async () => {
  site = await TestController.start({ config: { siteLimitMa: 32_000 } })
  const a = await charger16('A')
  await settles(() => a.failsafe === 6)
  await start(a, 'T1')
  await settles(() => a.limit === 32)
  delete a.failsafe
  delete a.limit
  await a.station.call('BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' })
  await settles(() => a.failsafe === 6 && a.limit === 32)
})

it('sends nothing on a site without a limit', async () => {
  site = await TestController.start()
  const a = await charger16('A')
  await start(a, 'T1')
  for (let i = 0; i < 5; i++) site.clock.advance(CONTROL_INTERVAL_MS)
  await a.station.call('Heartbeat', {})
  expect(a.asked).toBe(0)
  expect(site.controller.load()).toEqual({ usedMa: [0, 0, 0] })
})

const meters = ({ station }: Charger, ampere: number) =>
  station.call('MeterValues', {
    connectorId: 1,
    meterValue: [
      {
        timestamp: new Date(site.clock.now()).toISOString(),
        sampledValue: [{ value: String(ampere), measurand: 'Current.Import', unit: 'A', phase: 'L1' }],
      },
    ],
  })

/** Lets the loop turn often enough for whatever it may still want to say. */
const turns = async (times: number) => {
  for (let i = 0; i < times; i++) {
    site.clock.advance(CONTROL_INTERVAL_MS)
    for (const { station } of chargers) await station.call('Heartbeat', {})
  }
}

const may = (of: Charger[]) => of.reduce((ampere, c) => ampere + (c.limit ?? c.failsafe ?? 32), 0)

it('six on 63 A: one that refuses profiles and one that does not keep its limit are made up for by the others', async () => {
  site = await TestController.start({ config: { siteLimitMa: 63_000 } })
  const refusing = await charger16('R', 'Rejected')
  const ignoring = await charger16('I')
  const good = [await charger16('A'), await charger16('B'), await charger16('C'), await charger16('D')]
  await turns(3)
  for (const [i, charger] of good.entries()) await start(charger, `T${i}`)
  await turns(10)
  // Whatever starts at the one that refuses draws what it likes, at once.
  expect(may(good) + ignoring.failsafe! + 32).toBeLessThanOrEqual(63)
  expect(may(good)).toBeGreaterThanOrEqual(24)

  await start(refusing, 'TR')
  await start(ignoring, 'TI')
  await turns(20)
  expect(may([...good, ignoring]) + 32).toBeLessThanOrEqual(63)

  site.clock.advance(30_000)
  await meters(ignoring, 19)
  await turns(10)
  expect(may(good) + 19 + 32).toBeLessThanOrEqual(63)
  expect(good.filter((c) => c.limit === 0)).toHaveLength(2)

  // It comes round: the others get its share back.
  refusing.answer = 'Accepted'
  site.clock.advance(30_000)
  await meters(ignoring, 6)
  await turns(20)
  expect(may([...good, ignoring, refusing])).toBeLessThanOrEqual(63)
  expect(may([...good, ignoring, refusing])).toBeGreaterThan(60)
})

it('a limit that falls a little is kept to a little', async () => {
  site = await TestController.start({ config: { siteLimitMa: 64_000 } })
  const all = [await charger16('A'), await charger16('B'), await charger16('C'), await charger16('D')]
  await turns(3)
  for (const [i, charger] of all.entries()) await start(charger, `T${i}`)
  await turns(10)
  expect(may(all)).toBe(64)
  await site.apply('site', { limitMa: 62_000 })
  await turns(10)
  expect(may(all)).toBe(62)
})

it('a higher failsafe waits until the sessions have made room for it', async () => {
  site = await TestController.start({ config: { siteLimitMa: 63_000 } })
  await site.apply('site', { limitMa: 20_000 })
  const all: Charger[] = []
  for (let i = 0; i < 6; i++) all.push(await charger16(`S${i}`))
  await turns(5)
  expect(all.map((c) => c.failsafe)).toEqual([0, 0, 0, 0, 0, 0])
  await start(all[0]!, 'T0')
  await turns(5)
  expect(may(all)).toBe(20)
  await site.apply('site', { limitMa: 63_000 })
  for (let i = 0; i < 10; i++) {
    await turns(1)
    expect(may(all)).toBeLessThanOrEqual(63)
  }
  expect(all.slice(1).map((c) => c.failsafe)).toEqual([6, 6, 6, 6, 6])
  expect(all[0]!.limit).toBe(33)
})

it('profiles are told again to a station that comes back without a boot', async () => {
  site = await TestController.start({ config: { siteLimitMa: 32_000 } })
  const a = await charger16('A')
  await settles(() => a.failsafe === 6)
  await start(a, 'T1')
  await settles(() => a.limit === 32)
  delete a.failsafe
  delete a.limit
  await a.station.close()
  a.station = await connect(site.url, 'A')
  takesProfiles(a)
  await settles(() => a.failsafe === 6 && a.limit === 32)
  const { asked } = a
  await turns(5)
  expect(a.asked).toBe(asked)
})

it('a restart of the controller pauses nobody while the stations come back', async () => {
  site = await TestController.start({ config: { siteLimitMa: 32_000 } })
  const a = await charger16('A')
  const b = await charger16('B')
  await turns(3)
  await start(a, 'T1')
  await start(b, 'T2')
  await settles(() => a.limit === 16 && b.limit === 16)
  await site.restart()
  a.station = await connect(site.url, 'A')
  takesProfiles(a)
  chargers.splice(1, 1)
  await turns(10)
  expect(a.limit).toBe(16)
  // The other does not come back: what it may be drawing is nobody's.
  site.clock.advance(RETURN_GRACE_MS)
  await turns(3)
  expect(a.limit).toBe(0)
})

it('sends no limit for a session that is over, or that came late from a queue', async () => {
  site = await TestController.start({ config: { siteLimitMa: 32_000 } })
  const a = await charger16('A')
  await settles(() => a.failsafe === 6)
  await start(a, 'T1')
  await settles(() => a.limit === 32)
  const transactions = new Set<unknown>()
  a.station.handle('SetChargingProfile', ({ csChargingProfiles }) => {
    transactions.add((csChargingProfiles as JsonObject).transactionId)
    return { status: 'Accepted' }
  })
  const late = await a.station.call('StartTransaction', {
    connectorId: 1,
    idTag: 'T0',
    meterStart: 0,
    timestamp: '2026-11-23T08:00:00Z',
  })
  await site.apply('site', { limitMa: 20_000 })
  await turns(5)
  expect(transactions.size).toBe(1)
  expect(transactions).not.toContain(late.transactionId)
  await a.station.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Available' })
  transactions.clear()
  await site.apply('site', { limitMa: 10_000 })
  await turns(3)
  expect([...transactions].filter((id) => id !== undefined)).toEqual([])
})

it('a station that shall have no failsafe is given none, and all that it may draw is reserved until its session has a limit', async () => {
  site = await TestController.start({ config: { siteLimitMa: 63_000 } })
  const asItIs = { approved: true, failsafe: false }
  await site.apply('stations', { stations: [{ stationId: 'N', ...asItIs }] })
  const none = await charger16('N')
  const good = [await charger16('A'), await charger16('B')]
  await turns(3)
  for (const [i, charger] of good.entries()) await start(charger, `T${i}`)
  await turns(10)
  expect(none.failsafe).toBeUndefined()
  expect(may(good)).toBeLessThanOrEqual(63 - 32)
  expect(may(good)).toBeGreaterThanOrEqual(30)
  // Its session is limited as any other.
  await start(none, 'TN')
  await turns(10)
  expect(none.limit).toBeDefined()
  expect(may([...good, none])).toBeLessThanOrEqual(63)
  expect(may([...good, none])).toBeGreaterThan(60)
  // It shall have one after all, and so shall a whole site that had said otherwise.
  await site.apply('site', { failsafe: false })
  await site.apply('stations', { stations: [{ stationId: 'N', approved: true, failsafe: true }] })
  await turns(3)
  expect(none.failsafe).toBe(6)
})

it('a station that turns out to take whole amperes only is told its limits again as soon as an operator says so', async () => {
  site = await TestController.start({ config: { siteLimitMa: 20_500 } })
  const a = await charger16('A')
  await settles(() => a.failsafe === 6)
  await start(a, 'T1')
  await settles(() => a.limit === 20.5)
  const stations = [{ stationId: 'A', approved: true, quirks: { 'whole-amps': true } }]
  await site.apply('stations', { stations })
  await settles(() => a.limit === 20)
  await site.apply('stations', { stations: [] })
  await settles(() => a.limit === 20.5)
})

it('limits one that an operator has accepted and that never boots here, too', async () => {
  site = await TestController.start({ config: { siteLimitMa: 32_000, onboarding: 'approve' } })
  await site.apply('stations', {
    stations: ['A', 'B'].map((stationId) => ({ stationId, approved: true })),
  })
  const [a, b] = await Promise.all(['A', 'B'].map(async (id) => await unbooted16(id)))
  await settles(() => a!.failsafe === 6 && b!.failsafe === 6)
  await start(a!, 'T1')
  await start(b!, 'T2')
  await settles(() => {
    expect((a!.limit ?? 6) + (b!.limit ?? 6)).toBeLessThanOrEqual(32)
    return a!.limit === 16 && b!.limit === 16
  })
})
