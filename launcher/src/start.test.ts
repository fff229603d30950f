/** `npm start` itself: real programs, a home and ports of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PORTS } from '../flags.mjs'
import { freePorts } from '../free-ports.mjs'
import { isAlive, readIdentity } from '../lock.mjs'
import { SYSTEM_FOLDER } from './postgres/embedded-postgres.ts'
import { waitUntil } from './wait.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
const START_DEADLINE_MS = 120_000
const STOP_DEADLINE_MS = 60_000

let folder: string
let home: string
let portFlags: string[]
let api: string
let running: Start | undefined

type Start = { process: ChildProcess; output: () => string; exited: Promise<number | null> }

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-start-'))
  home = join(folder, 'home')
  const ports = await freePorts(PORTS.length)
  portFlags = PORTS.flatMap(({ flag }, at) => [flag, String(ports[at])])
  api = `http://127.0.0.1:${ports[0]}`
})
afterAll(async () => {
  if (running) await stop(running)
  const location = join(home, 'postgres.location')
  const outside = existsSync(location) ? dirname(readFileSync(location, 'utf8').trim()) : undefined
  if (outside?.startsWith(`${SYSTEM_FOLDER}/`)) rmSync(outside, { recursive: true, force: true })
  rmSync(folder, { recursive: true, force: true })
})

function launch(...flags: string[]): Start {
  const child = spawn(
    process.execPath,
    [join(PROJECT, 'launcher', 'start.mjs'), '--home', home, ...portFlags, ...flags],
    { cwd: PROJECT, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
  return {
    process: child,
    output: () => output,
    exited: new Promise((resolve) => child.once('exit', (code) => resolve(code))),
  }
}

async function untilItRuns(start: Start): Promise<void> {
  let code: number | null | undefined
  start.exited.then((it) => {
    code = it
  })
  await waitUntil(
    () => code !== undefined || start.output().includes('Switchyard runs.'),
    START_DEADLINE_MS,
    () => `it does not run:\n${start.output()}`,
  )
  if (code !== undefined) throw new Error(`it ended with code ${code}:\n${start.output()}`)
}

async function stop(start: Start): Promise<number | null> {
  start.process.kill('SIGINT')
  const forced = setTimeout(() => start.process.kill('SIGKILL'), STOP_DEADLINE_MS)
  const code = await start.exited
  clearTimeout(forced)
  running = undefined
  return code
}

const credentials = (): { apiKey: string } =>
  JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')) as { apiKey: string }
const recorded = (name: string) => readIdentity(join(home, 'run', `${name}.pid`))

async function sites(): Promise<{ siteId: string; createdAt: string; online: boolean }[]> {
  const response = await fetch(`${api}/api/v1/sites`, {
    headers: { authorization: `Bearer ${credentials().apiKey}` },
  })
  expect(response.status).toBe(200)
  return ((await response.json()) as { items: { siteId: string; createdAt: string; online: boolean }[] })
    .items
}

async function untilOnline(): Promise<string> {
  await waitUntil(
    async () => (await sites())[0]?.online === true,
    START_DEADLINE_MS,
    () => 'the site is not online',
  )
  return (await sites())[0]!.createdAt
}

test('it starts, refuses a second start, survives kill -9 of everything, and goes on with the same data', async () => {
  running = launch('--no-simulator')
  await untilItRuns(running)
  expect(running.output()).toContain(api.replace('127.0.0.1', 'localhost'))
  expect(statSync(join(home, 'credentials.json')).mode & 0o777).toBe(0o600)
  const createdAt = await untilOnline()
  const key = credentials().apiKey

  const second = launch('--no-simulator')
  expect(await second.exited).toBe(1)
  expect(second.output()).toContain('already runs')

  const killed = ['cloud', 'controller', 'postgres'].map(recorded)
  running.process.kill('SIGKILL')
  await running.exited
  for (const it of killed) if (isAlive(it)) process.kill(it!.pid, 'SIGKILL')
  running = launch('--no-simulator')
  await untilItRuns(running)
  expect(await untilOnline()).toBe(createdAt)
  expect(credentials().apiKey).toBe(key)

  running.process.kill('SIGKILL')
  await running.exited
  running = launch('--no-simulator')
  await untilItRuns(running)
  expect(running.output()).toContain('an earlier start left behind')
  expect(await untilOnline()).toBe(createdAt)

  const ended = ['cloud', 'controller', 'postgres'].map(recorded)
  expect(await stop(running)).toBe(0)
  expect(ended.filter((it) => isAlive(it))).toEqual([])
}, 300_000)

test('a taken port is named with its flag before anything starts', async () => {
  const server = createServer()
  const port = Number(portFlags[portFlags.indexOf('--ocpp-port') + 1])
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const start = launch()
  expect(await start.exited).toBe(1)
  expect(start.output()).toContain(`Port ${port}`)
  expect(start.output()).toContain('--ocpp-port')
  await new Promise((resolve) => server.close(resolve))
})

test('a file to replay that cannot be read is named with its line before anything starts', async () => {
  const file = join(folder, 'broken.csv')
  writeFileSync(
    file,
    'arrival,departure,requested_energy (kWh),station_id\n2026-05-01 08:00:00+00:00,2026-05-01 09:00:00+00:00,much,1\n',
  )
  const start = launch('--replay', file)
  expect(await start.exited).toBe(1)
  expect(start.output()).toContain(`--replay: ${file}: line 2, column "requested_energy (kWh)"`)
  expect(start.output()).not.toContain('Starting Postgres')
})
