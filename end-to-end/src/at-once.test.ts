/** What the API has answered holds at the next message of a station: nothing here waits for it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { boot, type Connected, connect } from './stations.ts'
import { type System, startSystem } from './system.ts'

const BOOT = { chargePointVendor: 'Independent', chargePointModel: 'RPC-1' }
let system: System
let station: Connected
beforeAll(async () => {
  system = await startSystem({ broker: 'embedded' })
  station = await connect(system.ocppUrl, 'CP-1', '1.6')
  await boot(station)
}, 120_000)
afterAll(async () => {
  await station?.client.close()
  await system?.stop()
}, 60_000)
const token = (method: string, id: string, body?: object) =>
  system.api.request(method, `/api/v1/tokens/${id}`, body)
const authorize = async (idTag: string) =>
  (await station.client.call<{ idTagInfo: object }>('Authorize', { idTag })).idTagInfo

/** Where a machine stands still so long that a change no longer waits for its site (APPLIED_WAIT_MS), it holds a moment later. */
const WAITS_MS = 2_000
async function holds(change: () => Promise<unknown>, look: () => Promise<unknown>, expected: object) {
  const began = performance.now()
  await change()
  if (performance.now() - began < WAITS_MS) expect(await look()).toEqual(expected)
  else await expect.poll(look).toEqual(expected)
}

test('a token that is made, blocked, given a group or removed is so at the next swipe', async () => {
  for (const id of ['A', 'B', 'C']) {
    const next = () => authorize(id)
    const fleet = { status: 'Accepted', parentIdTag: 'FLEET' }
    await holds(() => token('PUT', id, { groupId: 'FLEET' }), next, fleet)
    const blocked = expect.objectContaining({ status: 'Blocked' })
    await holds(() => token('PATCH', id, { status: 'Blocked' }), next, blocked)
    const accepted = { status: 'Accepted' }
    await holds(() => token('PATCH', id, { status: 'Accepted', groupId: null }), next, accepted)
    await holds(() => token('DELETE', id), next, { status: 'Invalid' })
  }
})

test('so are tokens of a small import', async () => {
  const input = { tokens: [{ idToken: 'I', type: 'ISO14443', groupId: 'FLEET' }] }
  const expected = { status: 'Accepted', parentIdTag: 'FLEET' }
  await holds(
    () => system.api.post('/api/v1/tokens/import', input),
    () => authorize('I'),
    expected,
  )
})

test('the group of the token that stops is told with the stop', async () => {
  await token('PUT', 'D', { groupId: 'FLEET' })
  await token('PUT', 'E', { groupId: 'FLEET' })
  const timestamp = new Date().toISOString()
  const { transactionId } = await station.client.call<{ transactionId: number }>('StartTransaction', {
    ...{ connectorId: 1, idTag: 'D', meterStart: 0, timestamp },
  })
  const stop = { transactionId, meterStop: 0, timestamp, idTag: 'E' }
  expect(await station.client.call('StopTransaction', stop)).toEqual({
    idTagInfo: { status: 'Accepted', parentIdTag: 'FLEET' },
  })
  expect(await station.client.call('StopTransaction', { ...stop, idTag: 'NOBODY' })).toEqual({})
})

test('a station that is made, held back and accepted is so at its next boot, and one that has booted can be called', async () => {
  for (const id of ['CP-2', 'CP-3']) {
    await system.api.post('/api/v1/stations', {
      ...{ stationId: id, siteId: system.siteId, registration: 'rejected', password: 'a-long-password' },
    })
    await expect(connect(system.ocppUrl, id, '1.6')).rejects.toThrow(/Unauthorized/)
    const made = await connect(system.ocppUrl, id, '1.6', 'a-long-password')
    made.client.handle('ClearCache', () => ({ status: 'Rejected' }))
    made.client.handle('TriggerMessage', () => ({ status: 'Accepted' }))
    for (const [registration, status] of [
      ['rejected', 'Rejected'],
      ['pending', 'Pending'],
      ['accepted', 'Accepted'],
    ]) {
      await holds(
        () => system.api.request('PATCH', `/api/v1/stations/${id}`, { registration }),
        () => made.client.call('BootNotification', BOOT),
        expect.objectContaining({ status }),
      )
    }
    const call = { action: 'ClearCache', payload: {} }
    expect(await system.api.post(`/api/v1/stations/${id}/calls`, call)).toEqual({ status: 'Rejected' })
    await made.client.close()
  }
})

test('a direct station comes in as soon as it was made, and with another password as soon as it has that', async () => {
  for (const id of ['CP-4', 'CP-5']) {
    await system.api.post('/api/v1/sites', { siteId: `site-of-${id}`, connection: 'direct' })
    const password = 'a-long-password'
    await system.api.post('/api/v1/stations', { siteId: `site-of-${id}`, stationId: id, password })
    // Before it has ever come, nobody waits for it to be so at the gateway: its knock does.
    const another = 'another-long-password'
    await system.api.request('PATCH', `/api/v1/stations/${id}`, { password: another })
    const direct = await connect(system.directUrl, id, '1.6', another)
    await expect(connect(system.directUrl, id, '1.6', password)).rejects.toThrow(/Unauthorized/)
    await boot(direct)
    direct.client.handle('ClearCache', () => ({ status: 'Accepted' }))
    const call = { action: 'ClearCache', payload: {} }
    expect(await system.api.post(`/api/v1/stations/${id}/calls`, call)).toEqual({ status: 'Accepted' })
    await direct.client.close()
  }
  await expect(connect(system.directUrl, 'NOBODY', '1.6')).rejects.toThrow(/Not Found/)
})
