/** `npm run load`, small: everything that it loads answers, and every service is told of. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { givenServer } from './system.ts'

const LOAD = join(new URL('../../', import.meta.url).pathname, 'launcher/load.mjs')

function load(...args: string[]): Promise<{ code: number; told: string }> {
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      [LOAD, ...args],
      { env: { ...process.env, DATABASE_URL: givenServer } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, told: stdout + stderr }),
    ),
  )
}

it.skipIf(!givenServer)(
  'loads sites, stations and the API at once, and tells what each service did',
  async () => {
    const small = ['--sites', '3', '--stations', '2', '--ocpp', '2', '--minutes', '0.1', '--http-rate', '10']
    const { code, told } = await load(...small)
    expect(told).toContain('Failed: 0')
    expect(told).toMatch(/sites \(MQTT\), acknowledged +[1-9]\d* facts\/s/)
    expect(told).toMatch(/stations at a controller \(OCPP\) +\d+\.\d calls\/s: p50/)
    expect(told).toMatch(/stations at ocpp-gateway \(OCPP\) +\d+\.\d calls\/s: p50/)
    for (const service of ['station', 'driver', 'billing', 'monitoring'])
      expect(told).toMatch(new RegExp(`${service}-service +\\d\\.\\d\\d cores`))
    expect(code).toBe(0)
  },
  600_000,
)

it.skipIf(!givenServer)(
  'has the log read by 1, 2 and 4 replicas',
  async () => {
    const { code, told } = await load('--scaling', '--facts', '6000')
    for (const replicas of ['1 replica', '2 replicas', '4 replicas'])
      expect(told).toMatch(new RegExp(`${replicas} of .*: \\d+ facts in \\d+\\.\\d s, [1-9]\\d* facts/s`))
    expect(code).toBe(0)
  },
  600_000,
)
