/** The servers under the cloud, real ones and our own: Postgres, Redis and Mosquitto, each in a folder that goes away with the run. */
import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { redisCommand } from '../src/redis-server.ts'
import { Kept, type KeptOptions } from './kept.ts'

export interface PostgresProgram {
  /** Folder of initdb and postgres. */
  bin: string
  /** Who runs it; absent: whoever runs this. */
  uid?: number
  gid?: number
}

const MAX_CONNECTIONS = 250
const PASSWORD = 'chaos-of-the-tests'
const DATABASE = 'postgres'
const USER = 'switchyard'

export function databaseUrl(port: number): string {
  return `postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/${DATABASE}`
}

type Common = Pick<KeptOptions, 'logs' | 'onUnexpected'>

/** Durable as in production: fsync on. */
export function makePostgres(program: PostgresProgram, folder: string, port: number, common: Common): Kept {
  const { uid, gid } = program
  const owner = { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) }
  const env = { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH ?? '/usr/bin:/bin' }
  mkdirSync(folder, { recursive: true })
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 })
  if (uid !== undefined && gid !== undefined) {
    chownSync(folder, uid, gid)
    chownSync(passwordFile, uid, gid)
  }
  const data = join(folder, 'data')
  execFileSync(
    join(program.bin, 'initdb'),
    [
      '-D',
      data,
      '-U',
      USER,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
    ],
    { ...owner, env, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: String(MAX_CONNECTIONS),
    timezone: 'UTC',
    // Its disk may be a small one.
    min_wal_size: '32MB',
    max_wal_size: '64MB',
  }
  return new Kept({
    ...common,
    name: 'postgres',
    command: [
      join(program.bin, 'postgres'),
      '-D',
      data,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    env,
    spawning: { ...owner, cwd: data },
  })
}

export function makeRedis(binary: string, folder: string, port: number, common: Common): Kept {
  mkdirSync(folder, { recursive: true })
  return new Kept({
    ...common,
    name: 'redis',
    command: redisCommand(binary, folder, port),
    env: {},
  })
}

/** One command of Redis, on a connection of its own. */
export function tellRedis(port: number, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`))
    socket.once('error', reject)
    socket.once('data', () => {
      socket.destroy()
      resolve()
    })
  })
}
