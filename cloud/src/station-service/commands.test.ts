import type { Command } from '@switchyard/protocol/site/command.ts'
import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BUS } from '../platform/bus.ts'
import type { RunningService } from '../platform/service.ts'
import { TEST_EPOCH_MS, type TestPlatform } from '../platform/testing.ts'
import { booted, picture, SITE, startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
let platform: TestPlatform
let service: RunningService

beforeEach(async () => {
  it = await startStationService()
  platform = it.platform
  service = it.service
})
afterEach(async () => {
  await it?.stop()
})
const ask: TestStationService['ask'] = (...request) => it.ask(...request)
const createSite = () => it.createSite()
const online = () => it.online()

test('a command goes to the log and ends with what the site says', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  const issued = await ask('POST', '/v1/stations/CS-1/commands', {
    kind: 'RemoteStart',
    args: { idToken: { value: 'TAG' }, evseId: 1 },
  })
  expect(issued.status).toBe(202)
  const { commandId } = issued.body
  await platform.relay()
  const [requested] = await platform.entries('command.requested')
  expect(JSON.parse(requested!.text).data.command).toMatchObject({
    id: commandId,
    stationId: 'CS-1',
    kind: 'RemoteStart',
    args: { idToken: { value: 'TAG', type: 'Central' }, evseId: 1 },
    expiresAt: new Date(TEST_EPOCH_MS + 30_000).toISOString(),
  })
  const outcome = (status: 'accepted' | 'rejected'): FactDraft => ({
    kind: 'command.outcome',
    data: { commandId, status, reply: { status: 'Accepted' } },
  })
  await platform.appendFacts(SITE, [outcome('accepted'), outcome('rejected')])
  await platform.settle(service)
  expect((await ask('GET', `/v1/commands/${commandId}`)).body).toMatchObject({
    status: 'accepted',
    reply: { status: 'Accepted' },
    error: null,
  })
  expect((await ask('POST', '/v1/stations/CS-1/commands', { kind: 'Dance', args: {} })).status).toBe(422)
})

/** Lets a call be issued, then gives its command. */
async function issuedCommand(): Promise<Command> {
  for (;;) {
    await platform.relay()
    const [requested] = await platform.entries('command.requested')
    if (requested !== undefined) return JSON.parse(requested.text).data.command
  }
}

test('a call answers with the reply of the station, early by the live picture', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  const offline = await ask('POST', '/v1/stations/CS-1/calls', { action: 'ClearCache', payload: {} })
  expect(offline.status).toBe(409)
  await online()
  const answer = ask('POST', '/v1/stations/CS-1/calls', { action: 'ClearCache', payload: {} })
  const command = await issuedCommand()
  expect(command).toMatchObject({ kind: 'ocpp.call', args: { action: 'ClearCache', payload: {} } })
  const outcomes = [{ commandId: command.id, status: 'accepted' as const, reply: { status: 'Accepted' } }]
  platform.bus.publish(BUS.live('default'), picture({ outcomes }, 0))
  expect(await answer).toEqual({ status: 200, body: { status: 'Accepted' } })
  expect((await ask('GET', `/v1/commands/${command.id}`)).body.status).toBe('accepted')
})

test('a call that the station refuses is a 502 with its code', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  await online()
  const unknown = await ask('POST', '/v1/stations/CS-1/calls', { action: 'Explode', payload: {} })
  expect(unknown).toMatchObject({ status: 422, body: { errors: [{ path: 'action' }] } })
  const wrong = { action: 'Reset', payload: { type: 'Hard', no: 1 } }
  expect((await ask('POST', '/v1/stations/CS-1/calls', wrong)).body.errors).toEqual([
    { path: 'payload.no', message: 'is not a property here' },
  ])
  const command = await ask('POST', '/v1/stations/CS-1/commands', { kind: 'ocpp.call', args: wrong })
  expect(command.body.errors).toMatchObject([{ path: 'args.payload.no' }])
  const answer = ask('POST', '/v1/stations/CS-1/calls', { action: 'ClearCache', payload: {} })
  const { id } = await issuedCommand()
  await platform.appendFacts(SITE, [
    {
      kind: 'command.outcome',
      data: { commandId: id, status: 'failed', error: { code: 'NotImplemented', description: 'no' } },
    },
  ])
  await platform.settle(service)
  expect(await answer).toMatchObject({
    status: 502,
    body: { code: 'NotImplemented', detail: 'CS-1 answered NotImplemented: no' },
  })
})

test('a call that the site refuses is a 409 in the words of the site', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  await online()
  const answer = ask('POST', '/v1/stations/CS-1/calls', { action: 'ClearChargingProfile', payload: {} })
  const { id } = await issuedCommand()
  const error = { code: 'LoadManagement', description: 'it would remove a limit of this site' }
  await platform.appendFacts(SITE, [
    { kind: 'command.outcome', data: { commandId: id, status: 'failed', error } },
  ])
  await platform.settle(service)
  expect(await answer).toMatchObject({
    status: 409,
    body: { detail: 'The site refuses this: it would remove a limit of this site; nothing was sent' },
  })
})

test('silence ends a command: expired where nothing can have reached the site, else unknown', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  const command = { kind: 'Reset', args: {}, ttlMs: 1000 }
  const whileAway = (await ask('POST', '/v1/stations/CS-1/commands', command)).body.commandId
  platform.clock.advance(60_000)
  const status = async (id: string) => (await ask('GET', `/v1/commands/${id}`)).body.status
  await expect.poll(() => status(whileAway)).toBe('expired')

  await online()
  const whileOnline = (await ask('POST', '/v1/stations/CS-1/commands', command)).body.commandId
  await expect
    .poll(async () => {
      platform.clock.advance(6_000)
      return await status(whileOnline)
    })
    .toBe('unknown')
})
