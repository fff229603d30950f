/** Remote starts, and the sessions that follow, in both orders of cable and command, over real sockets and with stations that are not ours. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'
import { VOUCHED_MS } from './remote-starts.ts'

let site: TestController
let station: ChargePoint
afterEach(async () => {
  await station.close()
  await site.stop()
})

let heard: JsonObject[]
async function come(protocol: 'ocpp1.6' | 'ocpp2.0.1') {
  station = await connect(site.url, 'CP1', protocol)
  const action = protocol === 'ocpp1.6' ? 'RemoteStartTransaction' : 'RequestStartTransaction'
  station.handle(action, (payload) => {
    heard.push(payload)
    return { status: 'Accepted' }
  })
  await station.call(
    'BootNotification',
    protocol === 'ocpp1.6'
      ? { chargePointVendor: 'V', chargePointModel: 'M' }
      : { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } },
  )
}
async function open(protocol: 'ocpp1.6' | 'ocpp2.0.1') {
  heard = []
  site = await TestController.start({ config: { offlinePolicy: 'refuse' } })
  await come(protocol)
}
const command = (id: string, kind: string, args: JsonObject) =>
  site.controller.execute(
    { id, stationId: 'CP1', kind, args, issuedAt: '2026-11-23T12:00:00Z', expiresAt: '2026-11-23T13:00:00Z' },
    30_000,
  )
const remoteStart = (id: string, args: JsonObject = {}) =>
  command(id, 'RemoteStart', { idToken: { value: 'APP-1' }, ...args })
const started = async () => (await site.factsOf('session.started')).map((it) => it.data.commandId)

describe('on 1.6', () => {
  const authorized = async (idTag = 'APP-1') =>
    ((await station.call('Authorize', { idTag })).idTagInfo as JsonObject).status
  const start = async (connectorId: number, timestamp = new Date(site.clock.now()).toISOString()) =>
    (await station.call('StartTransaction', { connectorId, idTag: 'APP-1', meterStart: 0, timestamp }))
      .idTagInfo

  it('a station that asks Authorize again is told what was decided, also after a restart, and for a while only', async () => {
    await open('ocpp1.6')
    expect(await authorized()).toBe('Invalid')
    await remoteStart('c1')
    expect(await authorized('app-1')).toBe('Accepted')
    await site.restart()
    await station.close()
    await come('ocpp1.6')
    expect(await authorized()).toBe('Accepted')
    site.clock.advance(VOUCHED_MS)
    expect(await authorized()).toBe('Invalid')
  })

  it('a raw call vouches as the command does', async () => {
    await open('ocpp1.6')
    const payload = { idTag: 'APP-1', connectorId: 1 }
    await command('c1', 'ocpp.call', { action: 'RemoteStartTransaction', payload })
    expect(await start(1)).toEqual({ status: 'Accepted' })
    expect(await started()).toEqual(['c1'])
  })

  it('a token that the site knows to be blocked stays blocked', async () => {
    await open('ocpp1.6')
    await site.apply('tokens', { tokens: [{ idToken: 'APP-1', type: 'Central', status: 'Blocked' }] })
    await remoteStart('c1')
    expect(await authorized()).toBe('Blocked')
  })

  it('the session of its token at its connector is its own, no other one, and none that began before', async () => {
    await open('ocpp1.6')
    site.clock.advance(10 * 60_000)
    await remoteStart('c1', { evseId: 2 })
    const before = new Date(site.clock.now() - 5 * 60_000).toISOString()
    await start(2, before)
    await start(1)
    await start(2)
    expect(await started()).toEqual([undefined, undefined, 'c1'])
    await start(3)
    expect((await started())[3]).toBeUndefined()
  })
})

describe('on 2.0.1', () => {
  let seqNo: number
  const event = (eventType: string, triggerReason: string, transactionId: string, more: JsonObject = {}) => {
    const { transactionInfo = {}, ...rest } = more
    return station.call('TransactionEvent', {
      eventType,
      triggerReason,
      seqNo: seqNo++,
      timestamp: new Date(site.clock.now()).toISOString(),
      transactionInfo: { transactionId, ...(transactionInfo as JsonObject) },
      ...rest,
    })
  }
  const idToken = { idToken: 'APP-1', type: 'Central' }
  const evse = (id: number) => ({ id, connectorId: 1 })

  it('F02: the command first, then the cable: asked again, and started by it; each of two by its id', async () => {
    await open('ocpp2.0.1')
    seqNo = 0
    await remoteStart('c1', { evseId: 1 })
    await remoteStart('c2', { evseId: 2 })
    const answer = await station.call('Authorize', { idToken })
    expect(answer).toEqual({ idTokenInfo: { status: 'Accepted' } })
    const [one, two] = heard.map((it) => it.remoteStartId as number)
    const by = (remoteStartId?: number) => ({ transactionInfo: { remoteStartId: remoteStartId! }, idToken })
    await event('Started', 'RemoteStart', 'tx-2', { ...by(two), evse: evse(2) })
    const reply = await event('Started', 'RemoteStart', 'tx-1', { ...by(one), evse: evse(1) })
    // C01: the same token in two sessions.
    expect(reply).toEqual({ idTokenInfo: { status: 'ConcurrentTx' } })
    expect(await started()).toEqual(['c2', 'c1'])
  })

  it('F01: the cable first, then the command: the session that is there turns out to be its own', async () => {
    await open('ocpp2.0.1')
    seqNo = 0
    await event('Started', 'CablePluggedIn', 'tx-1', { evse: evse(1) })
    await remoteStart('c1', { evseId: 1 })
    const remoteStartId = heard[0]!.remoteStartId as number
    const reply = await event('Updated', 'RemoteStart', 'tx-1', {
      transactionInfo: { remoteStartId },
      idToken,
    })
    expect(reply).toEqual({ idTokenInfo: { status: 'Accepted' } })
    // Told again, it is the same.
    await event('Updated', 'ChargingStateChanged', 'tx-1', {
      transactionInfo: { remoteStartId, chargingState: 'Charging' },
    })
    expect((await site.factsOf('session.updated')).map((it) => it.data)).toEqual([
      {
        idToken: { value: 'APP-1', type: 'Central' },
        authorization: 'Accepted',
        remoteStartId,
        commandId: 'c1',
      },
      { chargingState: 'Charging' },
    ])
  })
})
