import { COMMAND_KINDS } from '@switchyard/protocol/command/commands.ts'
import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BUS } from '../platform/bus.ts'
import type { RunningService } from '../platform/service.ts'
import type { TestPlatform } from '../platform/testing.ts'
import {
  AT,
  booted,
  ended,
  meter,
  picture,
  SITE,
  started,
  startStationService,
  type TestStationService,
} from './testing.ts'

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

test('a site is created with a credential, told to the others, and is there once', async () => {
  const created = await createSite()
  expect(created.status).toBe(201)
  expect(created.body).toMatchObject({
    siteId: SITE,
    timeZone: 'Europe/Berlin',
    online: false,
    journal: null,
    mqtt: { username: SITE, password: 'told-once' },
  })
  expect((await createSite()).status).toBe(409)
  await platform.settle(service)
  expect(await platform.entries('site.registered')).toHaveLength(1)
  const [document] = await platform.entries('document.published')
  expect(JSON.parse(document!.text).data).toMatchObject({
    name: 'site',
    version: { generation: platform.context.eventLog.generation, n: 1 },
    body: '{"timeZone":"Europe/Berlin"}',
  })
  expect((await ask('GET', '/v1/sites')).body).toMatchObject({ items: [{ siteId: SITE }], next: null })
})

test('what is wrong with the input is named by its path', async () => {
  const site = await ask('POST', '/v1/sites', { siteId: '../x', name: '' })
  expect(site.status).toBe(422)
  expect(site.body.errors.map((e: { path: string }) => e.path).sort()).toEqual(['name', 'siteId'])
  const zone = await ask('POST', '/v1/sites', { siteId: 'x', timeZone: 'Mars/Olympus' })
  expect(zone.body.errors).toMatchObject([{ path: 'timeZone' }])
  expect((await ask('GET', '/v1/sessions?cursor=nonsense')).body.errors).toMatchObject([{ path: 'cursor' }])
  expect((await ask('GET', '/v1/stations/none')).status).toBe(404)
})

test('a site whose credential cannot be made says how to get one; an id that never could have one makes no site', async () => {
  platform.onClient(() => Response.json({ status: 503, detail: 'the broker is away' }, { status: 503 }))
  const made = await createSite()
  expect(made.status).toBe(503)
  expect(made.body.detail).toContain(`POST /sites/${SITE}/credentials`)
  const reserved = await ask('POST', '/v1/sites', { siteId: 'cloud' })
  expect(reserved.status).toBe(409)
  const { items } = (await ask('GET', '/v1/sites')).body
  expect(items.map((site: { siteId: string }) => site.siteId)).toEqual([SITE])
})

test('a wish for a station and the facts of its site do not wait for each other', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  await platform.settle(service)
  const { sql } = platform
  let wished: ReturnType<typeof ask> | undefined
  // As the projection does: the site's row, then the station's.
  await sql.begin(async (tx) => {
    await tx`update station.site set ledger_seq = ledger_seq where site_id = ${SITE}`
    wished = ask('PATCH', '/v1/stations/CS-1', { maxPowerW: 11_000 })
    await expect
      .poll(
        () =>
          sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
      .not.toHaveLength(0)
    await tx`update station.station set ledger_seq = ledger_seq where station_id = 'CS-1'`
  })
  expect((await wished)?.status).toBe(200)
})

test('a station shows what its site told, and a replay changes nothing', async () => {
  await createSite()
  await platform.appendFacts(SITE, [
    ...booted,
    started,
    meter(10, 2_200_000, 7_000),
    meter(11, undefined, 7_100),
  ])
  await platform.settle(service)
  await online()
  const shown = await ask('GET', '/v1/stations/CS-1')
  expect(shown.body).toMatchObject({
    siteId: SITE,
    ocpp: '1.6',
    vendor: 'Acme',
    approved: true,
    connected: true,
    evses: [{ evseId: 1, sessionId: 'S-1', connectors: [{ status: 'Available', errorCode: null }] }],
    // 12:00 UTC is 13:00 in Berlin.
    statusText: 'Charging since 13:00 CET, 7.1 kW',
    ledgerSeq: 4,
  })
  const session = await ask('GET', '/v1/sessions/S-1')
  expect(session.body).toMatchObject({ status: 'running', energyWh: 1200, powerW: 7_100, cost: null })

  const before = await snapshot()
  await platform.sql`update log.cursor set position = 0, received_at = 'epoch' where consumer = 'station'`
  await platform.settle(service)
  expect(await snapshot()).toEqual(before)
})

async function snapshot() {
  const { sql } = platform
  return {
    sites: await sql`select * from station.site order by site_id`,
    stations: await sql`select * from station.station order by station_id`,
    connectors: await sql`select * from station.connector order by station_id, evse_id`,
    sessions: await sql`select * from station.session order by session_id`,
    commands: await sql`select * from station.command order by command_id`,
  }
}

