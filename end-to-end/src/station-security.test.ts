/** What an operator says of a station over the API, and what its running socket hears of it. */
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from './process.ts'
import { type Connected, connect } from './stations.ts'
import { type System, startSystem } from './system.ts'

const BOOT = { chargePointVendor: 'Independent', chargePointModel: 'RPC-1' }
const PASSWORD = 'correct-horse-battery'
const NEW_PASSWORD = 'staple-correct-horse'

describe('a station managed over the API', () => {
  let system: System
  beforeAll(async () => {
    system = await startSystem({ broker: 'embedded', controllerEnv: { ONBOARDING: 'closed' } })
  }, 120_000)
  afterAll(() => system?.stop(), 60_000)

  const want = (wish: object) => system.api.request('PATCH', '/api/v1/stations/CP-1', wish)
  const knock = (password?: string) => connect(system.ocppUrl, 'CP-1', '1.6', password)
  /** Connected, once what was said of it has come down to the site. */
  const comesIn = (password?: string) =>
    eventually('the station to be let in', () => knock(password).catch(() => undefined))
  const refused = async (password?: string) => {
    const error = await knock(password).then(
      () => undefined,
      (cause: Error) => cause,
    )
    return error && String(error.message)
  }
  const closed = ({ client }: Connected) =>
    new Promise<number>((resolve) =>
      (client as unknown as { once(event: string, hear: (told: { code: number }) => void): void }).once(
        'close',
        ({ code }) => resolve(code),
      ),
    )
  const triggered = ({ client }: Connected) =>
    new Promise<void>((resolve) =>
      client.handle('TriggerMessage', () => {
        resolve()
        return { status: 'Accepted' }
      }),
    )

  it('goes from unknown over pending, accepted, rejected and another password to removed', async () => {
    expect(await refused()).toContain('Not Found')
    await system.api.request('PUT', '/api/v1/stations/CP-1', {
      siteId: system.siteId,
      registration: 'pending',
      password: PASSWORD,
    })
    let station = await comesIn(PASSWORD)
    expect(await refused('wrong-password')).toContain('Unauthorized')
    expect(await station.client.call('BootNotification', BOOT)).toMatchObject({
      status: 'Pending',
      interval: 30,
    })
    const asked = triggered(station)
    await want({ approved: true })
    await asked
    expect(await station.client.call('BootNotification', BOOT)).toMatchObject({ status: 'Accepted' })

    let cut = closed(station)
    await want({ registration: 'rejected' })
    expect(await cut).toBe(1008)
    station = await comesIn(PASSWORD)
    expect(await station.client.call('BootNotification', BOOT)).toMatchObject({ status: 'Rejected' })
    const again = triggered(station)
    await want({ registration: 'accepted' })
    await again
    expect(await station.client.call('BootNotification', BOOT)).toMatchObject({ status: 'Accepted' })

    cut = closed(station)
    await want({ password: NEW_PASSWORD })
    expect(await cut).toBe(1008)
    expect(await refused(PASSWORD)).toContain('Unauthorized')
    station = await comesIn(NEW_PASSWORD)
    await eventually('its profile to be shown', async () => {
      const shown = await system.api.get<{ securityProfile: number; passwordSet: boolean }>(
        '/api/v1/stations/CP-1',
      )
      return shown.securityProfile === 1 && shown.passwordSet
    })

    cut = closed(station)
    await want({ minSecurityProfile: 2 })
    expect(await cut).toBe(1008)
    expect(await refused(NEW_PASSWORD)).toContain('Unauthorized')
    await want({ minSecurityProfile: null })
    station = await comesIn(NEW_PASSWORD)

    cut = closed(station)
    await system.api.request('DELETE', '/api/v1/stations/CP-1')
    expect(await cut).toBe(1008)
    expect(await refused(NEW_PASSWORD)).toContain('Not Found')
    await expect(system.api.get('/api/v1/stations/CP-1')).rejects.toMatchObject({ status: 404 })
  })

  it('a token is blocked, expires, belongs to a group and is removed, and its site knows at once', async () => {
    await system.api.post('/api/v1/stations', { stationId: 'CP-2', siteId: system.siteId })
    const station = await eventually('the station to be let in', () =>
      connect(system.ocppUrl, 'CP-2', '1.6').catch(() => undefined),
    )
    await station.client.call('BootNotification', BOOT)
    const becomes = (expected: object) =>
      eventually(`the token to be ${JSON.stringify(expected)}`, async () => {
        const { idTagInfo } = await station.client.call<{ idTagInfo: object }>('Authorize', { idTag: 'TAG' })
        return Object.entries(expected).every(([k, v]) => (idTagInfo as Record<string, unknown>)[k] === v)
      })
    const token = (method: string, body?: object) => system.api.request(method, '/api/v1/tokens/TAG', body)
    await becomes({ status: 'Invalid' })
    await token('PUT', { groupId: 'FLEET' })
    await becomes({ status: 'Accepted', parentIdTag: 'FLEET' })
    await token('PATCH', { status: 'Blocked' })
    await becomes({ status: 'Blocked' })
    await token('PATCH', { status: 'Accepted', expiresAt: '2020-01-01T00:00:00Z' })
    await becomes({ status: 'Expired' })
    await token('PUT', {})
    await becomes({ status: 'Accepted' })
    const at = new Date().toISOString()
    const start = { connectorId: 1, idTag: 'TAG', meterStart: 0, timestamp: at }
    expect(await station.client.call('StartTransaction', start)).toMatchObject({
      idTagInfo: { status: 'Accepted' },
    })
    expect(await station.client.call('StartTransaction', { ...start, connectorId: 2 })).toMatchObject({
      idTagInfo: { status: 'ConcurrentTx' },
    })
    await token('DELETE')
    await becomes({ status: 'Invalid' })
    await station.client.close()
  })

  it('a password that a station is given goes to the station, and is shown and kept nowhere else', async () => {
    await system.api.post('/api/v1/stations', { stationId: 'CP-3', siteId: system.siteId })
    const station = await eventually('the station to be let in', () =>
      connect(system.ocppUrl, 'CP-3', '1.6').catch(() => undefined),
    )
    await station.client.call('BootNotification', BOOT)
    const secret = 'a-secret-for-the-station'
    const given = new Promise<unknown>((resolve) =>
      (
        station.client as unknown as {
          handle(action: string, take: (it: { params: unknown }) => object): void
        }
      ).handle('ChangeConfiguration', ({ params }) => {
        if ((params as { key: string }).key === 'AuthorizationKey') resolve(params)
        return { status: 'Accepted' }
      }),
    )
    await eventually('the station to be shown as connected', async () => {
      return (await system.api.stations()).some((it) => it.stationId === 'CP-3' && it.connected)
    })
    await system.api.post('/api/v1/stations/CP-3/calls', {
      action: 'ChangeConfiguration',
      payload: { key: 'AuthorizationKey', value: secret },
    })
    expect(await given).toEqual({ key: 'AuthorizationKey', value: secret })

    // As docs/security-profiles.md has it.
    const command = await system.api.post<{ status: string; args: object }>(
      '/api/v1/stations/CP-3/commands?wait=true',
      { kind: 'SetSettings', args: { settings: [{ name: 'AuthorizationKey', value: secret }] } },
    )
    expect(command).toMatchObject({
      status: 'accepted',
      args: { settings: [{ name: 'AuthorizationKey', value: '[redacted]' }] },
    })

    const sql = postgres(system.databaseUrl, { max: 1 })
    const tables = await sql<{ name: string }[]>`
      select table_schema || '.' || table_name as name from information_schema.tables
       where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`
    const holding: string[] = []
    for (const { name } of tables) {
      const rows = await sql.unsafe(`select 1 from ${name} t where t::text like '%${secret}%' limit 1`)
      if (rows.length > 0) holding.push(name)
    }
    const [shown] = await sql`select args::text as args from station.command where station_id = 'CP-3'`
    await sql.end()
    expect(shown?.args).toContain('[redacted]')
    expect(holding).toEqual([])
    expect([...system.cloud.output, ...system.controller.output].join('\n')).not.toContain(secret)
    await station.client.close()
  })
})
