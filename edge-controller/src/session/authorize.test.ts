import { afterEach, describe, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController, type TestControllerOptions } from '../testing/test-controller.ts'
import { ASK_TIMEOUT_MS } from './authorize.ts'

let site: TestController
let station: ChargePoint
afterEach(async () => {
  await station.close()
  await site.stop()
})

async function open(options: TestControllerOptions = {}) {
  site = await TestController.start(options)
  station = await connect(site.url, 'CP1')
  await station.call('BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' })
}
const authorize = async (idTag: string) => (await station.call('Authorize', { idTag })).idTagInfo

describe('who may charge', () => {
  it('is decided by the document, without asking anybody', async () => {
    let asked = 0
    await open({
      ports: {
        ask: async () => {
          asked++
          return 'Accepted'
        },
      },
    })
    await site.apply('tokens', {
      tokens: [
        { idToken: 'GOOD', type: 'RFID', status: 'Accepted', groupId: 'FLEET' },
        { idToken: 'BAD', type: 'RFID', status: 'Blocked' },
        { idToken: 'OLD', type: 'RFID', status: 'Accepted', expiresAt: '2026-11-01T00:00:00Z' },
      ],
    })
    expect(await authorize('good')).toEqual({ status: 'Accepted', parentIdTag: 'FLEET' })
    expect(await authorize('BAD')).toEqual({ status: 'Blocked' })
    expect(await authorize('OLD')).toMatchObject({ status: 'Expired' })
    expect(asked).toBe(0)
    // A document that takes a token away holds at once.
    await site.apply('tokens', { tokens: [{ idToken: 'GOOD', type: 'RFID', status: 'Invalid' }] })
    expect(await authorize('GOOD')).toEqual({ status: 'Invalid' })
  })

  it('is asked of the cloud when the document does not know', async () => {
    await open({ ports: { ask: async (_station, { value }) => (value === 'NEW' ? 'Accepted' : 'Unknown') } })
    expect(await authorize('NEW')).toEqual({ status: 'Accepted' })
    expect(await authorize('OTHER')).toEqual({ status: 'Invalid' })
    const sources = (await site.factsOf('token.decided')).map(({ data }) => [data.source, data.offline])
    expect(sources).toEqual([
      ['cloud', false],
      ['cloud', false],
    ])
  })

  it('is the policy of the site when the cloud does not answer in time', async () => {
    let asked = false
    await open({
      config: { offlinePolicy: 'refuse' },
      ports: {
        ask: () => {
          asked = true
          return new Promise(() => {})
        },
      },
    })
    const refused = authorize('NEW')
    await site.until(() => asked)
    site.clock.advance(ASK_TIMEOUT_MS)
    expect(await refused).toEqual({ status: 'Invalid' })
    await site.apply('site', { offlinePolicy: 'accept' })
    const accepted = authorize('NEW')
    asked = false
    await site.until(() => asked)
    site.clock.advance(ASK_TIMEOUT_MS)
    expect(await accepted).toEqual({ status: 'Accepted' })
    expect((await site.factsOf('token.decided'))[1]?.data).toMatchObject({
      source: 'offline-policy',
      offline: true,
    })
  })

  it('is not in use where it was refused, though the station has not ended that session', async () => {
    await open()
    const start = (connectorId: number, timestamp: string) =>
      station.call('StartTransaction', { connectorId, idTag: 'T', meterStart: 0, timestamp })
    const first = await start(1, '2026-11-23T12:00:00Z')
    expect(await start(2, '2026-11-23T12:00:01Z')).toMatchObject({ idTagInfo: { status: 'ConcurrentTx' } })
    const timestamp = '2026-11-23T12:00:02Z'
    const { transactionId } = first as { transactionId: number }
    await station.call('StopTransaction', { transactionId, meterStop: 0, timestamp })
    expect(await start(3, '2026-11-23T12:00:03Z')).toMatchObject({ idTagInfo: { status: 'Accepted' } })
  })

  it('is nobody a second time: a token that charges elsewhere is ConcurrentTx, and the session is recorded', async () => {
    await open()
    const start = (connectorId: number, timestamp: string) =>
      station.call('StartTransaction', { connectorId, idTag: 'T', meterStart: 0, timestamp })
    expect(await start(1, '2026-11-23T12:00:00Z')).toMatchObject({ idTagInfo: { status: 'Accepted' } })
    expect(await start(2, '2026-11-23T12:00:01Z')).toMatchObject({ idTagInfo: { status: 'ConcurrentTx' } })
    // Out of a queue, of a time before: no second use.
    expect(await start(3, '2026-11-23T09:00:00Z')).toMatchObject({ idTagInfo: { status: 'Accepted' } })
    // The card is presented to end the session.
    expect(await authorize('T')).toEqual({ status: 'Accepted' })
    const started = await site.factsOf('session.started')
    expect(started.map(({ data }) => data.authorization)).toEqual(['Accepted', 'ConcurrentTx', 'Accepted'])
  })
})