test('a live picture moves a running session, and never one that the facts know better', async () => {
  await createSite()
  await platform.appendFacts(SITE, [...booted, started])
  await platform.settle(service)
  const energy = async () => (await ask('GET', '/v1/sessions/S-1')).body

  await platform.bus.put(BUS.livePicture(SITE), picture({ ledgerSeq: 3 }, 5_000_000), 60_000)
  expect((await energy()).energyWh).toBe(0)
  await platform.bus.put(BUS.livePicture(SITE), picture({ journalId: 'another' }, 5_000_000), 60_000)
  expect((await energy()).energyWh).toBe(0)
  await platform.bus.put(BUS.livePicture(SITE), picture({}, 5_000_500), 60_000)
  expect(await energy()).toMatchObject({ energyWh: 5000.5, powerW: 7_200, status: 'running' })
  expect((await ask('GET', `/v1/sites/${SITE}`)).body.backlog).toEqual({ ledger: 3, telemetry: 40 })

  await platform.appendFacts(SITE, [ended(1, 6_000_000)])
  await platform.settle(service)
  expect(await energy()).toMatchObject({ energyWh: 6000, powerW: null, status: 'ended' })
})

test('a later revision replaces the end; what comes after the end changes nothing', async () => {
  await createSite()
  await platform.appendFacts(SITE, [
    started,
    ended(1, 5_000_000),
    meter(90, 99_000_000, 9_000),
    ended(2, 6_500_000),
  ])
  await platform.settle(service)
  expect((await ask('GET', '/v1/sessions/S-1')).body).toMatchObject({
    status: 'ended',
    energyWh: 6500,
    revision: 2,
    presumed: false,
    durationMs: 3_600_000,
  })
  await platform.appendFacts(SITE, [ended(1, 5_000_000)])
  await platform.settle(service)
  expect((await ask('GET', '/v1/sessions/S-1')).body.energyWh).toBe(6500)
})

test('an end that a station told is shown in place of every one that a cloned box presumed, whichever came first', async () => {
  const end = (revision: number, energyMilliWh: number, presumed: boolean): FactDraft => {
    const fact = ended(revision, energyMilliWh)
    return { ...fact, data: { ...fact.data, presumed } } as FactDraft
  }
  const shown = async () => {
    await platform.settle(service)
    const { energyWh, revision, presumed } = (await ask('GET', '/v1/sessions/S-1')).body
    return { energyWh, revision, presumed }
  }
  await createSite()
  await platform.appendFacts(SITE, [started, end(1, 5_000_000, true)])
  expect(await shown()).toEqual({ energyWh: 5000, revision: 1, presumed: true })
  await platform.appendFacts(SITE, [end(1, 6_500_000, false)])
  expect(await shown()).toEqual({ energyWh: 6500, revision: 2, presumed: false })
  await platform.appendFacts(SITE, [
    ...[end(2, 5_000_000, true), end(3, 5_000_000, true), end(1, 6_500_000, false)],
  ])
  expect(await shown()).toEqual({ energyWh: 6500, revision: 2, presumed: false })
  await platform.appendFacts(SITE, [end(2, 6_600_000, false)])
  expect(await shown()).toEqual({ energyWh: 6600, revision: 3, presumed: false })
})

test('a session in review says why; one that was never seen to start is shown from its end', async () => {
  await createSite()
  await platform.appendFacts(SITE, [ended(1, 5_000_000, ['register-falling'])])
  await platform.settle(service)
  const list = await ask('GET', '/v1/sessions?status=review')
  expect(list.body.items).toMatchObject([{ sessionId: 'S-1', review: ['register-falling'] }])
  expect((await ask('GET', '/v1/sessions?status=ended')).body.items).toEqual([])
})

test('a fenced lane sets no current state, but its sessions are recorded', async () => {
  await createSite()
  await platform.appendFacts(SITE, booted)
  const fenced = { authority: false, journalId: 'clone' }
  await platform.appendFacts(
    SITE,
    [{ kind: 'station.disconnected', stationId: 'CS-1', data: { reason: 'gone' } }, started],
    fenced,
  )
  await platform.settle(service)
  await online()
  const station = (await ask('GET', '/v1/stations/CS-1')).body
  expect(station).toMatchObject({ connected: true, statusText: 'Available', evses: [{ sessionId: null }] })
  expect((await ask('GET', '/v1/sessions/S-1')).body.status).toBe('running')
  expect((await ask('GET', `/v1/sites/${SITE}`)).body.journal).toMatchObject({
    journalId: `journal-${SITE}`,
    ledgerSeq: 3,
  })
})

test('a session names the remote start that it was started by, also where that is told later', async () => {
  await createSite()
  const by = async () => {
    await platform.settle(service)
    return (await ask('GET', '/v1/sessions/S-1')).body.commandId
  }
  await platform.appendFacts(SITE, [started])
  expect(await by()).toBeNull()
  const data = { remoteStartId: 7, commandId: 'c-1' }
  await platform.appendFacts(SITE, [{ ...started, kind: 'session.updated', data } as FactDraft, ended(1, 1)])
  expect(await by()).toBe('c-1')
})

