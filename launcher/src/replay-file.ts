import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { SIMULATORS } from './system.ts'

/** Throws when the file is not there or cannot be read, before anything is started; the simulators' own reader says why. */
export function checkReplay(file: string, project: string): void {
  if (!existsSync(file)) throw new Error(`--replay: there is no file ${file}.`)
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(project, SIMULATORS), 'sessions', '--replay', file],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`--replay: ${stderr.trim()}`)
}
