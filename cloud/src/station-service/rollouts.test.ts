/** Staged roll-outs of firmware: the order, who is held back, and what halts one. */
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { stationService } from './service.ts'
import { boot, FIRMWARE_ID, says, session, TestRollouts } from './testing-rollouts.ts'

let on: TestRollouts
beforeEach(async () => {
  on = await TestRollouts.start()
})
afterEach(async () => {
  await on?.stop()
})

test('one station of each site goes first, then the others in waves', async () => {
  await on.sites({ a: ['A-1', 'A-2', 'A-3', 'A-4'], b: ['B-1'] })
  await on.create({ name: 'winter', filter: { vendor: 'Acme', firmware: '1.0' }, policy: { width: 2 } })
  await on.look()
  expect(await on.states()).toEqual({
    'A-1': 'updating',
    'A-2': 'waiting: canary',
    'A-3': 'waiting: canary',
    'A-4': 'waiting: canary',
    'B-1': 'updating',
  })
  expect(await on.requested()).toMatchObject([
    { stationId: 'A-1', kind: 'UpdateFirmware', args: { firmwareId: FIRMWARE_ID, whileCharging: false } },
    { stationId: 'B-1' },
  ])
  await on.updates('A-1')
  await on.look()
  // The wave is not through: B-1 has not booted with the version.
  await on.answers('B-1', 'accepted')
  await on.facts('B-1', says('Installed'))
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-1': 'done', 'A-2': 'waiting: turn', 'B-1': 'updating' })
  await on.facts('B-1', boot('2.0'))
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-2': 'updating', 'A-3': 'updating', 'A-4': 'waiting: turn' })
  await on.updates('A-3')
  await on.updates('A-2')
  await on.look()
  await on.updates('A-4')
  await on.look()
  expect(await on.rollout()).toMatchObject({
    name: 'winter',
    status: 'completed',
    wave: 3,
    stations: { done: 5 },
  })
  expect((await on.stations()).map((s) => [s.stationId, s.canary, s.wave])).toEqual([
    ['A-1', true, 1],
    ['A-2', false, 2],
    ['A-3', false, 2],
    ['A-4', false, 3],
    ['B-1', true, 1],
  ])
  // Each was told once.
  expect((await on.requested()).map((c) => c.stationId).sort()).toEqual(['A-1', 'A-2', 'A-3', 'A-4', 'B-1'])
})

test('a station in a session, and one that is away, are held back until they are free', async () => {
  await on.sites({ a: ['A-1', 'A-2', 'A-3'] })
  await on.facts('A-1', session())
  await on.facts('A-2', [{ kind: 'station.disconnected', data: { reason: 'closed' } }])
  await on.create({ stations: ['A-3', 'A-2', 'A-1'] })
  await on.look()
  expect(await on.states()).toEqual({ 'A-1': 'waiting: charging', 'A-2': 'waiting: away', 'A-3': 'updating' })
  await on.updates('A-3')
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-1': 'waiting: charging', 'A-2': 'waiting: away' })
  await on.facts('A-1', session(true))
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-1': 'updating', 'A-2': 'waiting: away' })
  // A session began before the command came: its site sent nothing, and it is told later.
  await on.answers('A-1', 'failed', { code: 'Charging', description: 'nothing was sent' })
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-1': 'waiting: again-later' })
  on.it.platform.clock.advance(60_000)
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-1': 'updating' })
  expect((await on.requested()).filter((c) => c.stationId === 'A-1')).toHaveLength(2)
})

test('where it is told so, a session is no reason to wait', async () => {
  await on.sites({ a: ['A-1'] })
  await on.facts('A-1', session())
  await on.create({ stations: ['A-1'], policy: { whileCharging: true } })
  await on.look()
  expect(await on.states()).toEqual({ 'A-1': 'updating' })
  expect((await on.requested())[0]!.args).not.toHaveProperty('whileCharging')
})