test('a session shows which of its events are missing, also what comes after its end', async () => {
  await createSite()
  const missingEvents = async () => {
    await platform.settle(service)
    return (await ask('GET', '/v1/sessions/S-1')).body.missingEvents
  }
  const gap = (data: object) => ({ ...started, kind: 'session.gap', data }) as FactDraft
  const missing = [{ from: 2, to: 3 }]
  await platform.appendFacts(SITE, [started, gap({ missing }), ended(1, 1)])
  expect(await missingEvents()).toEqual({ numbers: missing, lost: false })
  await platform.appendFacts(SITE, [gap({ missing, lost: true })])
  expect(await missingEvents()).toEqual({ numbers: missing, lost: true })
  await platform.appendFacts(SITE, [gap({ missing: [] })])
  expect(await missingEvents()).toBeNull()
})

test('a time that cannot be read stops nothing', async () => {
  await createSite()
  const data = { ...(started as Extract<FactDraft, { kind: 'session.started' }>).data, startedAt: 'noon' }
  await platform.appendFacts(SITE, [{ ...started, data } as FactDraft, ended(1, 1_000)])
  await platform.settle(service)
  expect((await ask('GET', '/v1/sessions/S-1')).body).toMatchObject({ status: 'ended', energyWh: 1 })
  expect(await platform.sql`select * from log.parked`).toHaveLength(0)
})

test('sessions of another site or tenant cannot be written over', async () => {
  await createSite()
  await platform.appendFacts(SITE, [started])
  await platform.appendFacts('site-evil', [ended(1, 1)], { tenantId: 'other' })
  await platform.settle(service)
  expect((await ask('GET', '/v1/sessions/S-1')).body).toMatchObject({ status: 'running', siteId: SITE })
})

test('lists go newest first, by pages', async () => {
  await createSite()
  const facts = Array.from({ length: 5 }, (_, i) => ({
    ...started,
    sessionId: `S-${i}`,
    data: {
      ...(started as Extract<FactDraft, { kind: 'session.started' }>).data,
      startedAt: AT(i === 3 ? 2 : i),
    },
  }))
  await platform.appendFacts(SITE, facts as FactDraft[])
  await platform.settle(service)
  const seen: string[] = []
  let cursor = ''
  do {
    const { body } = await ask('GET', `/v1/sessions?limit=2${cursor}`)
    seen.push(...body.items.map((s: { sessionId: string }) => s.sessionId))
    cursor = body.next === null ? '' : `&cursor=${body.next}`
  } while (cursor !== '')
  expect(seen).toEqual(['S-4', 'S-3', 'S-2', 'S-1', 'S-0'])
  const window = await ask('GET', `/v1/sessions?from=${AT(1)}&to=${AT(2)}`)
  expect(window.body.items).toMatchObject([{ sessionId: 'S-1' }])
})

test('a password goes down as a hash, and a wish that changes nothing makes no new version', async () => {
  await createSite()
  const made = await ask('POST', '/v1/stations', {
    stationId: 'CS-9',
    siteId: SITE,
    password: 'correct horse',
  })
  expect(made.status).toBe(201)
  expect(made.body).toMatchObject({
    approved: true,
    connected: false,
    statusText: 'Its site has not connected yet',
  })
  const patched = await ask('PATCH', '/v1/stations/CS-9', { maxPowerW: 22_000 })
  expect(patched.status).toBe(200)
  await ask('PATCH', '/v1/stations/CS-9', { maxPowerW: 22_000 })
  await platform.relay()
  const published = (await platform.entries('document.published'))
    .map((e) => JSON.parse(e.text).data)
    .filter((d) => d.name === 'stations')
  expect(published.map((d) => d.version.n)).toEqual([1, 2])
  expect(JSON.parse(published[1]!.body)).toEqual({
    stations: [
      {
        stationId: 'CS-9',
        approved: true,
        passwordHash: expect.stringMatching(/^scrypt\$4096\$8\$1\$[\w-]{22}\$[\w-]{43}$/),
        maxPowerW: 22_000,
      },
    ],
  })
  expect((await ask('PATCH', '/v1/stations/CS-9', { tariffId: 'none' })).body.errors).toMatchObject([
    { path: 'tariffId' },
  ])
})

test('the document describes the routes, and a request without the service key is refused', async () => {
  const { body: document } = await ask('GET', '/openapi.json')
  expect(Object.keys(document.paths)).toContain('/v1/stations/{stationId}/calls')
  expect(document.components.schemas).toHaveProperty('Session')
  expect((await service.routes!.request('/v1/sites')).status).toBe(401)
})

test('the document tells every command with its arguments, defaults and life', async () => {
  const { body: document } = await ask('GET', '/openapi.json')
  const { post } = document.paths['/v1/stations/{stationId}/commands']
  const { oneOf } = post.requestBody.content['application/json'].schema
  expect(oneOf.map((it: { properties: { kind: { enum: string[] } } }) => it.properties.kind.enum[0])).toEqual(
    COMMAND_KINDS,
  )
  const start = oneOf[COMMAND_KINDS.indexOf('RemoteStart')]
  expect(start.properties.args.required).toEqual(['idToken'])
  expect(start.description).toMatch(
    /^Sessions\. .*1\.6: RemoteStartTransaction; 2\.0\.1: RequestStartTransaction; .*30 s/,
  )
})
