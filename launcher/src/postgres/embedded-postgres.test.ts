import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePorts } from '../../free-ports.mjs'
import { Child } from '../child.ts'
import { LogFile } from '../log-file.ts'
import { waitUntil } from '../wait.ts'
import { type EmbeddedPostgres, embeddedPostgres, SYSTEM_FOLDER } from './embedded-postgres.ts'
import { stopLeftOver } from './left-over.ts'

const launcherFolder = fileURLToPath(new URL('../..', import.meta.url))
const PASSWORD = 'only-for-this-test'
let folder: string
let running: Child[] = []
let said: string[] = []

beforeEach(() => {
  const parent = process.getuid?.() === 0 ? SYSTEM_FOLDER : tmpdir()
  mkdirSync(parent, { recursive: true })
  folder = mkdtempSync(join(parent, 'switchyard-embedded-'))
  // As root the server's own user must be able to enter.
  chmodSync(folder, 0o711)
  said = []
})
afterEach(async () => {
  for (const child of running.splice(0)) await child.stop()
  if (existsSync(dataFolder())) await stopLeftOver(dataFolder(), () => undefined)
  rmSync(folder, { recursive: true, force: true })
})

const dataFolder = (): string => join(folder, 'cluster', 'postgres')
const pidOf = (): number => Number(readFileSync(join(dataFolder(), 'postmaster.pid'), 'utf8').split('\n')[0])

async function start(): Promise<EmbeddedPostgres & { child: Child }> {
  const embedded = embeddedPostgres({
    launcherFolder,
    dataFolder: dataFolder(),
    port: (await freePorts(1))[0]!,
    password: PASSWORD,
    say: (line) => said.push(line),
  })
  const child = new Child(embedded.spec, {
    log: new LogFile(join(folder, 'postgres.log')),
    runFolder: folder,
    say: (line) => said.push(line),
  })
  await child.start()
  running.push(child)
  return { ...embedded, child }
}

async function query<T>(url: string, run: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  try {
    return await run(sql)
  } finally {
    await sql.end({ timeout: 2 })
  }
}

const write = (url: string) =>
  query(url, async (sql) => {
    await sql`create table if not exists kept (n int)`
    await sql`insert into kept values (7)`
  })
const count = (url: string) => query(url, async (sql) => (await sql`select n from kept`).length)

test('it keeps fsync on, asks for a password, and goes on with its data after a stop', async () => {
  const first = await start()
  await write(first.databaseUrl)
  const [settings] = await query(
    first.databaseUrl,
    (sql) => sql`select current_setting('fsync') as fsync, current_setting('listen_addresses') as listen`,
  )
  expect(settings).toEqual({ fsync: 'on', listen: '127.0.0.1' })
  await expect(count(first.databaseUrl.replace(PASSWORD, 'wrong'))).rejects.toThrow(/password/)
  await first.child.stop()
  expect(existsSync(join(dataFolder(), 'postmaster.pid'))).toBe(false)
  expect(await count((await start()).databaseUrl)).toBe(1)
})

test('killed with -9, it is started again by its keeper, with its data', async () => {
  const { databaseUrl } = await start()
  await write(databaseUrl)
  const before = pidOf()
  process.kill(before, 'SIGKILL')
  await waitUntil(
    () => said.includes('Postgres runs again'),
    30_000,
    () => said.join('\n'),
  )
  expect(pidOf()).not.toBe(before)
  expect(await count(databaseUrl)).toBe(1)
})

test('left behind by a killed supervisor, it is stopped before the next start', async () => {
  const { databaseUrl, spec } = await start()
  await write(databaseUrl)
  const left = pidOf()
  await spec.prepare?.()
  expect(said.some((it) => it.includes(`process ${left}`))).toBe(true)
  await waitUntil(
    () => said.includes('Postgres runs again'),
    30_000,
    () => said.join('\n'),
  )
  expect(await count(databaseUrl)).toBe(1)
})

test('a pid file that names somebody else is not believed, and that process is left alone', async () => {
  const { child } = await start()
  await child.stop()
  running = []
  writeFileSync(join(dataFolder(), 'postmaster.pid'), `${process.pid}\n${dataFolder()}\n`)
  const { databaseUrl } = await start()
  expect(await query(databaseUrl, async (sql) => (await sql`select 1 as one`)[0]?.one)).toBe(1)
})

test('data of another major version is refused, not touched', async () => {
  const { child } = await start()
  await child.stop()
  running = []
  writeFileSync(join(dataFolder(), 'PG_VERSION'), '17\n')
  await expect(start()).rejects.toThrow(/Postgres 17.*Postgres 18/)
})
