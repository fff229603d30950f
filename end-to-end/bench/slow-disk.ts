/** How long a card waits for its answer while the journal lies on a slow disk, beside the same run on the disk as it is. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { controller } from './controller.ts'
import { Teller } from './server-process.ts'

const LOAD = new URL('./load.js', import.meta.url).pathname
const SOURCE = new URL('../bench/slow-fsync.c', import.meta.url).pathname
const STATIONS = 100
const SECONDS = 20
const FSYNC_MS = 20

interface Latency {
  p50: number
  p99: number
  max: number
  count: number
}

async function measure(env: Record<string, string>): Promise<{ Authorize: Latency; rate: number }> {
  const server = await controller(env)
  try {
    const load = new Teller(LOAD, ['busy', server.url, String(STATIONS), String(SECONDS)])
    await load.next()
    const told = await load.next<{ Authorize: Latency; all: Latency; seconds: number }>()
    await load.stop()
    return { Authorize: told.Authorize, rate: told.all.count / told.seconds }
  } finally {
    await server.stop()
  }
}

export async function slowDisk(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-slow-disk-'))
  try {
    const library = join(folder, 'slow-fsync.so')
    const made = spawnSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, SOURCE, '-ldl'], {
      encoding: 'utf8',
    })
    if (made.status !== 0) {
      console.log(
        `Slow disk: skipped, the delay is a C library and cc does not make it: ${made.error?.message ?? made.stderr}`,
      )
      return
    }
    const plain = await measure({})
    const slow = await measure({ LD_PRELOAD: library, SLOW_FSYNC_MS: String(FSYNC_MS) })
    const text = ({ Authorize, rate }: typeof plain) =>
      `p50 ${Authorize.p50.toFixed(1)} ms, p99 ${Authorize.p99.toFixed(1)} ms, longest ${Authorize.max.toFixed(0)} ms of ${Authorize.count} (${rate.toFixed(0)} msg/s)`
    console.log(
      `Authorize with ${STATIONS} stations that never pause: every fsync at least ${FSYNC_MS} ms ${text(slow)}; disk as it is ${text(plain)}; ` +
        `ratio of p99 ${(slow.Authorize.p99 / plain.Authorize.p99).toFixed(1)} (goal p99 < 100 ms)`,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
