// `npm run load`: installs, builds, and puts the cloud under load; `npm run load -- --help` says how much of what.
import { join } from 'node:path'
import { checkNodeVersion } from './node-version.mjs'

checkNodeVersion(process.versions.node)

const { PROJECT } = await import('./project.mjs')
const { run } = await import('./run.mjs')
const { prepare } = await import('./prepare.mjs')
const { findProgram } = await import('./test-servers.mjs')
const { installPrograms } = await import('./apt.mjs')

async function main() {
  const args = process.argv.slice(2)
  if (!(await prepare())) return 1
  const { bundle } = await import('./bundle.mjs')
  if (!(await bundle('end-to-end', ['load/under-load.ts']))) return 1
  const program = join(PROJECT, 'end-to-end', 'dist', 'under-load.js')
  const help = args.includes('--help') || args.includes('-h')
  if (
    !help &&
    !process.env.REDIS_URL &&
    (await installPrograms({ 'redis-server': 'redis-server' })).length > 0
  ) {
    console.error('The load needs Redis: give its REDIS_URL, or install redis-server.')
    return 1
  }
  const redis = findProgram('redis-server', process.env)
  // Ctrl-C reaches the load too, which ends what it started; its end is waited for.
  process.on('SIGINT', () => {})
  const load = (database) =>
    run(process.execPath, ['--enable-source-maps', program, ...args], {
      env: {
        ...process.env,
        ...(database ? { LOAD_DATABASE_URL: database } : {}),
        ...(redis ? { LOAD_REDIS: redis } : {}),
      },
      waiting: 'the load is still running',
    })
  if (help) return (await load()).code
  if (process.env.DATABASE_URL) return (await load(process.env.DATABASE_URL)).code
  const { startTestDatabase } = await import('./dist/test-database.js')
  const database = await startTestDatabase(join(PROJECT, 'launcher'), (line) => console.log(line), true)
  try {
    return (await load(database.url)).code
  } finally {
    await database.stop()
  }
}

process.exit(await main())
