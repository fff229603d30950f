/**
 * A simulated site through a rough half minute: link cut, controller killed, cloud killed. Its own ledger, written before
 * each stop is sent, is the oracle: every session is billed once, to the milli-Wh (invariants I1, I4, I5).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readLedger } from '@switchyard/simulators/ledger.ts'
import { afterEach, expect, it } from 'vitest'
import { eventually, Program } from './process.ts'
import { type System, startSystem } from './system.ts'

const MAIN = new URL('../../simulators/dist/main.js', import.meta.url).pathname
const SESSIONS = 12

let system: System | undefined
let site: Program | undefined
let folder: string | undefined
afterEach(async () => {
  await site?.stop()
  await system?.stop()
  if (folder) rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** What tells one session from another on both sides. */
const linesOf = (rows: { stationId: string; startedAt: string; energyWh: number | string }[]) =>
  rows.map((r) => `${r.stationId} from ${new Date(r.startedAt).toISOString()}: ${Number(r.energyWh)} Wh`)

it('bills what the stations delivered, whatever was cut and killed meanwhile', async () => {
  system = await startSystem({
    broker: 'embedded',
    controllerEnv: { OFFLINE_POLICY: 'accept', METER_SAMPLE_INTERVAL: '1' },
  })
  const { api, link, controller, cloud } = system
  folder = mkdtempSync(join(tmpdir(), 'switchyard-site-'))
  const ledger = join(folder, 'ledger.jsonl')
  const tokens = new Program('tokens', [process.execPath, MAIN, 'tokens'], {})
  tokens.start()
  await eventually('the simulated tokens', () => !tokens.running && tokens.output.length > 0)
  for (const token of JSON.parse(tokens.output.join('\n')) as { idToken: string; type: string }[]) {
    await api.post('/api/v1/tokens', { idToken: token.idToken, type: token.type, valid: true })
  }
  site = new Program(
    'site',
    [
      process.execPath,
      MAIN,
      'site',
      '--url',
      system.ocppUrl,
      '--ledger',
      ledger,
      '--state',
      join(folder, 'state'),
      '--speed',
      '1000',
      '--seed',
      '7',
    ],
    {},
  )
  site.start()
  const ended = () => readLedger(ledger).length
  const whenEnded = (count: number) =>
    eventually(
      `${count} sessions to end`,
      () => {
        if (!site!.running) throw new Error(`the site ended:\n${site!.output.slice(-20).join('\n')}`)
        return ended() >= count
      },
      240_000,
    )

  await whenEnded(2)
  link.cut()
  await whenEnded(4)
  link.heal()
  await whenEnded(6)
  await controller.kill()
  controller.start()
  await whenEnded(8)
  await cloud.kill()
  cloud.start()
  await whenEnded(SESSIONS)
  // The site goes on meanwhile: a stop that is in the ledger may still be on its way.
  const delivered = linesOf(readLedger(ledger))
  await eventually(
    'every session to be billed',
    async () => {
      const billed = linesOf(await api.cdrs())
      const missing = delivered.filter((line) => !billed.includes(line))
      if (missing.length > 0)
        throw new Error(`not billed:\n${missing.join('\n')}\nbilled:\n${billed.join('\n')}`)
      return true
    },
    120_000,
  )
  const cdrs = await api.cdrs()
  await site.stop()
  expect(new Set(cdrs.map((c) => c.sessionId)).size).toBe(cdrs.length)
  // Nothing is billed that was not delivered, and nothing as often as twice.
  const all = linesOf(readLedger(ledger))
  for (const line of linesOf(cdrs)) {
    expect(all).toContain(line)
    all.splice(all.indexOf(line), 1)
  }
  expect((await api.sessions()).filter((s) => s.status === 'review')).toEqual([])
}, 600_000)
