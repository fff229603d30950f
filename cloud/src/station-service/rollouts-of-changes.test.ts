/** Roll-outs of passwords, certificates and security profiles: in the same stages as firmware; a station is through when its command has come to its end. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { session, TestRollouts } from './testing-rollouts.ts'

let on: TestRollouts
beforeEach(async () => {
  on = await TestRollouts.start()
})
afterEach(async () => {
  await on?.stop()
})
const create = (input: object) => on.create({ firmwareId: undefined, kind: 'RotatePassword', ...input })
/** What the site of the stations is told of their passwords. */
async function passwords() {
  await on.it.platform.settle(on.it.service)
  const entries = await on.it.platform.entries('document.published')
  const bodies = entries.map(({ text }) => JSON.parse(text))
  const { stations } = JSON.parse(bodies.filter(({ data }) => data.name === 'stations').at(-1)!.data.body)
  return Object.fromEntries(
    stations.map((it: { stationId: string; next?: object }) => [it.stationId, it.next]),
  )
}

test('every station is given a password of its own, one of a site first, and none in a session', async () => {
  await on.sites({ a: ['A-1', 'A-2', 'A-3'] })
  await on.facts('A-3', session())
  await create({ filter: { siteId: 'a' }, policy: { width: 2 } })
  await on.look()
  expect(await on.states()).toEqual({
    'A-1': 'updating',
    'A-2': 'waiting: canary',
    'A-3': 'waiting: charging',
  })
  const [told] = await on.requested()
  expect(told).toMatchObject({
    stationId: 'A-1',
    kind: 'RotatePassword',
    args: { sealed: expect.any(String) },
  })
  expect(await passwords()).toEqual({
    'A-1': { id: told!.id, passwordHash: expect.stringMatching(/^scrypt\$/) },
  })
  await on.answers('A-1', 'accepted')
  await on.look()
  expect(await on.states()).toEqual({ 'A-1': 'done', 'A-2': 'updating', 'A-3': 'waiting: charging' })
  const { 'A-1': first, 'A-2': second } = await passwords()
  expect(second.passwordHash).not.toBe(first.passwordHash)
  await on.answers('A-2', 'accepted')
  await on.facts('A-3', session(true))
  await on.look()
  // A session began before the command came: its site sent nothing.
  await on.answers('A-3', 'failed', { code: 'Charging', description: 'nothing was sent' })
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-3': 'waiting: again-later' })
  on.it.platform.clock.advance(60_000)
  await on.look()
  await on.answers('A-3', 'accepted')
  await on.look()
  expect(await on.rollout()).toMatchObject({
    kind: 'RotatePassword',
    args: {},
    version: null,
    status: 'completed',
    stations: { done: 3 },
  })
})

test.each([
  ['NotProved: no connection came with it', 'failed', 'NotProved'],
  ['it answered rejected', 'rejected', undefined],
] as const)('halts with an alert: %s', async (reason, status, code) => {
  await on.sites({ a: ['A-1', 'A-2'] })
  await create({ name: 'autumn', stations: ['A-1', 'A-2'] })
  await on.look()
  await on.answers('A-1', status, code && { code, description: 'no connection came with it' })
  await on.look()
  expect(await on.states()).toEqual({ 'A-1': 'failed', 'A-2': 'waiting: canary' })
  const halted = await on.rollout()
  expect(halted).toMatchObject({ status: 'halted' })
  expect(halted.reason).toContain(reason)
  expect(await on.alerts()).toMatchObject([
    {
      rule: 'rollout-halted',
      text: expect.stringContaining('The roll-out "autumn" of RotatePassword is halted'),
    },
  ])
  expect(await on.requested()).toHaveLength(1)
  // Once more: another password, beside what the station may hold.
  await on.it.ask('POST', `/v1/rollouts/${on.rolloutId}/resume`, { retryFailed: true })
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-1': 'updating' })
})

test('halts when nothing comes of it in its time', async () => {
  await on.sites({ a: ['A-1'] })
  await create({ stations: ['A-1'], kind: 'RotateCertificate', policy: { timeoutMinutes: 30 } })
  await on.look()
  expect(await on.requested()).toMatchObject([{ kind: 'RotateCertificate', args: { whileCharging: false } }])
  on.it.platform.clock.advance(30 * 60_000)
  await on.look()
  expect(await on.states()).toEqual({ 'A-1': 'updating' })
  on.it.platform.clock.advance(60_000)
  await on.look()
  expect((await on.rollout()).status).toBe('halted')
  expect((await on.station('A-1')).reason).toMatch(/nothing came of it for 30 min|not known what came of it/)
})

test('passes over a station that has no password, waits for one that is being changed, and takes those of a profile', async () => {
  await on.sites({ a: ['A-1', 'A-2', 'A-3'] })
  const connected = (securityProfile: number) =>
    [{ kind: 'station.connected', data: { ocpp: '2.0.1', securityProfile } }] as const
  await on.facts('A-1', [...connected(2)])
  await on.facts('A-2', [...connected(2)])
  await on.facts('A-3', [...connected(1)])
  const byHand = await on.it.ask('POST', '/v1/stations/A-2/commands', { kind: 'RotateCertificate', args: {} })
  await create({
    ...{ kind: 'UpgradeSecurityProfile', args: { profile: 3 } },
    ...{ filter: { siteId: 'a', securityProfile: 2 }, policy: { whileCharging: true, width: 5 } },
  })
  await on.look()
  expect((await on.requested()).at(-1)).toMatchObject({
    kind: 'UpgradeSecurityProfile',
    args: { profile: 3 },
  })
  expect((await on.requested()).at(-1)!.args).not.toHaveProperty('whileCharging')
  await on.answers('A-1', 'failed', { code: 'NotInProfile', description: 'it comes with a certificate' })
  await on.look()
  expect(await on.station('A-1')).toMatchObject({ state: 'skipped', reason: 'it comes with a certificate' })
  await on.look()
  expect(await on.states()).toEqual({ 'A-1': 'skipped', 'A-2': 'waiting: again-later' })
  await on.facts('A-2', [
    { kind: 'command.outcome', data: { commandId: byHand.body.commandId, status: 'accepted' } },
  ])
  on.it.platform.clock.advance(60_000)
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-2': 'updating' })
})

test('what cannot be rolled out is refused, with where it is wrong', async () => {
  await on.sites({ a: ['A-1'] })
  const refused = async (input: object) => {
    const { status, body } = await on.it.ask('POST', '/v1/rollouts', {
      ...{ kind: 'RotatePassword', stations: ['A-1'] },
      ...input,
    })
    return [status, body.errors?.map((e: { path: string }) => e.path).join()]
  }
  expect(await refused({ args: { password: 'one-for-all-of-them' } })).toEqual([422, 'args.password'])
  expect(await refused({ args: { whileCharging: true } })).toEqual([422, 'args.whileCharging'])
  expect(await refused({ version: '2.0' })).toEqual([422, 'version'])
  expect(await refused({ kind: 'UpgradeSecurityProfile' })).toEqual([422, 'args.profile'])
  expect(await refused({ kind: 'UpgradeSecurityProfile', args: { profile: 4 } })).toEqual([
    422,
    'args.profile',
  ])
  expect(await refused({ kind: 'Reset' })).toEqual([422, 'kind'])
  expect(await refused({ kind: 'UpdateFirmware', args: {} })).toEqual([422, 'args,firmwareId'])
  expect(await refused({ policy: { confirmBy: 'installed' } })).toEqual([422, 'policy.confirmBy'])
})
