import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, describe, expect, it } from 'vitest'
import type { SiteControllerConfig } from '../../central-system-ports.ts'
import { REVIEW_EVERY_S } from '../../load/charging-plan.ts'
import { type ChargePoint, connect } from '../../testing/charge-point.ts'
import { TestController } from '../../testing/test-controller.ts'

let site: TestController
let station: ChargePoint
let profiles: JsonObject[]
afterEach(async () => {
  await station.close()
  await site.stop()
})

async function open(siteLimitMa?: number, more: Partial<SiteControllerConfig> = {}) {
  site = await TestController.start({
    config: { ...(siteLimitMa === undefined ? {} : { siteLimitMa }), ...more },
  })
  station = await connect(site.url, 'CS', 'ocpp2.0.1')
  profiles = []
  station.handle('SetChargingProfile', (payload) => {
    profiles.push(payload)
    return { status: 'Accepted' }
  })
  await station.call('BootNotification', {
    reason: 'PowerUp',
    chargingStation: { vendorName: 'V', model: 'M' },
  })
}
const start = () =>
  station.call('TransactionEvent', {
    eventType: 'Started',
    timestamp: '2026-11-23T12:00:00Z',
    triggerReason: 'Authorized',
    seqNo: 0,
    transactionInfo: { transactionId: 'tx' },
    idToken: { idToken: 'TAG', type: 'ISO14443' },
    evse: { id: 1, connectorId: 1 },
  })
const needs = (chargingNeeds: object) => station.call('NotifyEVChargingNeeds', { evseId: 1, chargingNeeds })
const AC = {
  requestedEnergyTransfer: 'AC_three_phase',
  acChargingParameters: { energyAmount: 20_000, evMinCurrent: 6, evMaxCurrent: 16, evMaxVoltage: 400 },
}
const ofSession = () => profiles.filter((it) => (it.chargingProfile as JsonObject).transactionId === 'tx')
const limit = () => ofSession().at(-1)

it('a plan beyond what the car itself takes is rejected where the site has no limit, and what it was offered told again', async () => {
  await open()
  await start()
  const plan = (limit: number, chargingRateUnit = 'A') =>
    station.call('NotifyEVChargingSchedule', {
      evseId: 1,
      timeBase: '2026-11-23T12:00:00Z',
      chargingSchedule: { id: 1, chargingRateUnit, chargingSchedulePeriod: [{ startPeriod: 0, limit }] },
    })
  expect(await plan(1_000)).toEqual({ status: 'Accepted' })
  await needs(AC)
  await site.until(() => ofSession().length === 1)
  expect(await plan(16)).toEqual({ status: 'Accepted' })
  expect(await plan(17)).toMatchObject({ status: 'Rejected', statusInfo: { reasonCode: 'BeyondLimit' } })
  await site.until(() => ofSession().length === 2)
  expect(ofSession()[1]).toEqual(ofSession()[0])
  // Amperes of direct current are those of the car.
  const dcChargingParameters = { evMaxCurrent: 200, evMaxVoltage: 400, evMaxPower: 50_000 }
  await needs({ requestedEnergyTransfer: 'DC', dcChargingParameters })
  await site.until(() => ofSession().length === 3)
  expect(await plan(200)).toEqual({ status: 'Accepted' })
  expect(await plan(150_000, 'W')).toMatchObject({ status: 'Rejected' })
  await site.until(() => ofSession().length === 4)
  expect(ofSession()[3]).toEqual(ofSession()[2])
})

it('a car is offered the most that it can take, where the site has no limit', async () => {
  await open()
  await start()
  expect(await needs(AC)).toEqual({ status: 'Accepted' })
  await site.until(() => ofSession().length > 0)
  expect(limit()).toMatchObject({
    evseId: 1,
    chargingProfile: {
      chargingProfilePurpose: 'TxProfile',
      chargingSchedule: [{ chargingRateUnit: 'A', chargingSchedulePeriod: [{ startPeriod: 0, limit: 16 }] }],
    },
  })
  const dc = { requestedEnergyTransfer: 'DC', dcChargingParameters: { evMaxCurrent: 100, evMaxVoltage: 400 } }
  await needs(dc)
  await site.until(() => ofSession().length > 1)
  // 40 kW, in amperes of three phases of 230 V.
  expect(JSON.stringify(limit())).toContain('"limit":57.9')
  expect(await site.factsOf('station.event')).toHaveLength(2)
})

it('at a site with a limit it is told the one that load control has for it, again', async () => {
  await open(10_000)
  await start()
  await site.until(() => {
    site.clock.advance(1_000)
    return ofSession().length > 0
  })
  const before = ofSession().length
  expect(await needs(AC)).toEqual({ status: 'Accepted' })
  await site.until(() => {
    site.clock.advance(1_000)
    return ofSession().length > before
  })
  const told = JSON.stringify(limit())
  const [, ampere] = /"limit":([\d.]+)/.exec(told)!
  expect(Number(ampere)).toBeLessThanOrEqual(10)
})

it('without a session there is nothing to offer', async () => {
  await open()
  expect(await needs(AC)).toMatchObject({ status: 'Rejected', statusInfo: { reasonCode: 'NoTransaction' } })
  await station.call('Heartbeat', {})
  expect(ofSession()).toEqual([])
})

/** Virtual time passes until the session is told of a limit in the way that is looked for. */
const isTold = (look: (periods: Period[], profile: JsonObject) => boolean) =>
  site.until(() => {
    site.clock.advance(1_000)
    const profile = limit()?.chargingProfile as JsonObject | undefined
    return profile && look(periodsOf(profile), profile)
  })
