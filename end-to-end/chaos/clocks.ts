/** Wall clocks that can be put wrong, one of each process, by a C library that is preloaded; none where no compiler is. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const SOURCE = new URL('../chaos/stepped-clock.c', import.meta.url).pathname
const TRUE_TIME = 0n

export interface Clocks {
  /** Why no clock can be put wrong here; undefined where it can. */
  missing: string | undefined
  /** What a process gets into its environment to go by a clock of its own. */
  of(name: string): Record<string, string>
  /** Puts the clock of a process so many ms beside the true time; 0 puts it right. */
  step(name: string, byMs: bigint): void
}

export function makeClocks(folder: string): Clocks {
  mkdirSync(folder)
  const library = join(folder, 'stepped-clock.so')
  const made = spawnSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, SOURCE, '-ldl'], {
    encoding: 'utf8',
  })
  const missing = made.status === 0 ? undefined : (made.error?.message ?? made.stderr)
  const fileOf = (name: string) => join(folder, `${name}.offset`)
  const bytesOf = (ms: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(ms)
    return bytes
  }
  return {
    missing,
    of(name) {
      if (missing !== undefined) return {}
      writeFileSync(fileOf(name), bytesOf(TRUE_TIME))
      return { LD_PRELOAD: library, STEPPED_CLOCK: fileOf(name) }
    },
    step(name, byMs) {
      // In place: processes have this very file in their memory.
      const file = openSync(fileOf(name), 'r+')
      try {
        writeSync(file, bytesOf(byMs), 0, 8, 0)
      } finally {
        closeSync(file)
      }
    },
  }
}
