import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from './log.ts'
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
})