interface Period {
  startPeriod: number
  limit: number
}
const scheduleOf = (profile: JsonObject) => (profile.chargingSchedule as JsonObject[])[0]!
const periodsOf = (profile: JsonObject) => scheduleOf(profile).chargingSchedulePeriod as unknown as Period[]
const ask = (chargingNeeds: object, maxScheduleTuples = 12) =>
  station.call('NotifyEVChargingNeeds', { evseId: 1, maxScheduleTuples, chargingNeeds })

describe('at a site with a limit', () => {
  /** 6.624 kWh: at 16 A on three phases of 207 V 40 minutes. */
  const energy = { ...AC.acChargingParameters, energyAmount: 6_624 }
  const byEvening = { ...AC, acChargingParameters: energy, departureTime: '2026-11-23T18:00:00Z' }

  it('its energy and departure become a schedule within its share, and a changed limit another one', async () => {
    await open(20_000)
    await start()
    expect(await ask(byEvening)).toEqual({ status: 'Accepted' })
    await isTold((periods) => periods.length === 2 && periods[0]!.limit === 16)
    const profile = limit()!.chargingProfile as JsonObject
    expect(profile).toMatchObject({ chargingProfileKind: 'Absolute', chargingProfilePurpose: 'TxProfile' })
    const [first, last] = periodsOf(profile)
    // It began a minute ago, lest a station whose clock is behind finds that it has not begun.
    expect(first).toEqual({ startPeriod: 0, limit: 16 })
    expect(last).toEqual({ startPeriod: 2_400 + 60, limit: 6 })
    const startsMs = Date.parse(scheduleOf(profile).startSchedule as string)
    expect(Math.abs(startsMs + 60_000 - site.clock.now())).toBeLessThan(10_000)

    await site.apply('site', { limitMa: 12_000 })
    await isTold((periods) => periods.length === 2 && periods[0]!.limit === 12)
    expect(periodsOf(limit()!.chargingProfile as JsonObject)[1]!.startPeriod).toBeGreaterThan(2_400 + 60)
  })

  it('is not given more periods than it has room for, nor less than its share where that is too little in time', async () => {
    await open(20_000)
    await start()
    await ask(byEvening, 1)
    await isTold(
      ([first], { chargingProfileKind }) => chargingProfileKind === 'Absolute' && first!.limit === 16,
    )
    expect(periodsOf(limit()!.chargingProfile as JsonObject)).toHaveLength(1)
    const before = ofSession().length
    await ask({ ...byEvening, departureTime: '2026-11-23T12:20:00Z' })
    await site.until(() => ofSession().length > before)
    expect(periodsOf(limit()!.chargingProfile as JsonObject)).toEqual([{ startPeriod: 0, limit: 16 }])
  })

  it('what is spread until departure is planned again while it charges, with what it has taken', async () => {
    await open(20_000, { planning: 'spread' })
    await start()
    const reading = (value: number) =>
      station.call('MeterValues', {
        evseId: 1,
        meterValue: [
          {
            timestamp: new Date(site.clock.now()).toISOString(),
            sampledValue: [{ value, measurand: 'Energy.Active.Import.Register' }],
          },
        ],
      })
    await reading(1_000)
    // 9.936 kWh in two hours: 8 A.
    const twoHours = { ...byEvening, acChargingParameters: { ...energy, energyAmount: 9_936 } }
    await ask({ ...twoHours, departureTime: '2026-11-23T14:00:00Z' })
    await isTold(([first]) => first!.limit >= 8 && first!.limit < 8.5)
    await reading(1_000 + 6_000)
    site.clock.advance(REVIEW_EVERY_S * 1_000)
    await isTold(([first]) => first!.limit === 6)
  })

  it('a plan of the car beyond its limit is rejected, and the limit told again (K16)', async () => {
    await open(20_000)
    await start()
    await ask(byEvening)
    await isTold((periods) => periods.length === 2 && periods[0]!.limit === 16)
    const plan = (amperes: number) => ({
      evseId: 1,
      timeBase: '2026-11-23T12:00:00Z',
      chargingSchedule: {
        id: 1,
        chargingRateUnit: 'A',
        chargingSchedulePeriod: [{ startPeriod: 0, limit: amperes }],
      },
    })
    expect(await station.call('NotifyEVChargingSchedule', plan(16))).toEqual({ status: 'Accepted' })
    const before = ofSession().length
    expect(await station.call('NotifyEVChargingSchedule', plan(32))).toEqual({
      status: 'Rejected',
      statusInfo: { reasonCode: 'BeyondLimit', additionalInfo: 'it plans 32.0 A, and has 20.0 A' },
    })
    await site.until(() => ofSession().length > before)
    const events = (await site.factsOf('station.event')).flatMap((it) => it.data.events as JsonObject[])
    expect(events.map((it) => it.action)).toEqual([
      'NotifyEVChargingNeeds',
      'NotifyEVChargingSchedule',
      'NotifyEVChargingSchedule',
    ])
  })

  it('what a car with direct current lacks is reckoned from its state of charge', async () => {
    await open(20_000)
    await start()
    const dcChargingParameters = {
      evMaxCurrent: 100,
      evMaxVoltage: 400,
      evEnergyCapacity: 50_000,
      stateOfCharge: 60,
      fullSoC: 80,
    }
    await ask({ requestedEnergyTransfer: 'DC', dcChargingParameters })
    // 10 kWh at 20 A on three phases of 207 V.
    await isTold((periods) => periods.length === 2 && periods[0]!.limit === 20)
    const [, last] = periodsOf(limit()!.chargingProfile as JsonObject)
    expect(last).toEqual({ startPeriod: Math.ceil((10_000 * 3_600) / (20 * 207 * 3)) + 60, limit: 6 })
  })
})
