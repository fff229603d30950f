import type { DocumentBody } from '@switchyard/protocol/site/document.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { hashPassword } from '../station/password.ts'
import { type ChargePoint, connect, refusal } from '../testing/charge-point.ts'
import { TestController, type TestControllerOptions } from '../testing/test-controller.ts'
import { TELL_EVERY_MS } from './refused-knocks.ts'

const BOOT = { chargePointVendor: 'Example Power', chargePointModel: 'EP-22' }
const BOOT_2X = { reason: 'PowerUp', chargingStation: { vendorName: 'Example Power', model: 'EP-22' } }
type Entry = DocumentBody<'stations'>['stations'][number]

let site: TestController
afterEach(() => site.stop())
const open = async (onboarding: 'open' | 'approve' | 'closed', more: TestControllerOptions = {}) => {
  site = await TestController.start({ ...more, config: { onboarding } })
}
const want = (entry: Partial<Entry> = {}) =>
  site.apply('stations', { stations: [{ stationId: 'CP1', approved: true, ...entry }] })
const closeOf = (station: ChargePoint) =>
  new Promise<{ code: number; reason: string }>((resolve) =>
    station.onClose((code, reason) => resolve({ code, reason })),
  )
const triggerOf = (station: ChargePoint) =>
  new Promise((resolve) =>
    station.handle('TriggerMessage', (payload) => {
      resolve(payload)
      return { status: 'Accepted' }
    }),
  )
const hash = (password: string) => hashPassword(password, Buffer.alloc(16, password.length))

describe('a station that waits for approval', () => {
  it('is asked to boot once, whatever else changes until it does, and not before it has booted at all', async () => {
    await open('approve')
    await want({ approved: false })
    const station = await connect(site.url, 'CP1')
    let asked = 0
    station.handle('TriggerMessage', () => {
      asked++
      return { status: 'Accepted' }
    })
    await want()
    await want({ approved: false })
    expect(await station.call('BootNotification', BOOT)).toMatchObject({ status: 'Pending' })
    expect(asked).toBe(0)
    await want()
    await want({ certificateCn: 'SN-1' })
    await site.until(() => asked > 0)
    expect(await station.call('BootNotification', BOOT)).toMatchObject({ status: 'Accepted' })
    await station.call('Heartbeat', {})
    expect(asked).toBe(1)
    await station.close()
  })
})

describe('a station that an operator rejects', () => {
  it('is asked to boot each time that its answer would be another one', async () => {
    await open('approve')
    await want({ approved: false })
    const station = await connect(site.url, 'CP1')
    expect(await station.call('BootNotification', BOOT)).toMatchObject({ status: 'Pending' })
    for (let round = 0; round < 2; round++) {
      const asked = triggerOf(station)
      await want({ approved: false, rejected: true })
      expect(await asked).toEqual({ requestedMessage: 'BootNotification' })
      expect(await station.call('BootNotification', BOOT)).toMatchObject({ status: 'Rejected' })
      site.clock.advance(1_000)
      await want({ approved: false })
      expect(await station.call('BootNotification', BOOT)).toMatchObject({ status: 'Pending' })
    }
    await station.close()
  })

  it('is cut off when it was accepted, boots as Rejected, and is told again when it speaks without a boot', async () => {
    await open('approve')
    await want()
    const accepted = await connect(site.url, 'CP1')
    expect(await accepted.call('BootNotification', BOOT)).toMatchObject({ status: 'Accepted' })
    const cut = closeOf(accepted)
    await want({ approved: false, rejected: true })
    expect(await cut).toMatchObject({ code: 1008, reason: 'this station was rejected' })

    const again = await connect(site.url, 'CP1')
    const asked = triggerOf(again)
    await expect(again.call('Heartbeat', {})).rejects.toMatchObject({ rpcErrorCode: 'SecurityError' })
    expect(await asked).toEqual({ requestedMessage: 'BootNotification' })
    expect(await again.call('BootNotification', BOOT)).toMatchObject({ status: 'Rejected', interval: 60 })

    const approved = triggerOf(again)
    await want()
    expect(await approved).toEqual({ requestedMessage: 'BootNotification' })
    expect(await again.call('BootNotification', BOOT)).toMatchObject({ status: 'Accepted' })
    await again.close()
  })

  it('hears of it at once while it waits for approval', async () => {
    await open('approve')
    const station = await connect(site.url, 'CP1')
    await station.call('BootNotification', BOOT)
    const asked = triggerOf(station)
    await want({ approved: false, rejected: true })
    expect(await asked).toEqual({ requestedMessage: 'BootNotification' })
    expect(await station.call('BootNotification', BOOT)).toMatchObject({ status: 'Rejected' })
    await station.close()
  })
})

