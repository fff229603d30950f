/** Staged roll-outs of firmware, over the API and by the facts that sites tell. */
import type { Command } from '@switchyard/protocol/site/command.ts'
import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { testHeaders } from '../platform/testing.ts'
import { MAX_KEPT_ROLLOUTS, MAX_OPEN_ROLLOUTS } from './rollout-create.ts'
import { LOOK_MS } from './rollouts.ts'
import { stationService } from './service.ts'
import { startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
const FIRMWARE_ID = '01234567-89ab-4def-8123-456789abcdef'
const image = {
  firmwareId: FIRMWARE_ID,
  vendor: 'Acme',
  model: null as string | null,
  version: '2.0',
  bytes: 1,
  bytesHere: 1,
  sha256: 'ab'.repeat(32),
  signed: false,
  status: 'ready',
  createdAt: '2026-11-23T12:00:00.000Z',
}
beforeEach(async () => {
  it = await startStationService()
  it.platform.onClient((target, request) => {
    const path = new URL(request.url).pathname
    if (path === `/v1/firmware/${FIRMWARE_ID}`) return Response.json(image)
    if (path.startsWith('/v1/firmware/')) return Response.json({ status: 404 }, { status: 404 })
    return Response.json({ username: target, password: 'told-once' })
  })
  image.status = 'ready'
})
afterEach(async () => {
  await it?.stop()
})

/** Makes sites with stations, which have booted: `{a: ['A-1', 'A-2']}`. */
async function sites(of: Record<string, string[]>): Promise<void> {
  for (const [siteId, stationIds] of Object.entries(of)) {
    await it.ask('POST', '/v1/sites', { siteId, name: siteId, timeZone: 'Europe/Berlin' })
    for (const stationId of stationIds) await facts(stationId, boot('1.0', 'connected'))
    await presence(siteId, true)
  }
}
async function presence(siteId: string, online: boolean): Promise<void> {
  const { sql } = it.platform
  await sql`update station.site set online = ${online}, presence_since = now() where site_id = ${siteId}`
}
const siteOf = (stationId: string) => stationId.split('-')[0]!.toLowerCase()
async function facts(stationId: string, drafts: FactDraft[]): Promise<void> {
  // Each thing that is said has a time of its own.
  it.platform.clock.advance(10)
  await it.platform.appendFacts(
    siteOf(stationId),
    drafts.map((draft) => ({ ...draft, stationId })),
  )
  await it.platform.settle(it.service)
}
const boot = (firmware: string, connected?: 'connected'): FactDraft[] => [
  ...(connected ? [{ kind: 'station.connected' as const, data: { ocpp: '2.0.1' } }] : []),
  {
    kind: 'station.booted',
    data: { ocpp: '2.0.1', vendor: 'Acme', model: 'One', firmware, status: 'Accepted' },
  },
]
const says = (status: string): FactDraft[] => [
  { kind: 'station.event', data: { events: [{ action: 'FirmwareStatusNotification', status }] } },
]
const session = (ended = false): FactDraft[] => {
  const told = {
    evseId: 1,
    connectorId: 1,
    startedAt: '2026-11-23T12:00:00Z',
    authorization: 'Accepted',
    transactionId: '7',
  }
  if (!ended) return [{ kind: 'session.started', sessionId: 'S-1', data: told }]
  const endedAt = '2026-11-23T12:30:00Z'
  const data = { ...told, revision: 1, endedAt, durationMs: 1, reason: 'Local', presumed: false }
  return [{ kind: 'session.ended', sessionId: 'S-1', data: { ...data, review: [], profile: [] } }]
}
async function answers(stationId: string, status: string, error?: { code: string; description: string }) {
  const { commandId } = await station(stationId)
  const reply = error ? {} : { reply: { status: status === 'accepted' ? 'Accepted' : status } }
  const outcome = error ? 'failed' : status === 'accepted' ? 'accepted' : 'rejected'
  await facts(stationId, [
    { kind: 'command.outcome', data: { commandId, status: outcome, ...reply, ...(error ? { error } : {}) } },
  ])
}
/** It is told, installs, and comes back with the version. */
async function updates(stationId: string): Promise<void> {
  await answers(stationId, 'accepted')
  await facts(stationId, says('Installed'))
  await facts(stationId, boot('2.0'))
}

let rolloutId: string
async function create(input: object): Promise<void> {
  const { status, body } = await it.ask('POST', '/v1/rollouts', { firmwareId: FIRMWARE_ID, ...input })
  expect(status, JSON.stringify(body)).toBe(201)
  rolloutId = body.rolloutId
}
const rollout = async () => (await it.ask('GET', `/v1/rollouts/${rolloutId}`)).body
const stations = async () =>
  (await it.ask('GET', `/v1/rollouts/${rolloutId}/stations`)).body.items as {
    stationId: string
    state: string
    heldBy: string | null
    reason: string | null
    canary: boolean
    wave: number | null
    commandId: string
  }[]
const station = async (stationId: string) => (await stations()).find((s) => s.stationId === stationId)!
/** `{A-1: 'updating', A-2: 'waiting: canary'}`. */
const states = async () =>
  Object.fromEntries(
    (await stations()).map((s) => [s.stationId, s.heldBy === null ? s.state : `${s.state}: ${s.heldBy}`]),
  )
/** Until the service has looked at every open roll-out once more. */
async function look(): Promise<void> {
  const since = new Date(it.platform.clock.now())
  await expect
    .poll(async () => {
      it.platform.clock.advance(LOOK_MS)
      const [behind] = await it.platform.sql<{ n: number }[]>`
        select count(*)::int as n from station.rollout where open and looked_at <= ${since}`
      return behind!.n
    })
    .toBe(0)
}
async function requested(): Promise<Command[]> {
  await it.platform.settle(it.service)
  const entries = await it.platform.entries('command.requested')
  return entries.map(({ text }) => JSON.parse(text).data.command)
}
const alerts = async () => {
  await it.platform.settle(it.service)
  const all = await it.platform.entries()
  return all
    .filter((entry) => entry.kind.startsWith('alert.'))
    .map(({ kind, text }) => ({ kind, ...JSON.parse(text).data }))
}

test('one station of each site goes first, then the others in waves', async () => {
  await sites({ a: ['A-1', 'A-2', 'A-3', 'A-4'], b: ['B-1'] })
  await create({ name: 'winter', filter: { vendor: 'Acme', firmware: '1.0' }, policy: { width: 2 } })
  await look()
  expect(await states()).toEqual({
    'A-1': 'updating',
    'A-2': 'waiting: canary',
    'A-3': 'waiting: canary',
    'A-4': 'waiting: canary',
    'B-1': 'updating',
  })
  expect(await requested()).toMatchObject([
    { stationId: 'A-1', kind: 'UpdateFirmware', args: { firmwareId: FIRMWARE_ID, whileCharging: false } },
    { stationId: 'B-1' },
  ])
  await updates('A-1')
  await look()
  // The wave is not through: B-1 has not booted with the version.
  await answers('B-1', 'accepted')
  await facts('B-1', says('Installed'))
  await look()
  expect(await states()).toMatchObject({ 'A-1': 'done', 'A-2': 'waiting: turn', 'B-1': 'updating' })
  await facts('B-1', boot('2.0'))
  await look()
  expect(await states()).toMatchObject({ 'A-2': 'updating', 'A-3': 'updating', 'A-4': 'waiting: turn' })
  await updates('A-3')
  await updates('A-2')
  await look()
  await updates('A-4')
  await look()
  expect(await rollout()).toMatchObject({
    name: 'winter',
    status: 'completed',
    wave: 3,
    stations: { done: 5 },
  })
  expect((await stations()).map((s) => [s.stationId, s.canary, s.wave])).toEqual([
    ['A-1', true, 1],
    ['A-2', false, 2],
    ['A-3', false, 2],
    ['A-4', false, 3],
    ['B-1', true, 1],
  ])
  // Each was told once.
  expect((await requested()).map((c) => c.stationId).sort()).toEqual(['A-1', 'A-2', 'A-3', 'A-4', 'B-1'])
})

test('a station in a session, and one that is away, are held back until they are free', async () => {
  await sites({ a: ['A-1', 'A-2', 'A-3'] })
  await facts('A-1', session())
  await facts('A-2', [{ kind: 'station.disconnected', data: { reason: 'closed' } }])
  await create({ stations: ['A-3', 'A-2', 'A-1'] })
  await look()
  expect(await states()).toEqual({ 'A-1': 'waiting: charging', 'A-2': 'waiting: away', 'A-3': 'updating' })
  await updates('A-3')
  await look()
  expect(await states()).toMatchObject({ 'A-1': 'waiting: charging', 'A-2': 'waiting: away' })
  await facts('A-1', session(true))
  await look()
  expect(await states()).toMatchObject({ 'A-1': 'updating', 'A-2': 'waiting: away' })
  // A session began before the command came: its site sent nothing, and it is told later.
  await answers('A-1', 'failed', { code: 'Charging', description: 'nothing was sent' })
  await look()
  expect(await states()).toMatchObject({ 'A-1': 'waiting: again-later' })
  it.platform.clock.advance(60_000)
  await look()
  expect(await states()).toMatchObject({ 'A-1': 'updating' })
  expect((await requested()).filter((c) => c.stationId === 'A-1')).toHaveLength(2)
})

test('where it is told so, a session is no reason to wait', async () => {
  await sites({ a: ['A-1'] })
  await facts('A-1', session())
  await create({ stations: ['A-1'], policy: { whileCharging: true } })
  await look()
  expect(await states()).toEqual({ 'A-1': 'updating' })
  expect((await requested())[0]!.args).not.toHaveProperty('whileCharging')
})

test.each([
  ['it told InstallVerificationFailed', async () => facts('A-1', says('InstallVerificationFailed'))],
  ['it answered InvalidCertificate', async () => answers('A-1', 'InvalidCertificate')],
  [
    'it was not told: FirmwareNotHere: no room',
    async () => answers('A-1', 'failed', { code: 'FirmwareNotHere', description: 'no room' }),
  ],
  [
    'it told Installed, and booted with 1.0 instead of 2.0',
    async () => {
      await facts('A-1', says('Installed'))
      await facts('A-1', boot('1.0'))
    },
  ],
  [
    'not through 120 min after it was told: it last told Downloading, and it has 1.0',
    async () => {
      await facts('A-1', says('Downloading'))
      it.platform.clock.advance(120 * 60_000)
    },
  ],
])('halts with an alert: %s', async (reason, fail) => {
  await sites({ a: ['A-1', 'A-2'] })
  await create({ filter: { siteId: 'a' } })
  await look()
  await fail()
  await look()
  expect(await rollout()).toMatchObject({ status: 'halted', reason: `A-1 failed: ${reason}` })
  expect(await states()).toMatchObject({ 'A-1': 'failed' })
  expect(await alerts()).toMatchObject([
    { kind: 'alert.raised', rule: 'rollout-halted', alertId: `rollout-halted:${rolloutId}:1` },
  ])
  await look()
  expect(await requested()).toHaveLength(1)
})

test('a halted one is resumed without the failed station, or with it, and halts again', async () => {
  await sites({ a: ['A-1', 'A-2', 'A-3'] })
  await create({ filter: { siteId: 'a' } })
  await look()
  await facts('A-1', says('DownloadFailed'))
  await look()
  expect((await it.ask('POST', `/v1/rollouts/${rolloutId}/resume`, {})).body.status).toBe('running')
  await look()
  // Another first one of its site.
  expect(await states()).toMatchObject({ 'A-1': 'failed', 'A-2': 'updating', 'A-3': 'waiting: canary' })
  await facts('A-2', says('InvalidSignature'))
  await look()
  expect(await rollout()).toMatchObject({
    status: 'halted',
    reason: '2 stations failed; A-2 failed: it told InvalidSignature',
  })
  const again = await it.ask('POST', `/v1/rollouts/${rolloutId}/resume`, { retryFailed: true })
  expect(again.body).toMatchObject({ status: 'running', reason: null, stations: { failed: 0 } })
  await look()
  expect(await states()).toMatchObject({ 'A-1': 'updating' })
  expect((await alerts()).map((a) => [a.kind, a.alertId.split(':').at(-1)])).toEqual([
    ['alert.raised', '1'],
    ['alert.cleared', '1'],
    ['alert.raised', '2'],
    ['alert.cleared', '2'],
  ])
})

test('so many failures as are put up with do not halt it, and a station that is done may still fail', async () => {
  await sites({ a: ['A-1', 'A-2', 'A-3'] })
  await create({ filter: { siteId: 'a' }, policy: { maxFailures: 2 } })
  await look()
  await updates('A-1')
  await look()
  expect(await states()).toMatchObject({ 'A-1': 'done', 'A-2': 'updating', 'A-3': 'updating' })
  await facts('A-2', says('DownloadFailed'))
  await look()
  expect((await rollout()).status).toBe('running')
  await facts('A-1', says('InstallVerificationFailed'))
  await look()
  expect(await rollout()).toMatchObject({ status: 'halted', stations: { failed: 2, updating: 1 } })
  // What was told goes on.
  await updates('A-3')
  await look()
  expect(await states()).toMatchObject({ 'A-3': 'done' })
})

test('Installed is enough where the policy says so', async () => {
  await sites({ a: ['A-1'] })
  await create({ stations: ['A-1'], policy: { confirmBy: 'installed' } })
  await look()
  await facts('A-1', says('Installed'))
  await look()
  expect(await rollout()).toMatchObject({ status: 'completed', stations: { done: 1 } })
})

test('it is paused, goes on, and is cancelled: who was told is seen through', async () => {
  await sites({ a: ['A-1', 'A-2', 'A-3'] })
  await create({ filter: { siteId: 'a' }, policy: { width: 1 } })
  await look()
  const decide = async (what: string) => await it.ask('POST', `/v1/rollouts/${rolloutId}/${what}`, {})
  expect((await decide('pause')).body.status).toBe('paused')
  expect((await decide('pause')).status).toBe(409)
  await updates('A-1')
  await look()
  expect(await states()).toMatchObject({ 'A-1': 'done', 'A-2': 'waiting: turn' })
  await decide('resume')
  await look()
  expect(await states()).toMatchObject({ 'A-2': 'updating' })
  expect((await decide('cancel')).body).toMatchObject({ status: 'cancelled', stations: { cancelled: 1 } })
  await updates('A-2')
  await look()
  expect(await states()).toEqual({ 'A-1': 'done', 'A-2': 'done', 'A-3': 'cancelled' })
  for (const what of ['pause', 'resume', 'cancel']) expect((await decide(what)).status, what).toBe(409)
  const of = async (status: string) =>
    (await it.ask('GET', `/v1/rollouts?status=${status}`)).body.items.map(
      (r: { rolloutId: string }) => r.rolloutId,
    )
  expect(await of('cancelled')).toEqual([rolloutId])
  expect(await of('running')).toEqual([])
})

test('a station that a cancelled one had told is free for another one', async () => {
  await sites({ a: ['A-1'] })
  await create({ stations: ['A-1'] })
  await look()
  const cancelled = rolloutId
  await it.ask('POST', `/v1/rollouts/${cancelled}/cancel`, {})
  await create({ stations: ['A-1'] })
  await look()
  expect(await states()).toEqual({ 'A-1': 'updating' })
  await updates('A-1')
  await look()
  expect((await rollout()).status).toBe('completed')
  rolloutId = cancelled
  expect(await station('A-1')).toMatchObject({
    state: 'cancelled',
    reason: 'another roll-out goes on with it',
  })
  expect(await requested()).toHaveLength(2)
})

test('nobody sees, decides on, or chooses stations of another tenant', async () => {
  await sites({ a: ['A-1'] })
  await create({ stations: ['A-1'] })
  const as = async (method: string, path: string, body?: object) => {
    const headers = { ...testHeaders('other'), 'content-type': 'application/json' }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await it.service.routes!.request(path, { method, headers, ...sent })
    return [response.status, await response.json()] as const
  }
  for (const path of ['', '/stations'])
    expect((await as('GET', `/v1/rollouts/${rolloutId}${path}`))[0]).toBe(404)
  for (const what of ['pause', 'resume', 'cancel'])
    expect((await as('POST', `/v1/rollouts/${rolloutId}/${what}`, {}))[0]).toBe(404)
  expect(await as('GET', '/v1/rollouts')).toEqual([200, { items: [], next: null }])
  for (const of of [{ stations: ['A-1'] }, { filter: { siteId: 'a' } }])
    expect((await as('POST', '/v1/rollouts', { firmwareId: FIRMWARE_ID, ...of }))[0]).toBe(422)
})

test('so many are not over at once, and so many that are over are kept', async () => {
  await sites({ a: ['A-1', 'A-2'] })
  const fill = async (status: string, count: number) => {
    await it.platform.sql`
      insert into station.rollout (rollout_id, tenant_id, version, policy, status, created_at, created_by, status_since, open)
      select ${status} || n, 'default', '1', '{}', ${status}, now() - n * interval '1 s', 'test', now(), false
        from generate_series(1, ${count}::int) n`
  }
  await fill('completed', MAX_KEPT_ROLLOUTS + 5)
  await create({ stations: ['A-1'] })
  const [kept] = await it.platform
    .sql`select count(*)::int as n from station.rollout where status = 'completed'`
  expect(kept!.n).toBe(MAX_KEPT_ROLLOUTS - 1)
  await fill('halted', MAX_OPEN_ROLLOUTS - 1)
  const refused = await it.ask('POST', '/v1/rollouts', { firmwareId: FIRMWARE_ID, stations: ['A-2'] })
  expect(refused).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('cancel one first') },
  })
})

