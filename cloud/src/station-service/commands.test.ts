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

test('who has just connected is called and commanded, though it is not known here yet', async () => {
  await createSite()
  await online()
  const answer = ask('POST', '/v1/stations/CS-1/calls', { action: 'ClearCache', payload: {} })
  const commanded = ask('POST', '/v1/stations/CS-1/commands', { kind: 'ClearCache', args: {} })
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  expect((await commanded).status).toBe(202)
  const requested = async () => {
    await platform.relay()
    return (await platform.entries('command.requested'))
      .map((it) => JSON.parse(it.text).data.command as Command)
      .find((it) => it.kind === 'ocpp.call')
  }
  await expect.poll(requested).toBeDefined()
  const data = { commandId: (await requested())!.id, status: 'accepted', reply: { status: 'Accepted' } }
  await platform.appendFacts(SITE, [{ kind: 'command.outcome', data } as FactDraft])
  await platform.settle(service)
  expect(await answer).toEqual({ status: 200, body: { status: 'Accepted' } })
})

test('a reply that was too large to be kept is told as that, and not as an empty one', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  await online()
  const answer = ask('POST', '/v1/stations/CS-1/calls', { action: 'GetConfiguration', payload: {} })
  const { id } = await issuedCommand()
  const error = { code: 'ReplyTooLarge', description: 'over 32768 bytes' }
  const data = { commandId: id, status: 'accepted', error }
  await platform.appendFacts(SITE, [{ kind: 'command.outcome', data } as FactDraft])
  await platform.settle(service)
  expect(await answer).toMatchObject({ status: 502, body: { code: 'ReplyTooLarge' } })
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

test('what the cloud made of silence gives way to the word of the site, and its first word stands', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  await online()
  const say = async (...said: ('accepted' | 'unknown' | 'expired' | 'rejected')[]) => {
    const { commandId } = (
      await ask('POST', '/v1/stations/CS-1/commands', { kind: 'Reset', args: {}, ttlMs: 1000 })
    ).body
    const status = async () => (await ask('GET', `/v1/commands/${commandId}`)).body
    await expect
      .poll(async () => {
        platform.clock.advance(6_000)
        return (await status()).status
      })
      .toBe('unknown')
    expect((await status()).error.code).toBe('NoOutcome')
    for (const it of said)
      await platform.appendFacts(SITE, [
        { kind: 'command.outcome', data: { commandId, status: it, error: { code: it, description: '' } } },
      ])
    await platform.settle(service)
    return (await status()).status
  }
  expect(await say('accepted')).toBe('accepted')
  expect(await say('expired')).toBe('expired')
  // The site did not know, and has learnt it since.
  expect(await say('unknown', 'accepted')).toBe('accepted')
  // The site's unknown means that something may have happened: no later expiry takes that back.
  expect(await say('unknown', 'expired')).toBe('unknown')
  expect(await say('accepted', 'rejected', 'unknown')).toBe('accepted')
})

test('a command that will not be sent again is unknown, until the site says more', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  const { commandId } = (await ask('POST', '/v1/stations/CS-1/commands', { kind: 'Reset', args: {} })).body
  await platform.sql.begin((tx) =>
    platform.context.eventLog.publish(tx, {
      tenantId: 'default',
      siteId: SITE,
      kind: 'command.abandoned',
      at: new Date(TEST_EPOCH_MS).toISOString(),
      data: { commandId, reason: 'authority was granted anew after it was sent' },
    }),
  )
  await platform.settle(service)
  const read = async () => (await ask('GET', `/v1/commands/${commandId}`)).body
  expect(await read()).toMatchObject({ status: 'unknown', error: { code: 'EpochChanged' } })
  await platform.appendFacts(SITE, [{ kind: 'command.outcome', data: { commandId, status: 'accepted' } }])
  await platform.settle(service)
  expect(await read()).toMatchObject({ status: 'accepted', error: null })
})

test('a call of which nothing is known says so, and not that nothing happened', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  await online()
  const answer = ask('POST', '/v1/stations/CS-1/calls', { action: 'ClearCache', payload: {} })
  const { id } = await issuedCommand()
  const error = { code: 'NoAnswer', description: 'sent, but no answer came' }
  await platform.appendFacts(SITE, [
    { kind: 'command.outcome', data: { commandId: id, status: 'unknown', error } },
  ])
  await platform.settle(service)
  const { status, body } = await answer
  expect({ status, code: body.code }).toEqual({ status: 504, code: 'NoAnswer' })
  expect(body.detail).toMatch(/^It is not known whether CS-1 did this .*Look before trying again/)
})

test('an awaited command is answered with its outcome, whatever that is', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  await online()
  const answer = ask('POST', '/v1/stations/CS-1/commands?wait=true', {
    kind: 'SetSettings',
    args: { settings: [{ name: 'HeartbeatInterval', value: '60' }] },
  })
  const command = await issuedCommand()
  expect(command.kind).toBe('SetSettings')
  expect(Date.parse(command.expiresAt) - TEST_EPOCH_MS).toBe(24 * 3_600_000)
  const reply = { status: 'NotSupported' }
  await platform.appendFacts(SITE, [
    { kind: 'command.outcome', data: { commandId: command.id, status: 'rejected', reply } },
  ])
  await platform.settle(service)
  expect(await answer).toMatchObject({
    status: 200,
    body: { commandId: command.id, kind: 'SetSettings', status: 'rejected', reply, error: null },
  })
})

test('an awaited command without an outcome in time is told by its id, and goes on', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  await online()
  const answer = ask('POST', '/v1/stations/CS-1/commands?wait=true', { kind: 'ClearCache', args: {} })
  const { id } = await issuedCommand()
  platform.clock.advance(51_000)
  expect(await answer).toEqual({ status: 202, body: { commandId: id } })
  expect((await ask('GET', `/v1/commands/${id}`)).body.status).toBe('pending')
})

test('what cannot be asked is refused before anything is sent, by the field that is wrong', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  const asked = async (kind: string, args: object, stationId = 'CS-1') => {
    const { status, body } = await ask('POST', `/v1/stations/${stationId}/commands`, { kind, args })
    return { status, errors: body.errors }
  }
  expect(await asked('GetBaseReport', { reportBase: 'FullInventory' })).toEqual({
    status: 422,
    errors: [{ path: 'kind', message: 'OCPP 1.6 has no GetBaseReport; it is there in 2.0.1 and 2.1' }],
  })
  expect(await asked('Reset', { evseId: 1 })).toMatchObject({
    status: 422,
    errors: [{ path: 'args.evseId' }],
  })
  expect(await asked('ReserveNow', { reservationId: 1 })).toMatchObject({
    status: 422,
    errors: expect.arrayContaining([{ path: 'args.expiresAt', message: 'is missing' }]),
  })
  expect(await asked('Reset', { typ: 'Hard' })).toEqual({
    status: 422,
    errors: [{ path: 'args.typ', message: 'is not known here' }],
  })
  expect(await asked('Dance', {})).toMatchObject({ status: 422, errors: [{ path: 'kind' }] })
  let nobody: number | undefined
  void asked('Reset', {}, 'NOBODY').then(({ status }) => {
    nobody = status
  })
  // It may just have connected.
  await expect
    .poll(() => {
      platform.clock.advance(100)
      return nobody
    })
    .toBe(404)
  // A session that the cloud cannot know of is left to the site.
  expect((await asked('RemoteStop', { sessionId: 'S-1' })).status).toBe(202)
  await platform.relay()
  expect(await platform.entries('command.requested')).toHaveLength(1)
})
