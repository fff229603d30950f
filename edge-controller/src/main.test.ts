import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RPCClient } from 'ocpp-rpc'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePorts } from '../../launcher/free-ports.mjs'
import { SystemClock } from './clock.ts'
import type { SiteStatus } from './panel/status.ts'
import { startAedes, type TestBroker } from './sync/testing/test-broker.ts'
import { TestCloud } from './sync/testing/test-cloud.ts'

/** What ships; `npm run build` makes it. */
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
let folder: string
let ports: { ocpp: number; panel: number }
let children: ChildProcess[]
let clients: { close(): Promise<unknown> }[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-main-'))
  const [ocpp, panel] = await freePorts(2)
  ports = { ocpp: ocpp!, panel: panel! }
  children = []
  clients = []
})
afterEach(async () => {
  for (const client of clients) await client.close().catch(() => {})
  for (const child of children) await end(child, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
  return child.exitCode
}

function start(more: NodeJS.ProcessEnv = {}): { child: ChildProcess; output: () => string } {
  const env = {
    PATH: process.env.PATH,
    SITE_ID: 'site-1',
    JOURNAL_FILE: join(folder, 'data', 'journal.db'),
    OCPP_PORT: String(ports.ocpp),
    PANEL_PORT: String(ports.panel),
    ONBOARDING: 'open',
    OFFLINE_POLICY: 'accept',
    ...more,
  }
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let output = ''
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  return { child, output: () => output }
}

/** Resolves with true when it serves, with false when it ended. */
async function serving({ child, output }: ReturnType<typeof start>): Promise<boolean> {
  while (!output().includes('the site controller runs')) {
    if (child.exitCode !== null) return false
    await Promise.race([once(child.stdout!, 'data'), once(child, 'exit')])
  }
  return true
}

async function status(): Promise<SiteStatus> {
  return (await fetch(`http://127.0.0.1:${ports.panel}/api/status`)).json() as Promise<SiteStatus>
}

async function station(identity: string) {
  const client = new RPCClient({
    endpoint: `ws://127.0.0.1:${ports.ocpp}/ocpp`,
    identity,
    protocols: ['ocpp1.6'],
    strictMode: true,
    reconnect: false,
    // The types ask for every option, the library for none.
  } as unknown as ConstructorParameters<typeof RPCClient>[0])
  clients.push(client)
  client.handle(async () => ({}))
  await client.connect()
  await client.call('BootNotification', { chargePointVendor: '<b>V</b>', chargePointModel: 'M' })
  return client
}

describe('the program', { timeout: 60_000 }, () => {
  it('serves, tells its state and stops in order', async () => {
    const program = start({ TRANSCRIPT_DIR: join(folder, 'transcripts') })
    expect(await serving(program)).toBe(true)
    const health = await (await fetch(`http://127.0.0.1:${ports.panel}/health`)).json()
    expect(health).toMatchObject({ status: 'ok', service: 'edge-controller', version: '0.1.0' })

    const client = await station('CP-1')
    await client.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Available' })
    expect(await status()).toMatchObject({
      siteId: 'site-1',
      link: { configured: false, linked: false },
      backlog: null,
      stations: [{ stationId: 'CP-1', connected: true, connectors: [{ evseId: 1, status: 'Available' }] }],
    })
    const page = await (await fetch(`http://127.0.0.1:${ports.panel}/`)).text()
    expect(page).toContain('CP-1')
    const metrics = await (await fetch(`http://127.0.0.1:${ports.panel}/metrics`)).text()
    expect(metrics).toMatch(/switchyard_stations_connected\{[^}]*\} 1/)
    expect(await end(program.child, 'SIGTERM'), program.output()).toBe(0)
    expect(program.output()).toContain('the site controller has stopped')
    const [transcript] = readdirSync(join(folder, 'transcripts'))
    expect(transcript).toMatch(/^CP-1-/)
  })

  it('names every mistake of its configuration, and a port or a journal that it cannot have', async () => {
    const wrong = start({ SITE_ID: 'no spaces', OCPP_PORT: 'x', ONBOARDING: 'no' })
    expect(await serving(wrong)).toBe(false)
    expect(wrong.child.exitCode).toBe(2)
    for (const name of ['SITE_ID', 'OCPP_PORT', 'ONBOARDING']) expect(wrong.output()).toContain(`${name}: `)

    const first = start()
    expect(await serving(first)).toBe(true)
    const second = start({ JOURNAL_FILE: join(folder, 'other.db') })
    expect(await serving(second)).toBe(false)
    expect(second.output()).toContain(`PANEL_PORT ${ports.panel} cannot be used`)
    const third = start()
    expect(await serving(third)).toBe(false)
    expect(third.output()).toContain('another process has it open')
    expect(existsSync(join(folder, 'data', 'journal.db'))).toBe(true)
  })

  describe('with a cloud', () => {
    let broker: TestBroker
    let cloud: TestCloud

    beforeEach(async () => {
      broker = await startAedes()
      cloud = await TestCloud.start(broker.port, 'site-1', new SystemClock())
    })
    afterEach(async () => {
      await cloud.stop()
      await broker.stop()
    })

    it('killed in the middle of a session, it loses nothing and tells everything once', async () => {
      const env = { MQTT_URL: `mqtt://127.0.0.1:${broker.port}` }
      const first = start(env)
      expect(await serving(first)).toBe(true)
      const before = await station('CP-1')
      const meterStart = 1_000
      const { transactionId } = (await before.call('StartTransaction', {
        connectorId: 1,
        idTag: 'TAG',
        meterStart,
        timestamp: new Date(new SystemClock().now() - 600_000).toISOString(),
      })) as { transactionId: number }
      await end(first.child, 'SIGKILL')

      const second = start(env)
      expect(await serving(second)).toBe(true)
      const after = await station('CP-1')
      // Before it knows the time, the stop would be told twice: as it was heard, and placed in time.
      while ((await status()).clock !== 'synced') await new Promise((resolve) => setTimeout(resolve, 20))
      await after.call('StopTransaction', {
        transactionId,
        idTag: 'TAG',
        meterStop: 2_500,
        timestamp: new Date(new SystemClock().now()).toISOString(),
        reason: 'Local',
      })
      await cloud.until(() => cloud.kinds('session.ended').length === 1)
      expect(cloud.kinds('session.ended')[0]!.data).toMatchObject({ revision: 1, energyMilliWh: 1_500_000 })
      expect(cloud.kinds('session.started')).toHaveLength(1)
      expect(cloud.kinds('controller.started')).toHaveLength(2)
      expect(cloud.contiguous()).toBe(true)
      expect(cloud.journals.size).toBe(1)
      await cloud.until(() => cloud.lives.at(-1)?.backlog.ledger === 0)
      expect((await status()).clock).toBe('synced')
      expect(await end(second.child, 'SIGTERM')).toBe(0)
    })
  })
})
