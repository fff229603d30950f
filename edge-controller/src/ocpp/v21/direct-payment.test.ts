/** Who pays at a payment terminal (2.1: C18, C24, C25): the terminal vouches for it, and no token of the same name is meant. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { connect21, type Station } from '../../testing/connect-21.ts'
import { TestController } from '../../testing/test-controller.ts'

let site: TestController
let station: Station
beforeEach(async () => {
  site = await TestController.start({ config: { offlinePolicy: 'refuse' } })
  station = await connect21(site.url)
  const chargingStation = { vendorName: 'V', model: 'M' }
  await station.call('BootNotification', { reason: 'PowerUp', chargingStation })
})
afterEach(async () => {
  await station.close()
  await site.stop()
})

const paid = (type = 'DirectPayment') => ({ idToken: { idToken: 'PSP-1', type } })
const start = (evseId: number) =>
  station.call('TransactionEvent', {
    ...{ eventType: 'Started', timestamp: '2026-11-23T12:00:00Z', triggerReason: 'Authorized', seqNo: 0 },
    ...{ transactionInfo: { transactionId: `tx-${evseId}` }, evse: { id: evseId, connectorId: 1 } },
    ...paid(),
  })

it('may charge without the cloud, whatever is known of a token of that name, and is in use nowhere else', async () => {
  await site.apply('tokens', { tokens: [{ idToken: 'PSP-1', type: 'ISO14443', status: 'Blocked' }] })
  expect(await station.call('Authorize', paid('ISO14443'))).toEqual({ idTokenInfo: { status: 'Blocked' } })
  expect(await station.call('Authorize', paid())).toEqual({ idTokenInfo: { status: 'Accepted' } })
  expect(await start(1)).toEqual({ idTokenInfo: { status: 'Accepted' } })
  expect(await start(2)).toEqual({ idTokenInfo: { status: 'Accepted' } })
  const update = await station.call('TransactionEvent', {
    ...{ eventType: 'Updated', timestamp: '2026-11-23T12:05:00Z', triggerReason: 'ChargingStateChanged' },
    ...{ seqNo: 1, transactionInfo: { transactionId: 'tx-1', chargingState: 'Charging' } },
  })
  expect(update).toEqual({})
  const [started] = await site.factsOf('session.started')
  expect(started?.data).toMatchObject({
    idToken: { value: 'PSP-1', type: 'DirectPayment' },
    authorization: 'Accepted',
  })
})

it('may not where the site refuses it, unless an operator has started it', async () => {
  await site.apply('site', { authorization: { directPayment: 'refuse' } })
  expect(await station.call('Authorize', paid())).toEqual({ idTokenInfo: { status: 'Invalid' } })
  expect(await start(1)).toEqual({ idTokenInfo: { status: 'Invalid' } })
  station.handle('RequestStartTransaction', () => ({ status: 'Accepted' }))
  const [issuedAt, expiresAt] = ['2026-11-23T12:00:00Z', '2026-11-23T13:00:00Z']
  const args = { idToken: { value: 'PSP-1', type: 'DirectPayment' }, evseId: 2 }
  const command = { id: 'c1', stationId: 'CS1', kind: 'RemoteStart', args, issuedAt, expiresAt }
  expect(await site.controller.execute(command, 30_000)).toMatchObject({ status: 'accepted' })
  expect(await start(2)).toEqual({ idTokenInfo: { status: 'Accepted' } })
})