describe('a station that is removed', () => {
  it('is cut off and forgotten; its running session ends, and where onboarding is closed it is refused', async () => {
    await open('closed')
    await want()
    const station = await connect(site.url, 'CP1')
    await station.call('BootNotification', BOOT)
    const at = '2026-11-23T12:00:00Z'
    const start = { connectorId: 1, idTag: 'T', meterStart: 0, timestamp: at }
    await station.call('StartTransaction', start)
    const cut = closeOf(station)
    await want({ approved: false, removal: 'r1', removed: true })
    expect(await cut).toMatchObject({ code: 1008, reason: 'this station was removed' })
    const [removed] = await site.until(async () => {
      const facts = await site.factsOf('station.removed')
      return facts.length > 0 && facts
    })
    expect(removed).toMatchObject({ stationId: 'CP1', data: { removal: 'r1' } })
    expect(await site.factsOf('session.ended')).toMatchObject([
      { data: { presumed: true, reason: 'the station was removed' } },
    ])
    expect(site.controller.live()).toEqual([])
    expect(await refusal(site.url, 'CP1', ['ocpp1.6'])).toMatchObject({ status: 404 })

    await want({ removal: 'r1' })
    const again = await connect(site.url, 'CP1')
    expect(await again.call('BootNotification', BOOT)).toMatchObject({ status: 'Accepted' })
    // It is not forgotten a second time by the same removal.
    await want({ removal: 'r1', maxPowerW: 11_000 })
    expect(await again.call('Heartbeat', {})).toHaveProperty('currentTime')
    await again.close()
  })

  it('is new when it comes again where stations wait for approval', async () => {
    await open('approve')
    await want()
    const station = await connect(site.url, 'CP1')
    await station.call('BootNotification', BOOT)
    const cut = closeOf(station)
    await want({ approved: false, removal: 'r1', removed: true })
    await cut
    await site.until(async () => (await site.factsOf('station.removed')).length > 0)
    const again = await connect(site.url, 'CP1')
    expect(await again.call('BootNotification', BOOT)).toMatchObject({ status: 'Pending' })
    expect((await site.factsOf('station.registered')).map((it) => it.data)).toEqual([
      { onboarding: 'approve', approved: true },
      { onboarding: 'approve', approved: false, afterRemoval: 'r1' },
    ])
    await again.close()
  })
})

describe('the lowest security profile', () => {
  it('closes a connection below it at once, and refuses the next, with the reason', async () => {
    await open('open')
    const station = await connect(site.url, 'CP1')
    await station.call('BootNotification', BOOT)
    const cut = closeOf(station)
    await want({ minProfile: 1 })
    expect((await cut).reason).toBe('security profile 1 is asked for, this connection has 0')
    const refused = await refusal(site.url, 'CP1', ['ocpp1.6'])
    expect(refused).toMatchObject({ status: 401 })
    expect(refused.reason).toContain('give the station a password first')
    await want({ minProfile: 1, passwordHash: await hash('s3cret-s3cret') })
    const proved = await connect(site.url, 'CP1', 'ocpp1.6', { password: 's3cret-s3cret' })
    expect((await site.factsOf('station.connected')).map((it) => it.data.securityProfile)).toEqual([0, 1])
    await proved.close()
  })

  it('of 2.x is 1 once the station is accepted, unless onboarding is open or an operator says otherwise', async () => {
    await open('approve')
    const station = await connect(site.url, 'CP1', 'ocpp2.0.1')
    expect(await station.call('BootNotification', BOOT_2X)).toMatchObject({ status: 'Pending' })
    const cut = closeOf(station)
    await want()
    expect((await cut).reason).toContain('security profile 1')
    expect(await refusal(site.url, 'CP1', ['ocpp2.0.1'])).toMatchObject({ status: 401 })
    await want({ minProfile: 0 })
    const allowed = await connect(site.url, 'CP1', 'ocpp2.0.1')
    expect(await allowed.call('BootNotification', BOOT_2X)).toMatchObject({ status: 'Accepted' })
    await allowed.close()
  })
})

describe('a password on its way to the station', () => {
  it('is taken beside the one before until it was used, then alone', async () => {
    await open('open')
    const [before, after] = [await hash('before-before'), await hash('after-after-after')]
    await want({ passwordHash: before })
    const station = await connect(site.url, 'CP1', 'ocpp1.6', { password: 'before-before' })
    await station.call('BootNotification', BOOT)
    await want({ passwordHash: before, next: { id: 'n1', passwordHash: after } })
    // The connection of before goes on, and may come back.
    expect(await station.call('Heartbeat', {})).toHaveProperty('currentTime')
    await station.close()
    await (await connect(site.url, 'CP1', 'ocpp1.6', { password: 'before-before' })).close()
    expect(await site.factsOf('station.password-proved')).toEqual([])

    const rotated = await connect(site.url, 'CP1', 'ocpp1.6', { password: 'after-after-after' })
    const proved = await site.until(async () => (await site.factsOf('station.password-proved'))[0])
    expect(proved).toMatchObject({ stationId: 'CP1', data: { rotation: 'n1' } })
    const old = { authorization: `Basic ${Buffer.from('CP1:before-before').toString('base64')}` }
    expect(await refusal(site.url, 'CP1', ['ocpp1.6'], old)).toMatchObject({ status: 401 })
    // The cloud knows: nothing changes for the connection.
    await want({ passwordHash: after })
    expect(await rotated.call('BootNotification', BOOT)).toMatchObject({ status: 'Accepted' })
    await rotated.close()
  })
})

describe('connections that are refused', () => {
  it('are told of stations that the site knows, at first and then once in a while with their number', async () => {
    await open('closed')
    await want({ passwordHash: await hash('s3cret-s3cret') })
    for (const id of ['CP1', 'CP1', 'STRANGER']) await refusal(site.url, id, ['ocpp1.6'])
    const told = await site.until(async () => (await site.factsOf('station.connection-refused'))[0])
    expect(told).toMatchObject({ stationId: 'CP1', data: { status: 401, times: 1 } })
    site.clock.advance(TELL_EVERY_MS)
    await refusal(site.url, 'CP1', ['ocpp1.6'])
    await site.until(async () => (await site.factsOf('station.connection-refused')).length === 2)
    const all = await site.factsOf('station.connection-refused')
    expect(all.map((it) => [it.stationId, it.data.times])).toEqual([
      ['CP1', 1],
      ['CP1', 2],
    ])
  })
})