test('two processes carry one on: each station is told once, also after one was stopped', async () => {
  const ids = Array.from({ length: 12 }, (_, i) => `A-${String(i).padStart(2, '0')}`)
  await sites({ a: ids })
  const second = await stationService.start(it.platform.context)
  await create({ filter: { siteId: 'a' }, policy: { width: 12 } })
  await look()
  await updates('A-00')
  await look()
  expect((await rollout()).stations.updating).toBe(11)
  await second.stop(1_000)
  for (const id of ids.slice(1)) await updates(id)
  await look()
  expect((await rollout()).status).toBe('completed')
  expect((await requested()).map((c) => c.stationId).sort()).toEqual(ids)
})

test('what cannot be rolled out is refused, with where it is wrong', async () => {
  await sites({ a: ['A-1', 'A-2'] })
  const refused = async (input: object) => {
    const { status, body } = await it.ask('POST', '/v1/rollouts', { firmwareId: FIRMWARE_ID, ...input })
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
  await facts('A-2', [
    { kind: 'station.booted', data: { ocpp: '1.6', vendor: 'Other', model: 'X', status: 'Accepted' } },
  ])
  expect(await refused({ stations: ['A-2'] })).toEqual([422, 'stations'])
  image.status = 'incomplete'
  expect(await refused({ stations: ['A-1'] })).toEqual([
    409,
    `Firmware ${FIRMWARE_ID} has not come whole yet`,
  ])
  image.status = 'ready'
  await create({ stations: ['A-1', 'A-1'] })
  expect(await refused({ stations: ['A-1'] })).toEqual([
    409,
    `In another roll-out that is not over (${rolloutId}): A-1`,
  ])
  expect((await it.ask('GET', `/v1/rollouts/${FIRMWARE_ID}`)).status).toBe(404)
})

test('a station with the version is passed over, and one that is removed is not waited for', async () => {
  await sites({ a: ['A-1', 'A-2', 'A-3'] })
  await facts('A-1', boot('2.0'))
  await create({ filter: { siteId: 'a' } })
  // Nobody waits for a site that is away.
  await presence('a', false)
  expect((await it.ask('DELETE', '/v1/stations/A-3')).status).toBe(204)
  await look()
  expect(await states()).toEqual({ 'A-1': 'skipped', 'A-2': 'waiting: away', 'A-3': 'skipped' })
  await presence('a', true)
  await look()
  await updates('A-2')
  await look()
  expect((await stations()).map((s) => [s.state, s.reason])).toEqual([
    ['skipped', 'it has 2.0 already'],
    ['done', null],
    ['skipped', 'it was removed'],
  ])
  expect((await rollout()).status).toBe('completed')
})
