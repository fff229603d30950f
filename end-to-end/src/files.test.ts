/** A log that is asked for over the API comes back over the API: from the station to its site over HTTP, from there to the cloud. */
import { createHash, randomBytes } from 'node:crypto'
import type { StationLog } from '@switchyard/protocol/api/logs.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bringFirmware } from './firmware.ts'
import { eventually } from './process.ts'
import { boot, type Connected, connect, type Version } from './stations.ts'
import { type System, startSystem } from './system.ts'

/** Of more than one piece. */
const FILE = randomBytes(2_500_000)
const sha256 = createHash('sha256').update(FILE).digest('hex')

describe('logs of stations', () => {
  let system: System
  beforeAll(async () => {
    system = await startSystem({ broker: 'embedded' })
  }, 120_000)
  afterAll(() => system?.stop(), 60_000)

  async function station(stationId: string, version: Version): Promise<Connected> {
    const connected = await connect(system.ocppUrl, stationId, version)
    await boot(connected)
    await eventually('the station to be known', async () =>
      (await system.api.stations()).some((it) => it.stationId === stationId),
    )
    return connected
  }
  /** What ocpp-rpc gives a handler. */
  interface Asked {
    params: { location?: string; log?: { remoteLocation: string } }
  }
  /** Where the station is told to upload to. */
  const askedFor = ({ client }: Connected, action: string) =>
    new Promise<string>((resolve) =>
      client.handle(action, ((asked: Asked) => {
        resolve(asked.params.location ?? asked.params.log!.remoteLocation)
        return action === 'GetLog' ? { status: 'Accepted', filename: 'log.bin' } : { fileName: 'log.bin' }
      }) as never),
    )
  const ask = (stationId: string, kind: string, args: object) =>
    system.api.post<{ commandId: string; status: string }>(
      `/api/v1/stations/${stationId}/commands?wait=true`,
      { kind, args },
    )
  const upload = async (url: string) =>
    (await fetch(url, { method: 'PUT', body: FILE as unknown as string })).status
  const ready = (stationId: string) =>
    eventually('the log to be in the cloud', async () =>
      (await system.api.all<StationLog>(`/api/v1/stations/${stationId}/logs`)).find(
        (it) => it.status === 'ready',
      ),
    )
  async function downloaded(stationId: string, logId: string): Promise<string> {
    const response = await fetch(
      `${system.api.base}/api/v1/stations/${stationId}/logs/${logId}/content`,
      system.api.signed(),
    )
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="log.bin"')
    return createHash('sha256')
      .update(Buffer.from(await response.arrayBuffer()))
      .digest('hex')
  }

  it.each([
    { stationId: 'LOG-16', version: '1.6', kind: 'GetDiagnostics', action: 'GetDiagnostics', args: {} },
    {
      stationId: 'LOG-201',
      version: '2.0.1',
      kind: 'GetLog',
      action: 'GetLog',
      args: { logType: 'SecurityLog' },
    },
  ] as const)('come from OCPP $version to the API', async ({ stationId, version, kind, action, args }) => {
    const connected = await station(stationId, version)
    const told = askedFor(connected, action)
    const { commandId, status } = await ask(stationId, kind, args)
    expect(status).toBe('accepted')
    expect(await upload(`${await told}/log.bin`)).toBe(201)
    const log = await ready(stationId)
    expect(log).toMatchObject({
      commandId,
      bytes: FILE.length,
      sha256,
      name: 'log.bin',
      siteId: system.siteId,
    })
    expect(await downloaded(stationId, log!.logId)).toBe(sha256)
    await connected.client.close()
  })

  it('wait at the site while the cloud is gone, through a restart of the controller', async () => {
    const connected = await station('LOG-AWAY', '1.6')
    const told = askedFor(connected, 'GetDiagnostics')
    await ask('LOG-AWAY', 'GetDiagnostics', {})
    const url = await told
    await system.cloud.stop()
    expect(await upload(`${url}/log.bin`)).toBe(201)
    await system.controller.kill()
    system.controller.start()
    system.cloud.start()
    const log = await ready('LOG-AWAY')
    expect(await downloaded('LOG-AWAY', log!.logId)).toBe(sha256)
  })

  it('firmware goes the other way: from the API over the site to its stations', async () => {
    const firmwareId = await bringFirmware(system.api, { vendor: 'Independent', version: '2' }, FILE)
    for (const version of ['1.6', '2.0.1'] as const) {
      const stationId = `FW-${version}`
      const connected = await station(stationId, version)
      const told = new Promise<string>((resolve) =>
        connected.client.handle('UpdateFirmware', (({ params }: FirmwareAsked) => {
          resolve(params.location ?? params.firmware!.location)
          return version === '1.6' ? {} : { status: 'Accepted' }
        }) as never),
      )
      const args = { firmwareId, retrieveAt: new Date().toISOString() }
      expect(await ask(stationId, 'UpdateFirmware', args)).toMatchObject({ status: 'accepted' })
      const location = await told
      const half = FILE.length >> 1
      const parts = await Promise.all(
        [`bytes=0-${half - 1}`, `bytes=${half}-`].map(async (range) => {
          const part = await fetch(location, { headers: { range } })
          expect(part.status).toBe(206)
          return Buffer.from(await part.arrayBuffer())
        }),
      )
      expect(Buffer.concat(parts).equals(FILE)).toBe(true)
      await connected.client.close()
    }
  })
})

interface FirmwareAsked {
  params: { location?: string; firmware?: { location: string } }
}
