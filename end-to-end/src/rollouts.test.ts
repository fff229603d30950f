/** Firmware for a site in stages: processes, and stations that are not ours, which fetch the image, install it and boot with it. */
import { createHash, randomBytes } from 'node:crypto'
import type { CommandResource } from '@switchyard/protocol/api/commands.ts'
import type { Rollout, RolloutStation } from '@switchyard/protocol/api/rollouts.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { admitToken } from './admit-token.ts'
import { bringFirmware } from './firmware.ts'
import { eventually } from './process.ts'
import { boot, type Connected, connect, type Version } from './stations.ts'
import { type System, startSystem } from './system.ts'

const IMAGE = randomBytes(1_500_000)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe('a roll-out over a site', () => {
  let system: System
  /** Stations in the order in which they were told, and what each has fetched. */
  const told: string[] = []
  const fetched = new Map<string, string>()
  const connected = new Map<string, Connected>()
  const asked = new Map<string, JsonObject>()

  beforeAll(async () => {
    system = await startSystem({ broker: 'embedded' })
  }, 120_000)
  afterAll(async () => {
    for (const { client } of connected.values()) await client.close()
    await system?.stop()
  }, 60_000)

  /** Comes with a firmware. Told of another one it fetches it at once, and goes on when the test says so. */
  async function come(stationId: string, version: Version, firmware: string): Promise<void> {
    const station = await connect(system.ocppUrl, stationId, version)
    connected.set(stationId, station)
    station.client.handle('UpdateFirmware', ({ params }) => {
      told.push(stationId)
      const { location, firmware } = params as { location?: string; firmware?: { location: string } }
      void fetch(location ?? firmware!.location)
        .then((response) => response.arrayBuffer())
        .then((body) => fetched.set(stationId, sha256(new Uint8Array(body))))
      asked.set(stationId, params)
      return version === '1.6' ? {} : { status: 'Accepted' }
    })
    await boot(station, firmware)
  }
  async function says(stationId: string, status: string): Promise<void> {
    const requestId = asked.get(stationId)?.requestId
    await connected.get(stationId)!.client.call('FirmwareStatusNotification', {
      status,
      ...(requestId === undefined ? {} : { requestId }),
    })
  }
  const hasImage = (stationId: string) =>
    eventually(`${stationId} to have the image`, () => fetched.get(stationId) === sha256(IMAGE))
  async function installs(stationId: string): Promise<void> {
    await hasImage(stationId)
    const { client, version } = connected.get(stationId)!
    for (const status of ['Downloading', 'Downloaded', 'Installing', 'Installed'])
      await says(stationId, status)
    await client.close()
    await come(stationId, version, '2.0')
  }

  let rolloutId: string
  const states = async () =>
    Object.fromEntries(
      (await system.api.all<RolloutStation>(`/api/v1/rollouts/${rolloutId}/stations`)).map((s) => [
        s.stationId,
        s.heldBy === null ? s.state : `${s.state}: ${s.heldBy}`,
      ]),
    )
  const become = (what: Record<string, string>) =>
    eventually(`the stations to be ${JSON.stringify(what)}`, async () => {
      const now = await states()
      return Object.entries(what).every(([id, state]) => now[id] === state)
    })

  it('takes one station first, waits for one that charges, survives a kill, and halts at a failure', async () => {
    const { api } = system
    await admitToken(system, 'CARD-1')
    const firmwareId = await bringFirmware(api, { vendor: 'Independent', version: '2.0' }, IMAGE)
    await come('RO-1', '1.6', '1.0')
    await come('RO-2', '2.0.1', '1.0')
    await come('RO-3', '1.6', '1.0')
    const { client } = connected.get('RO-1')!
    const { transactionId } = await client.call('StartTransaction', {
      connectorId: 1,
      idTag: 'CARD-1',
      meterStart: 0,
      timestamp: new Date().toISOString(),
    })
    await eventually('the session and the stations to be known', async () => {
      const [sessions, stations] = [await api.sessions(), await api.stations()]
      return sessions.length === 1 && stations.filter((it) => it.firmware === '1.0').length === 3
    })

    const create = () =>
      api.request<Rollout>(
        'POST',
        '/api/v1/rollouts',
        { firmwareId, filter: { siteId: system.siteId }, policy: { width: 2 } },
        { 'idempotency-key': 'winter' },
      )
    ;({ rolloutId } = await create())
    expect((await create()).rolloutId).toBe(rolloutId)

    await become({ 'RO-1': 'waiting: charging', 'RO-2': 'updating', 'RO-3': 'waiting: canary' })
    await eventually('the first one to be told', () => told.length > 0)
    // It goes on while the cloud is gone.
    await system.cloud.kill()
    await installs('RO-2')
    system.cloud.start()
    await become({ 'RO-1': 'waiting: charging', 'RO-2': 'done', 'RO-3': 'updating' })
    await installs('RO-3')
    await become({ 'RO-1': 'waiting: charging', 'RO-3': 'done' })

    await client.call('StopTransaction', {
      transactionId,
      meterStop: 1_000,
      timestamp: new Date().toISOString(),
    })
    await hasImage('RO-1')
    for (const status of ['Downloaded', 'Installing', 'InstallationFailed']) await says('RO-1', status)
    await become({ 'RO-1': 'failed' })
    expect(await api.get<Rollout>(`/api/v1/rollouts/${rolloutId}`)).toMatchObject({
      status: 'halted',
      reason: 'RO-1 failed: it told InstallationFailed',
      stations: { done: 2, failed: 1 },
    })
    const alerts = async () =>
      (
        await api.all<{ rule: string; runbook: string | null; clearedAt: string | null }>('/api/v1/alerts')
      ).filter((it) => it.rule === 'rollout-halted')
    await eventually('the alert', async () => (await alerts()).length === 1)
    expect((await alerts())[0]!.runbook).toBe('docs/runbooks/rollout-halted.md')
    // Each was told once, also over the kill.
    expect(told).toEqual(['RO-2', 'RO-3', 'RO-1'])

    const [first] = await api.all<RolloutStation>(`/api/v1/rollouts/${rolloutId}/stations?state=failed`)
    const command = await api.get<CommandResource>(`/api/v1/commands/${first!.commandId}`)
    expect(command.progress?.history.map((it) => it.status)).toEqual([
      'Downloaded',
      'Installing',
      'InstallationFailed',
    ])
    await api.post(`/api/v1/rollouts/${rolloutId}/cancel`, {})
    await eventually('the alert to be cleared', async () => {
      const [alert] = await alerts()
      return alert === undefined || alert.clearedAt !== null
    })
  })
})
