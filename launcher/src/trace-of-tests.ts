import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { SYSTEM_FOLDER } from './postgres/embedded-postgres.ts'
import { hasSystemUser, SYSTEM_USER } from './postgres/owner.ts'

/** Copies of the server's binaries, which every home shares. */
const BINARIES = /^postgres-/

/**
 * As root, a first run leaves the system's folder and perhaps a system user. Call before anything is made: what it gives
 * removes those that were not there, unless a home of somebody's has come to use them meanwhile.
 */
export function rememberSystem(): () => void {
  if (process.getuid?.() !== 0) return () => undefined
  const hadFolder = existsSync(SYSTEM_FOLDER)
  const hadUser = hasSystemUser()
  return () => {
    if (!hadFolder && existsSync(SYSTEM_FOLDER)) {
      if (!readdirSync(SYSTEM_FOLDER).every((name) => BINARIES.test(name))) return
      rmSync(SYSTEM_FOLDER, { recursive: true, force: true })
    }
    if (!hadUser && hasSystemUser() && !existsSync(SYSTEM_FOLDER)) spawnSync('userdel', [SYSTEM_USER])
  }
}
