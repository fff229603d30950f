import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { makeClocks } from './clocks.ts'

const YEAR_MS = 365n * 24n * 3_600_000n
/** Digits of a year that count: a hundredth is far more than a busy machine takes to answer. */
const DIGITS = 2

const folder = mkdtempSync(join(tmpdir(), 'switchyard-clocks-'))
const clocks = makeClocks(join(folder, 'clocks'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
if (clocks.missing !== undefined) console.log(`clocks that are put wrong: not tested, ${clocks.missing}`)

/** Tells its clock whenever it is asked. */
const TELLING =
  "process.stdin.on('data', () => console.log(JSON.stringify([Date.now(), performance.now()]))); console.log('[0,0]')"

async function told({ stdout }: ChildProcess): Promise<[wallMs: number, monoMs: number]> {
  const [line] = await once(stdout!, 'data')
  return JSON.parse(String(line))
}

describe.skipIf(clocks.missing !== undefined)('a clock that is put wrong', () => {
  it('is wrong for its process alone, at once and until it is put right; monotonic time runs on', async () => {
    const child = spawn(process.execPath, ['-e', TELLING], { env: { ...process.env, ...clocks.of('one') } })
    const other = spawn(process.execPath, ['-e', TELLING], { env: { ...process.env, ...clocks.of('other') } })
    try {
      await Promise.all([told(child), told(other)])
      const offBy = async (process: ChildProcess) => {
        process.stdin!.write('?')
        const [wallMs, monoMs] = await told(process)
        return { years: (wallMs - Date.now()) / Number(YEAR_MS), monoMs }
      }
      const before = await offBy(child)
      expect(before.years).toBeCloseTo(0, DIGITS)
      clocks.step('one', -YEAR_MS)
      const wrong = await offBy(child)
      expect(wrong.years).toBeCloseTo(-1, DIGITS)
      expect(wrong.monoMs).toBeGreaterThan(before.monoMs)
      expect((await offBy(other)).years).toBeCloseTo(0, DIGITS)
      clocks.step('one', 0n)
      expect((await offBy(child)).years).toBeCloseTo(0, DIGITS)
    } finally {
      for (const it of [child, other]) it.kill('SIGKILL')
    }
  })
})
