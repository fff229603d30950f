/** Roll-outs over the API: decided on, bounded, a tenant's own, and refused. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { testHeaders } from '../platform/testing.ts'
import { MAX_KEPT_ROLLOUTS, MAX_OPEN_ROLLOUTS } from './rollout-create.ts'
import { boot, FIRMWARE_ID, TestRollouts } from './testing-rollouts.ts'

let on: TestRollouts
beforeEach(async () => {
  on = await TestRollouts.start()
})
afterEach(async () => {
  await on?.stop()
})

test('it is paused, goes on, and is cancelled: who was told is seen through', async () => {
  await on.sites({ a: ['A-1', 'A-2', 'A-3'] })
  await on.create({ filter: { siteId: 'a' }, policy: { width: 1 } })
  await on.look()
  const decide = async (what: string) => await on.it.ask('POST', `/v1/rollouts/${on.rolloutId}/${what}`, {})
  expect((await decide('pause')).body.status).toBe('paused')
  expect((await decide('pause')).status).toBe(409)
  await on.updates('A-1')
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-1': 'done', 'A-2': 'waiting: turn' })
  await decide('resume')
  await on.look()
  expect(await on.states()).toMatchObject({ 'A-2': 'updating' })
  expect((await decide('cancel')).body).toMatchObject({ status: 'cancelled', stations: { cancelled: 1 } })
  await on.updates('A-2')
  await on.look()
  expect(await on.states()).toEqual({ 'A-1': 'done', 'A-2': 'done', 'A-3': 'cancelled' })
  for (const what of ['pause', 'resume', 'cancel']) expect((await decide(what)).status, what).toBe(409)
  const of = async (status: string) =>
    (await on.it.ask('GET', `/v1/rollouts?status=${status}`)).body.items.map(
      (r: { rolloutId: string }) => r.rolloutId,
    )
  expect(await of('cancelled')).toEqual([on.rolloutId])
  expect(await of('running')).toEqual([])
})

test('a station that a cancelled one had told is free for another one', async () => {
  await on.sites({ a: ['A-1'] })
  await on.create({ stations: ['A-1'] })
  await on.look()
  const cancelled = on.rolloutId
  await on.it.ask('POST', `/v1/rollouts/${cancelled}/cancel`, {})
  await on.create({ stations: ['A-1'] })
  await on.look()
  expect(await on.states()).toEqual({ 'A-1': 'updating' })
  await on.updates('A-1')
  await on.look()
  expect((await on.rollout()).status).toBe('completed')
  on.rolloutId = cancelled
  expect(await on.station('A-1')).toMatchObject({
    state: 'cancelled',
    reason: 'another roll-out goes on with it',
  })
  expect(await on.requested()).toHaveLength(2)
})

test('nobody sees, decides on, or chooses stations of another tenant', async () => {
  await on.sites({ a: ['A-1'] })
  await on.create({ stations: ['A-1'] })
  const as = async (method: string, path: string, body?: object) => {
    const headers = { ...testHeaders('other'), 'content-type': 'application/json' }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await on.it.service.routes!.request(path, { method, headers, ...sent })
    return [response.status, await response.json()] as const
  }
  for (const path of ['', '/stations'])
    expect((await as('GET', `/v1/rollouts/${on.rolloutId}${path}`))[0]).toBe(404)
  for (const what of ['pause', 'resume', 'cancel'])
    expect((await as('POST', `/v1/rollouts/${on.rolloutId}/${what}`, {}))[0]).toBe(404)
  expect(await as('GET', '/v1/rollouts')).toEqual([200, { items: [], next: null }])
  for (const of of [{ stations: ['A-1'] }, { filter: { siteId: 'a' } }])
    expect((await as('POST', '/v1/rollouts', { firmwareId: FIRMWARE_ID, ...of }))[0]).toBe(422)
})

test('so many are not over at once, and so many that are over are kept', async () => {
  await on.sites({ a: ['A-1', 'A-2'] })
  const fill = async (status: string, count: number) => {
    await on.it.platform.sql`
      insert into station.rollout (rollout_id, tenant_id, version, policy, status, created_at, created_by, status_since, open)
      select ${status} || n, 'default', '1', '{}', ${status}, now() - n * interval '1 s', 'test', now(), false
        from generate_series(1, ${count}::int) n`
  }
  await fill('completed', MAX_KEPT_ROLLOUTS + 5)
  await on.create({ stations: ['A-1'] })
  const [kept] = await on.it.platform
    .sql`select count(*)::int as n from station.rollout where status = 'completed'`
  expect(kept!.n).toBe(MAX_KEPT_ROLLOUTS - 1)
  await fill('halted', MAX_OPEN_ROLLOUTS - 1)
  const refused = await on.it.ask('POST', '/v1/rollouts', { firmwareId: FIRMWARE_ID, stations: ['A-2'] })
  expect(refused).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('cancel one first') },
  })
})

test('what cannot be rolled out is refused, with where it is wrong', async () => {
  await on.sites({ a: ['A-1', 'A-2'] })
  const refused = async (input: object) => {
    const { status, body } = await on.it.ask('POST', '/v1/rollouts', { firmwareId: FIRMWARE_ID, ...input })
    return [status, body.errors?.map((e: { path: string }) => e.path).join() ?? body.detail]
  }
  expect(await refused({})).toEqual([422, 'stations'])
  expect(await refused({ stations: ['A-1'], filter: { siteId: 'a' } })).toEqual([422, 'stations'])
  expect(await refused({ filter: {} })).toEqual([422, 'filter'])
  expect(await refused({ stations: ['A-1', 'A-9'] })).toEqual([422, 'stations'])
  expect(await refused({ filter: { firmware: '0.9' } })).toEqual([422, 'filter'])
  expect(await refused({ filter: { vendor: 'Other' } })).toEqual([422, 'filter.vendor'])
  expect(await refused({ stations: ['A-1'], version: '3' })).toEqual([422, 'version'])
  expect(await refused({ firmwareId: undefined, location: 'http://x/', stations: ['A-1'] })).toEqual([
    422,
    'version',
  ])
  expect(await refused({ firmwareId: FIRMWARE_ID.replace('0', '1'), stations: ['A-1'] })).toEqual([
    422,
    'firmwareId',
  ])
  expect(await refused({ stations: ['A-1'], policy: { width: 0 } })).toEqual([422, 'policy.width'])
  await on.facts('A-2', [
    { kind: 'station.booted', data: { ocpp: '1.6', vendor: 'Other', model: 'X', status: 'Accepted' } },
  ])
  expect(await refused({ stations: ['A-2'] })).toEqual([422, 'stations'])
  on.image.status = 'incomplete'
  expect(await refused({ stations: ['A-1'] })).toEqual([
    409,
    `Firmware ${FIRMWARE_ID} has not come whole yet`,
  ])
  on.image.status = 'ready'
  await on.create({ stations: ['A-1', 'A-1'] })
  expect(await refused({ stations: ['A-1'] })).toEqual([
    409,
    `In another roll-out that is not over (${on.rolloutId}): A-1`,
  ])
  expect((await on.it.ask('GET', `/v1/rollouts/${FIRMWARE_ID}`)).status).toBe(404)
})

test('a station with the version is passed over, and one that is removed is not waited for', async () => {
  await on.sites({ a: ['A-1', 'A-2', 'A-3', 'A-4'] })
  await on.facts('A-1', boot('2.0'))
  await on.create({ filter: { siteId: 'a' } })
  // Somebody else has updated it before its turn came.
  await on.facts('A-4', boot('2.0'))
  // Nobody waits for a site that is away.
  await on.presence('a', false)
  expect((await on.it.ask('DELETE', '/v1/stations/A-3')).status).toBe(204)
  await on.look()
  expect(await on.states()).toEqual({
    'A-1': 'skipped',
    'A-2': 'waiting: away',
    'A-3': 'skipped',
    'A-4': 'skipped',
  })
  await on.presence('a', true)
  await on.look()
  await on.updates('A-2')
  await on.look()
  expect((await on.stations()).map((s) => [s.state, s.reason])).toEqual([
    ['skipped', 'it has 2.0 already'],
    ['done', null],
    ['skipped', 'it was removed'],
    ['skipped', 'it has 2.0 already'],
  ])
  expect((await on.rollout()).status).toBe('completed')
})
