/** A primary and its streaming replica of a test's own, in a folder that goes; ended by their pids. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres, { type Sql } from 'postgres'
import { vi } from 'vitest'
import { freePorts } from '../../../launcher/free-ports.mjs'

const execute = promisify(execFile)
/** Where Debian keeps the programs that do not stand in the path. */
const FOLDER = ['17', '16', '15'].map((it) => `/usr/lib/postgresql/${it}/bin`).find((it) => existsSync(it))
const ANSWER_TIMEOUT_MS = 60_000
/** Why these tests cannot run here; undefined when they can. */
export const replicaMissing = FOLDER === undefined ? "Postgres' own programs are not installed" : undefined

export interface TestServer {
  url: string
  /** One statement; the connection is not kept. */
  ask<T extends object>(work: (sql: Sql) => Promise<T>): Promise<T>
  start(): Promise<void>
  kill(): Promise<void>
}

export interface TestReplica {
  primary: TestServer
  replica: TestServer
  stop(): Promise<void>
}

export async function startReplica(): Promise<TestReplica> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-replica-'))
  const root = process.getuid?.() === 0
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres']).toString())
  const user = root ? { uid: id('-u'), gid: id('-g') } : {}
  chmodSync(folder, 0o755)
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid)
  const bin = (program: string) => join(FOLDER ?? '', program)
  const [primary, replica] = [await server('primary'), await server('replica')]
  const port = new URL(primary.url).port

  async function server(name: string): Promise<TestServer> {
    const [own = 0] = await freePorts(1)
    const url = `postgres://postgres@127.0.0.1:${own}/postgres`
    const data = join(folder, name)
    let child: ChildProcess | undefined
    const ask = async <T extends object>(work: (sql: Sql) => Promise<T>): Promise<T> => {
      const sql = postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 5 })
      try {
        return await work(sql)
      } finally {
        await sql.end({ timeout: 1 })
      }
    }
    return {
      url,
      ask,
      async start() {
        const settings = [`port=${own}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`]
        const args = ['-D', data, ...[...settings, 'fsync=off'].flatMap((it) => ['-c', it])]
        child = spawn(bin('postgres'), args, { stdio: 'ignore', ...user })
        await vi.waitFor(() => ask((sql) => sql`select 1`), ANSWER_TIMEOUT_MS)
      },
      async kill() {
        if (!child || child.exitCode !== null || child.signalCode !== null) return
        const gone = new Promise((resolve) => child?.once('exit', resolve))
        child.kill('SIGQUIT')
        await gone
      },
    }
  }
  const stop = async () => {
    for (const it of [replica, primary]) await it.kill()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const data = join(folder, 'primary')
    await execute(
      bin('initdb'),
      ['-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--no-sync'],
      user,
    )
    await primary.start()
    const copy = ['-h', '127.0.0.1', '-p', port, '-U', 'postgres', '-D', join(folder, 'replica')]
    await execute(bin('pg_basebackup'), [...copy, '-R', '-c', 'fast', '--no-sync'], user)
    await replica.start()
    return { primary, replica, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
