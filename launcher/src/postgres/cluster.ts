import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { PostgresBinaries } from './binaries.ts'
import type { Owner } from './owner.ts'

export const SUPERUSER = 'switchyard'
export const DATABASE = 'switchyard'

const INIT_DEADLINE_MS = 180_000

/**
 * Makes the database cluster if there is none. It gets its name only when it is complete, so an interrupted
 * start leaves no half-made data folder; an existing one is only checked, never made anew.
 */
export function ensureCluster(
  dataFolder: string,
  binaries: PostgresBinaries,
  owner: Owner,
  password: string,
  say: (line: string) => void,
): void {
  if (existsSync(dataFolder)) {
    checkVersion(dataFolder, binaries)
    return
  }
  say('Creating the database')
  const draft = `${dataFolder}.new`
  const passwordFile = `${dataFolder}.password`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(dirname(dataFolder), { recursive: true })
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  try {
    if (owner.uid !== undefined && owner.gid !== undefined) {
      chownSync(dirname(dataFolder), owner.uid, owner.gid)
      chownSync(passwordFile, owner.uid, owner.gid)
    }
    tool(binaries, owner, dirname(dataFolder), 'initdb', [
      `--pgdata=${draft}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--data-checksums',
    ])
    tool(
      binaries,
      owner,
      draft,
      'postgres',
      ['--single', '-D', draft, 'postgres'],
      `CREATE DATABASE ${DATABASE}\n`,
    )
  } finally {
    rmSync(passwordFile, { force: true })
  }
  renameSync(draft, dataFolder)
}

/** The environment of the server's programs: the C locale is on every machine, whatever LANG names. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
}

function tool(
  binaries: PostgresBinaries,
  owner: Owner,
  cwd: string,
  name: string,
  args: string[],
  input = '',
): void {
  const done = spawnSync(join(binaries.folder, 'bin', name), args, {
    cwd,
    input,
    env: serverEnvironment(),
    encoding: 'utf8',
    timeout: INIT_DEADLINE_MS,
    ...(owner.uid !== undefined && { uid: owner.uid }),
    ...(owner.gid !== undefined && { gid: owner.gid }),
  })
  if (done.status === 0) return
  throw new Error(`Postgres could not be set up (${name}): ${done.error?.message ?? done.stderr.trim()}`)
}

function checkVersion(dataFolder: string, binaries: PostgresBinaries): void {
  const has = readFileSync(join(dataFolder, 'PG_VERSION'), 'utf8').trim()
  const wanted = binaries.version.split('.')[0]
  if (has === wanted) return
  throw new Error(
    `The data in ${dataFolder} is of Postgres ${has}, and this is Postgres ${wanted}. Start the Switchyard version that made it ` +
      'and dump the data (pg_dump), or use another --home.',
  )
}
