/** A real PgBouncer for tests, with the settings of deploy/ha, before the tests' Postgres; ended by its pid, in a folder that goes. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { vi } from 'vitest'
import { freePorts } from '../../../launcher/free-ports.mjs'

const PROGRAM = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/bin/pgbouncer'].find((it) =>
  existsSync(it),
)
const SETTINGS = new URL('../../../deploy/ha/pgbouncer.ini', import.meta.url)
/** It refuses to run as root. */
const USER = 'nobody'
const START_TIMEOUT_MS = 30_000
/** Why these tests cannot run here; undefined when they can. */
export const poolerMissing = PROGRAM === undefined ? 'PgBouncer is not installed' : undefined

export interface TestPooler {
  port: number
  /** A statement of its console (SHOW, PAUSE, RECONNECT). */
  command(statement: string): Promise<Record<string, unknown>[]>
  /** The end of its log. */
  told(): string
  stop(): Promise<void>
}

/** Every database of the tests' server, by its own name; connections of `role`, whoever asks. */
export async function startPooler({ role }: { role?: string } = {}): Promise<TestPooler> {
  const server = new URL(process.env.TEST_DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres')
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-pooler-'))
  chmodSync(folder, 0o755)
  const [port = 0] = await freePorts(1)
  const own = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'any',
    admin_users: 'console',
    logfile: '',
    pidfile: '',
  }
  const [, shipped = ''] = readFileSync(SETTINGS, 'utf8').split('[pgbouncer]\n')
  const kept = shipped.split('\n').filter((line) => !((line.split('=')[0]?.trim() as string) in own))
  const password = server.password === '' ? '' : ` password=${server.password}`
  const file = join(folder, 'pgbouncer.ini')
  writeFileSync(
    file,
    [
      '[databases]',
      `* = host=${server.hostname} port=${server.port || 5432} user=${role ?? server.username}${password}`,
      '[pgbouncer]',
      ...Object.entries(own).map(([name, value]) => `${name} = ${value}`),
      ...kept,
    ].join('\n'),
  )
  const root = process.getuid?.() === 0
  const child = spawn(PROGRAM ?? '', [file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(root ? nobody() : {}),
  })
  let told = ''
  child.stderr?.on('data', (data: Buffer) => {
    told = (told + data).slice(-4_000)
  })
  const command = async (statement: string) => {
    const sql = postgres(`postgres://console@127.0.0.1:${port}/pgbouncer`, {
      max: 1,
      prepare: false,
      fetch_types: false,
      onnotice: () => {},
    })
    try {
      return [...(await sql.unsafe(statement).simple())]
    } finally {
      await sql.end({ timeout: 1 })
    }
  }
  try {
    await vi.waitFor(async () => {
      if (child.exitCode !== null) throw new Error(told)
      await command('show version')
    }, START_TIMEOUT_MS)
  } catch (error) {
    throw new Error(`PgBouncer does not start: ${told}`, { cause: error })
  }
  return {
    port,
    command,
    told: () => told,
    async stop() {
      await end(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function nobody(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, USER]).toString())
  return { uid: id('-u'), gid: id('-g') }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}
