import { get, request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { hostAllowed } from './host-guard.ts'
import { openPanel, type Panel } from './panel.ts'
import type { SiteStatus } from './status.ts'

const HOSTILE = '<img src=x onerror="alert(1)">&\''
const status: SiteStatus = {
  siteId: 'site-1',
  version: '1.2.3',
  journalId: 'J',
  bootId: 'B',
  at: '2026-07-01T10:00:00.000Z',
  timeZone: 'Europe/Berlin',
  clock: 'synced',
  uptimeMs: 90_000_000,
  link: { configured: true, connected: false, linked: false },
  heads: { ledger: { seq: 7, rowId: 'a' }, telemetry: { seq: 3, rowId: 'b' } },
  backlog: { ledger: 2, telemetry: 0 },
  pressure: 3,
  stations: [
    {
      stationId: HOSTILE,
      connected: true,
      connectors: [
        {
          evseId: 1,
          connectorId: 1,
          status: 'Occupied',
          detail: HOSTILE,
          session: {
            sessionId: 's',
            startedAt: '2026-07-01T09:00:00.000Z',
            energyMilliWh: 1_234_500,
            powerW: 7_200,
          },
        },
        {
          evseId: 2,
          connectorId: 1,
          status: 'Occupied',
          session: { sessionId: 't', startedAt: '2026-07-01T09:00:00.000Z', chargingState: 'SuspendedEV' },
        },
      ],
    },
  ],
  sessions: 1,
  load: { limitMa: 32_000, usedMa: [16_050, 0, 0] },
}

/** As the controller has it: what `status` is without its drivers' tokens. */
const withTokens: SiteStatus = structuredClone(status)
for (const { session } of withTokens.stations[0]!.connectors) session!.idToken = 'SECRET-CARD'

let panel: Panel
beforeEach(async () => {
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  panel = await openPanel({
    host: '127.0.0.1',
    port: 0,
    metrics: true,
    build: 'b1',
    log,
    status: () => withTokens,
  })
})
afterEach(() => panel.close())

function ask(
  path: string,
  options: { host?: string; method?: string } = {},
): Promise<{ code: number; body: string }> {
  const { host = 'localhost', method = 'GET' } = options
  return new Promise((resolve, reject) => {
    const asked = request(
      { port: panel.port, host: '127.0.0.1', path, method, headers: { host } },
      (response) => {
        let body = ''
        response.on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => resolve({ code: response.statusCode!, body }))
      },
    )
    asked.on('error', reject)
    asked.end()
  })
}

it('shows the site in plain words, in its own time zone', async () => {
  const { code, body } = await ask('/')
  expect(code).toBe(200)
  expect(body).toContain('10 rows, 2 not yet in the cloud')
  expect(body).toContain('1 Jul 2026, 12:00:00 (Europe/Berlin)')
  expect(body).toContain('1234.5 Wh')
  expect(body).toContain('L1 16.0 A, L2 0.0 A, L3 0.0 A of 32.0 A per phase')
  expect(body).toContain('1 d 1 h')
  // 2.0.1 tells of its session what 1.6 tells of the connector.
  expect(body).toContain('<td>2/1</td><td>SuspendedEV</td>')
})

it('says that another journal speaks for the site, and where its own came from', async () => {
  const forkedFrom = { journalId: 'J0', at: '2026-07-01T09:00:00.000Z' }
  withTokens.link = {
    configured: true,
    connected: true,
    linked: true,
    authority: false,
    epoch: 2,
    forkedFrom,
  }
  const { body } = await ask('/')
  withTokens.link = status.link
  expect(body).toContain('fenced: another journal speaks for this site')
  expect(body).toContain('forked from J0 (1 Jul 2026, 11:00:00)')
})

it('escapes everything that comes from chargers', async () => {
  const { body } = await ask('/')
  expect(body).not.toContain('<img')
  expect(body).toContain('&#60;img src=x onerror=&#34;alert(1)&#34;&#62;&#38;&#39;')
})

it('answers health, status and metrics, and nothing else', async () => {
  expect(JSON.parse((await ask('/health')).body)).toMatchObject({
    status: 'ok',
    instance: 'B',
    version: '1.2.3',
    build: 'b1',
  })
  expect(JSON.parse((await ask('/api/status')).body)).toEqual(status)
  const metrics = (await ask('/metrics')).body
  expect(metrics).toMatch(/switchyard_backlog_ledger_rows\{[^}]*\} 2/)
  expect(metrics).toMatch(/switchyard_journal_pressure\{[^}]*\} 3/)
  expect((await ask('/etc/passwd')).code).toBe(404)
  expect((await ask('/', { method: 'POST' })).code).toBe(405)
})

it('tells no limit of the site where there is none', async () => {
  expect((await ask('/metrics')).body).toMatch(/^switchyard_site_limit_milliamperes(\{[^}]*\})? 32000$/m)
  const { load } = withTokens
  withTokens.load = null
  expect((await ask('/metrics')).body).not.toMatch(/^switchyard_site_limit_milliamperes/m)
  withTokens.load = load
})

it('refuses a foreign host name on loopback', async () => {
  expect((await ask('/', { host: 'evil.example' })).code).toBe(421)
  expect((await ask('/', { host: '127.0.0.1:8080' })).code).toBe(200)
  expect(hostAllowed('[::1]:8080', '::1')).toBe(true)
  expect(hostAllowed('192.168.1.9', '127.0.0.1')).toBe(false)
  expect(hostAllowed(undefined, '127.0.0.1')).toBe(false)
  expect(hostAllowed('box.lan', '0.0.0.0')).toBe(true)
})

it('outlives garbage and connections that say nothing', async () => {
  const socket = connect(panel.port, '127.0.0.1')
  socket.resume()
  socket.write('\u0000\u0001 garbage\r\n\r\n')
  await new Promise((resolve) => socket.once('close', resolve))
  await new Promise<void>((resolve) => {
    get({ port: panel.port, host: '127.0.0.1', path: `/${'x'.repeat(20_000)}` }, (r) => {
      r.resume().on('end', resolve)
    }).on('error', () => resolve())
  })
  expect((await ask('/health')).code).toBe(200)
})
