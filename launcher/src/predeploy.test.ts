/** What `npm run predeploy` looks at beside the configuration. What it asks compose is not asked here. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkBackups } from './deployment/backups.ts'
import { checkCertificates } from './deployment/certificates.ts'
import { checkMonitoring } from './deployment/monitoring.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MAKE_TLS = fileURLToPath(new URL('../../deploy/compose/make-tls.sh', import.meta.url))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-predeploy-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('certificates', () => {
  const make = (dir: string): string => {
    const to = join(folder, dir)
    execFileSync(MAKE_TLS, ['csms.example'], { env: { ...process.env, TLS_DIR: to }, stdio: 'ignore' })
    return to
  }

  test('hold for long enough, belong to their key and to the CA that sites are given', () => {
    const one = make('one')
    const now = Date.now()
    expect(checkCertificates(one, now)).toEqual({
      state: 'ok',
      told: [expect.stringMatching(/DNS:csms\.example.*: (89|90) days left/)],
    })
    expect(checkCertificates(one, now + 80 * DAY_MS).told).toEqual([
      expect.stringMatching(/, in (9|10) days$/),
    ])
    expect(checkCertificates(one, now + 100 * DAY_MS).told).toEqual([expect.stringMatching(/^it ended on /)])
    expect(checkCertificates(one, now - DAY_MS).told).toEqual([expect.stringMatching(/^it holds only from /)])
  })

  test('that were put together from two are named for each thing that does not fit', () => {
    const [one, other] = [make('one'), make('other')]
    for (const it of ['key.pem', 'ca.pem']) {
      rmSync(join(one, it))
      copyFileSync(join(other, it), join(one, it))
    }
    expect(checkCertificates(one, Date.now())).toEqual({
      state: 'wrong',
      told: ['key.pem is not its key', 'it is not by the CA in ca.pem, which sites and stations are given'],
    })
    rmSync(join(one, 'haproxy.pem'))
    expect(checkCertificates(one, Date.now()).told).toEqual(['haproxy.pem is not in TLS_DIR'])
    expect(checkCertificates(undefined, Date.now()).state).toBe('left out')
  })
})

describe('backups', () => {
  const base = (name: string, hoursAgo: number, now: number): void => {
    mkdirSync(join(folder, name), { recursive: true })
    const file = join(folder, name, 'backup_manifest')
    writeFileSync(file, '{}')
    utimesSync(file, new Date(now - hoursAgo * HOUR_MS), new Date(now - hoursAgo * HOUR_MS))
  }
  const archived = (name: string, hoursAgo: number, now: number): void => {
    mkdirSync(join(folder, 'archive'), { recursive: true })
    const file = join(folder, 'archive', name)
    writeFileSync(file, '')
    utimesSync(file, new Date(now - hoursAgo * HOUR_MS), new Date(now - hoursAgo * HOUR_MS))
  }

  test('are a young base backup that is whole, and the log up to now', () => {
    const now = Date.now()
    expect(checkBackups(folder, undefined, now)).toEqual({
      state: 'wrong',
      told: [
        expect.stringContaining('no whole base backup'),
        expect.stringContaining("nothing of the server's log"),
      ],
    })
    base('base-2', 30, now)
    base('base-3.part', 1, now)
    archived('000000010000000000000001', 3, now)
    archived('000000010000000000000002.part', 0, now)
    expect(checkBackups(folder, undefined, now).told).toEqual([
      'the newest base backup, base-2, is 30 hours old',
      "the server's log was last archived 3 hours ago",
    ])
    base('base-1', 2, now)
    archived('000000010000000000000002', 0, now)
    expect(checkBackups(folder, undefined, now)).toEqual({
      state: 'ok',
      told: ['base-1, 2 hours old, and 2 files of the log since'],
    })
    expect(checkBackups(undefined, undefined, now).state).toBe('left out')
    expect(checkBackups(join(folder, 'nowhere'), undefined, now).state).toBe('wrong')
  })
})

describe('monitoring', () => {
  /** Answers as Prometheus' HTTP API does. */
  async function prometheus(answers: Record<string, object>): Promise<{ url: string; stop(): void }> {
    const server = createServer((request, response) => {
      const data = answers[request.url?.replace('/api/v1/', '') ?? '']
      response.writeHead(data ? 200 : 404, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ status: 'success', data }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => server.close() }
  }
  const well = {
    targets: { activeTargets: [{ health: 'up', labels: { job: 'cloud', instance: 'a:3000' } }] },
    rules: { groups: [{ rules: [{ name: 'SiteOffline', type: 'alerting', health: 'ok' }] }] },
    alertmanagers: { activeAlertmanagers: [{ url: 'http://alertmanager:9093/api/v2/alerts' }] },
    alerts: { alerts: [{ state: 'firing', labels: { alertname: 'Watchdog' } }] },
  }

  test('meets every target, has its rules, reaches somebody, and nothing burns', async () => {
    const good = await prometheus(well)
    expect(await checkMonitoring(good.url)).toMatchObject({ state: 'ok' })
    good.stop()
    const bad = await prometheus({
      targets: {
        activeTargets: [
          { health: 'down', labels: { job: 'cloud', instance: 'a:3000' }, lastError: 'refused' },
        ],
      },
      rules: { groups: [] },
      alertmanagers: { activeAlertmanagers: [] },
      alerts: { alerts: [{ state: 'firing', labels: { alertname: 'ServiceDown' } }] },
    })
    expect(await checkMonitoring(bad.url)).toEqual({
      state: 'wrong',
      told: [
        'cloud a:3000 is down: refused',
        'Prometheus has no rules for alerts (deploy/observability/prometheus)',
        'Prometheus knows no Alertmanager: alerts reach nobody',
        'ServiceDown is firing: mend that first',
      ],
    })
    bad.stop()
    expect((await checkMonitoring(bad.url)).told).toEqual([expect.stringContaining('does not answer')])
    expect((await checkMonitoring(undefined)).state).toBe('left out')
  })
})
