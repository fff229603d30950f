import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'
import { CONTROL_INTERVAL_MS, RETRY_AFTER_MS } from './control.ts'

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

async function charger16(id: string): Promise<Charger> {
  const station = await connect(site.url, id)
  const charger: Charger = { station, answer: 'Accepted', asked: 0 }
  chargers.push(charger)
  station.handle('SetChargingProfile', (payload) => {
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
  await station.call('BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' })
  await station.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Available' })
  return charger
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
  expect(site.controller.live().map((s) => s.connectors[0]?.session?.limitMa)).toEqual([16_000, 16_000])

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