test.each([
  ['it told InstallVerificationFailed', async () => on.facts('A-1', says('InstallVerificationFailed'))],
  ['it answered InvalidCertificate', async () => on.answers('A-1', 'InvalidCertificate')],
  [
    'it was not told: FirmwareNotHere: no room',
    async () => on.answers('A-1', 'failed', { code: 'FirmwareNotHere', description: 'no room' }),
  ],
  [
    'it told Installed, and booted with 1.0 instead of 2.0',
    async () => {
      await on.facts('A-1', says('Installed'))
      await on.facts('A-1', boot('1.0'))
    },
  ],
  [
    'not through 120 min after it was told: it last told Downloading, and it has 1.0',
    async () => {
      await on.facts('A-1', says('Downloading'))
      on.it.platform.clock.advance(120 * 60_000)
    },
  ],
])('halts with an alert: %s', async (reason, fail) => {
  await on.sites({ a: ['A-1', 'A-2'] })
  await on.create({ filter: { siteId: 'a' } })
  await on.look()
  await fail()
  await on.look()
  expect(await on.rollout()).toMatchObject({ status: 'halted', reason: `A-1 failed: ${reason}` })
  expect(await on.states()).toMatchObject({ 'A-1': 'failed' })
  expect(await on.alerts()).toMatchObject([
    { kind: 'alert.raised', rule: 'rollout-halted', alertId: `rollout-halted:${on.rolloutId}:1` },
  ])
  await on.look()
  expect(await on.requested()).toHaveLength(1)
})

test('a halted one is resumed without the failed station, or with it, and halts again', async () => {
  await on.sites({ a: ['A-1', 'A-2', 'A-3'] })
  await on.create({ filter: { siteId: 'a' } })
  await on.look()
  await on.facts('A-1', says('DownloadFailed'))
  await on.look()
  expect((await on.it.ask('POST', `/v1/rollouts/${on.rolloutId}/resume`, {})).body.status).toBe('running')
  await on.look()
  // Another first one of its site.
  expect(await on.states()).toMatchObject({ 'A-1': 'failed', 'A-2': 'updating', 'A-3': 'waiting: canary' })
  await on.facts('A-2', says('InvalidSignature'))
  await on.look()
  expect(await on.rollout()).toMatchObject({
    status: 'halted',
    reason: '2 stations failed; A-2 failed: it told InvalidSignature',
  })
  const again = await on.it.ask('POST', `/v1/rollouts/${on.rolloutId}/resume`, { retryFailed: true })
  expect(again.body).toMatchObject({ status: 'running', reason: null, stations: { failed: 0 } })
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-1': 'updating' })
  expect((await on.alerts()).map((a) => [a.kind, a.alertId.split(':').at(-1)])).toEqual([
    ['alert.raised', '1'],
    ['alert.cleared', '1'],
    ['alert.raised', '2'],
    ['alert.cleared', '2'],
  ])
})

test('so many failures as are put up with do not halt it, and a station that is done may still fail', async () => {
  await on.sites({ a: ['A-1', 'A-2', 'A-3'] })
  await on.create({ filter: { siteId: 'a' }, policy: { maxFailures: 2 } })
  await on.look()
  await on.updates('A-1')
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-1': 'done', 'A-2': 'updating', 'A-3': 'updating' })
  await on.facts('A-2', says('DownloadFailed'))
  await on.look()
  expect((await on.rollout()).status).toBe('running')
  await on.facts('A-1', says('InstallVerificationFailed'))
  await on.look()
  expect(await on.rollout()).toMatchObject({ status: 'halted', stations: { failed: 2, updating: 1 } })
  // What was told goes on.
  await on.updates('A-3')
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-3': 'done' })
})

test('Installed is enough where the policy says so', async () => {
  await on.sites({ a: ['A-1'] })
  await on.create({ stations: ['A-1'], policy: { confirmBy: 'installed' } })
  await on.look()
  await on.facts('A-1', says('Installed'))
  await on.look()
  expect(await on.rollout()).toMatchObject({ status: 'completed', stations: { done: 1 } })
})

test('two processes carry one on: each station is told once, also after one was stopped', async () => {
  const ids = Array.from({ length: 12 }, (_, i) => `A-${String(i).padStart(2, '0')}`)
  await on.sites({ a: ids })
  const second = await stationService.start({ ...on.it.platform.context, metrics: new Registry() })
  await on.create({ filter: { siteId: 'a' }, policy: { width: 12 } })
  await on.look()
  await on.updates('A-00')
  await on.look()
  expect((await on.rollout()).stations.updating).toBe(11)
  await second.stop(1_000)
  for (const id of ids.slice(1)) await on.updates(id)
  await on.look()
  expect((await on.rollout()).status).toBe('completed')
  expect((await on.requested()).map((c) => c.stationId).sort()).toEqual(ids)
})
