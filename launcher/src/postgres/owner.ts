import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'

/** Who runs the server. Undefined ids: the user who runs this. */
export type Owner = { name: string; uid?: number; gid?: number }

export const SYSTEM_USER = 'switchyard'
const CANDIDATES = [SYSTEM_USER, 'postgres']

/**
 * Postgres refuses to run as root. As root, the owner of existing data stays its owner; else the system user
 * `switchyard` or `postgres` serves, and where neither exists `switchyard` is created and `say` tells so.
 */
export function chooseOwner(dataFolder: string, say: (line: string) => void): Owner {
  if (process.getuid?.() !== 0) return { name: process.env.USER ?? 'this user' }
  const existing = statSync(dataFolder, { throwIfNoEntry: false })
  if (existing && existing.uid !== 0)
    return { name: `user ${existing.uid}`, uid: existing.uid, gid: existing.gid }
  for (const name of CANDIDATES) {
    const found = lookUp(name)
    if (found) return found
  }
  say(`Postgres refuses to run as root: creating the system user "${SYSTEM_USER}" for it (useradd --system)`)
  const made = spawnSync(
    'useradd',
    [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/usr/sbin/nologin',
      SYSTEM_USER,
    ],
    { encoding: 'utf8' },
  )
  const created = lookUp(SYSTEM_USER)
  if (created) return created
  throw new Error(
    `The system user "${SYSTEM_USER}" could not be created (${made.error?.message ?? made.stderr.trim()}). ` +
      'Create it, start Switchyard as an ordinary user, or set DATABASE_URL to a Postgres of your own.',
  )
}

export function hasSystemUser(): boolean {
  return lookUp(SYSTEM_USER) !== undefined
}

function lookUp(name: string): Owner | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((it) => it.startsWith(`${name}:`))
  if (!line) return undefined
  const [, , uid, gid] = line.split(':')
  return { name, uid: Number(uid), gid: Number(gid) }
}
