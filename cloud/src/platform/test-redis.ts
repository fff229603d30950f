/** Real Redis for tests: the one of this machine, or a master with a replica and three Sentinels; ended by their pids, in a folder that goes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { freePorts } from '../../../launcher/free-ports.mjs'

const PROGRAM = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find((it) => existsSync(it))
/** Why these tests cannot run here; undefined when they can. */
export const redisMissing = PROGRAM === undefined ? 'redis-server is not installed' : undefined

export const redisUrl = process.env.TEST_REDIS_URL ?? 'redis://127.0.0.1:6379'

/** Whether one answers at `redisUrl`. */
export function redisAnswers(): Promise<boolean> {
  const { hostname, port } = new URL(redisUrl)
  return new Promise((resolve) => {
    const socket = createConnection(Number(port || 6379), hostname)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

const SENTINELS = 3
const MASTER = 'switchyard'
const LOCAL = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']

export interface TestRedis {
  url: string
  /** Ends the server that is master now, as a power cut does. */
  killMaster(): Promise<void>
  stop(): Promise<void>
}

export async function startRedisBehindSentinel(): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-redis-'))
  const children = new Map<number, ChildProcess>()
  const run = async (port: number, args: string[]) => {
    const child = spawn(PROGRAM ?? '', args, { cwd: folder, stdio: 'ignore' })
    children.set(port, child)
    await answers(port, 'PING', 'PONG')
  }
  const stop = async () => {
    for (const child of children.values()) await end(child)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const [master = 0, replica = 0, ...sentinels] = await freePorts(2 + SENTINELS)
    await run(master, ['--port', String(master), ...LOCAL])
    await run(replica, ['--port', String(replica), ...LOCAL, '--replicaof', '127.0.0.1', String(master)])
    await answers(replica, 'INFO replication', 'link_status:up')
    for (const port of sentinels) {
      const file = join(folder, `sentinel-${port}.conf`)
      writeFileSync(
        file,
        [
          `port ${port}`,
          'bind 127.0.0.1',
          `sentinel monitor ${MASTER} 127.0.0.1 ${master} 2`,
          `sentinel down-after-milliseconds ${MASTER} 1000`,
          `sentinel failover-timeout ${MASTER} 5000`,
          '',
        ].join('\n'),
      )
      await run(port, [file, '--sentinel'])
    }
    // A failover needs Sentinels that know each other and the replica.
    for (const port of sentinels) {
      await answers(port, `SENTINEL CKQUORUM ${MASTER}`, `OK ${SENTINELS}`)
      await answers(port, `SENTINEL REPLICAS ${MASTER}`, String(replica))
    }
    return {
      url: `redis+sentinel://${sentinels.map((it) => `127.0.0.1:${it}`).join(',')}/${MASTER}`,
      async killMaster() {
        const told = await ask(sentinels[0] ?? 0, `SENTINEL GET-MASTER-ADDR-BY-NAME ${MASTER}`)
        const now = [master, replica].find((it) => told.includes(String(it)))
        const child = children.get(now ?? 0)
        if (child) await end(child)
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const ANSWER_TIMEOUT_MS = 30_000
function answers(port: number, command: string, wanted: string): Promise<void> {
  return vi.waitFor(async () => expect(await ask(port, command)).toContain(wanted), ANSWER_TIMEOUT_MS)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

/** The first bytes of the answer to an inline command; empty where nobody answers. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket.once('connect', () => socket.write(`${command}\r\n`))
    socket.once('data', (bytes) => {
      socket.destroy()
      resolve(bytes.toString())
    })
    socket.once('error', () => resolve(''))
  })
}
