import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from './log.ts'
import { migrationStatus, toldStatus } from './migration-status.ts'
import { migrate } from './migrations.ts'
import { createTestDatabase, type TestDatabase } from './testing.ts'

const execute = promisify(execFile)
const log = createLog('silent')
/** Migrations that lie in a folder beside this file. */
const filesOf = (folder: string): string[] => readdirSync(new URL(folder, import.meta.url)).sort()
const source = { folder: 'site-gateway', schema: 'site_gateway', outbox: true }

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(() => database?.drop())

describe('migrations', () => {
  it('are applied once, whoever starts at the same time', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'switchyard-migrate-'))
    const program = join(folder, 'migrate.ts')
    const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
    writeFileSync(
      program,
      `import { migrate } from '${here('./migrations.ts')}'
       import { createLog } from '${here('./log.ts')}'
       const source = ${JSON.stringify(source)}
       migrate(process.env.DATABASE_URL, [source], createLog('silent')).then((it) => console.log(JSON.stringify(it)))`,
    )
    try {
      const env = { ...process.env, DATABASE_URL: database.url }
      const run = () => execute(process.execPath, ['--import', import.meta.resolve('tsx'), program], { env })
      const applied = (await Promise.all([run(), run()])).map((it) => JSON.parse(it.stdout) as string[])
      expect(applied.flat().sort()).toEqual([
        ...filesOf('./migrations').map((it) => `log/${it}`),
        ...filesOf('../site-gateway/migrations').map((it) => `site_gateway/${it}`),
      ])
      expect(await migrate(database.url, [source], log)).toEqual([])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('refuse a file that was changed after it had been applied, by its name', async () => {
    await migrate(database.url, [source], log)
    const sql = postgres(database.url, { max: 1 })
    await sql`update site_gateway.migration set sha256 = 'another'`
    await sql.end()
    await expect(migrate(database.url, [source], log)).rejects.toThrow(
      'site_gateway/0001-sites.sql was changed',
    )
  })

  it('make the days of the log ahead, and rows lie in them', async () => {
    await migrate(database.url, [], log)
    const sql = postgres(database.url, { max: 1 })
    const days =
      await sql`select inhrelid::regclass::text as name from pg_inherits where inhparent = 'log.entry'::regclass`
    await sql.end()
    expect(days.length).toBe(9)
  })

  it('that fail leave what was before them, for the version that runs, and go on when they are mended', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'switchyard-migrate-'))
    const source = {
      folder: relative(fileURLToPath(new URL('..', import.meta.url)), folder),
      schema: 'site_gateway',
      outbox: false,
    }
    mkdirSync(join(folder, 'migrations'))
    const write = (name: string, text: string) => writeFileSync(join(folder, 'migrations', name), text)
    write('0001-first.sql', 'create table site_gateway.one (n int)')
    write(
      '0002-second.sql',
      'create table site_gateway.two (n int); insert into site_gateway.nowhere values (1)',
    )
    try {
      await expect(migrate(database.url, [source], log)).rejects.toThrow('nowhere')
      const states = async () =>
        (await migrationStatus(database.url, [source]))
          .filter((it) => it.schema === 'site_gateway')
          .map((it) => `${it.name} ${it.state}`)
      expect(await states()).toEqual(['0001-first.sql applied', '0002-second.sql pending'])
      const sql = postgres(database.url, { max: 1 })
      const [there] = await sql`select to_regclass('site_gateway.two') as it`
      await sql.end()
      expect(there?.it).toBeNull()
      write('0002-second.sql', 'create table site_gateway.two (n int)')
      expect(await migrate(database.url, [source], log)).toEqual(['site_gateway/0002-second.sql'])
      // An earlier version knows nothing of the second, and starts.
      rmSync(join(folder, 'migrations', '0002-second.sql'))
      expect(await migrate(database.url, [source], log)).toEqual([])
      expect(await states()).toEqual(['0001-first.sql applied', '0002-second.sql newer'])
      write('0001-first.sql', 'create table site_gateway.one (n bigint)')
      expect(toldStatus(await migrationStatus(database.url, [source]))).toMatch(
        /^changed +site_gateway\/0001-first.sql\nnewer +site_gateway\/0002-second.sql\n\d+ applied, 0 pending, 1 changed, 1 newer$/,
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('of a database that has none yet are all pending', async () => {
    const all = await migrationStatus(database.url, [source])
    expect(all.length).toBeGreaterThan(10)
    expect(new Set(all.map((it) => it.state))).toEqual(new Set(['pending']))
  })
})

/** What the version before may still read or write. */
const CONTRACTS =
  /\b(drop\s+(table|column|schema|view|function|type)\b|rename\s+(to|column)\b|alter\s+column\s+\w+\s+(type|set\s+not\s+null)\b)/i
/** Written before there was a version that others run. */
const BEFORE_THE_RULE = new Set(['site-gateway/0003-lanes.sql'])

it('migrations only expand, so that the version before goes on beside them; what contracts says so in its name', () => {
  const folders = readdirSync(new URL('..', import.meta.url)).filter((it) =>
    existsSync(new URL(`../${it}/migrations`, import.meta.url)),
  )
  const wrong = folders.flatMap((folder) =>
    filesOf(`../${folder}/migrations`)
      .filter((name) => !name.endsWith('-contract.sql') && !BEFORE_THE_RULE.has(`${folder}/${name}`))
      .filter((name) =>
        CONTRACTS.test(
          readFileSync(new URL(`../${folder}/migrations/${name}`, import.meta.url), 'utf8').replace(
            /--.*/g,
            '',
          ),
        ),
      )
      .map((name) => `${folder}/${name}`),
  )
  expect(folders.length).toBeGreaterThan(5)
  expect(wrong).toEqual([])
})
