// `npm run bench`: installs, builds, and prints figures; `npm run bench -- throughput ingest` prints only those, and
// `npm run bench -- ingest --minutes 10` loads the cloud for so long.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkNodeVersion } from './node-version.mjs'

checkNodeVersion(process.versions.node)

const { PROJECT } = await import('./project.mjs')
const { run } = await import('./run.mjs')
const { prepare } = await import('./prepare.mjs')

/** Keep in step with end-to-end/bench/main.ts. */
const BENCHMARKS = [
  'throughput',
  'latency',
  'memory',
  'slow-disk',
  'storm',
  'ingest',
  'backlog',
  'reconnect',
  'documents',
]

async function main() {
  // Named before minutes are spent on building.
  const { positionals } = parseArgs({ allowPositionals: true, options: { minutes: { type: 'string' } } })
  const unknown = positionals.filter((it) => !BENCHMARKS.includes(it))
  if (unknown.length > 0) {
    console.error(
      `There is no benchmark ${unknown.join(', ')}. "npm run bench" runs all, "npm run bench -- NAME" one of ${BENCHMARKS.join(', ')}.`,
    )
    return 2
  }
  if (!(await prepare())) return 1
  const { bundle } = await import('./bundle.mjs')
  if (
    !(await bundle('end-to-end', [
      'bench/main.ts',
      'bench/load.ts',
      'bench/storm-load.ts',
      'bench/echo-server.ts',
    ]))
  )
    return 1
  if (
    !(await bundle('edge-controller', [
      'src/testing/write-journal.ts',
      'src/testing/write-stations.ts',
      'src/journal/sqlite-worker.ts',
    ]))
  )
    return 1
  const { startTestDatabase } = await import('./dist/test-database.js')
  const database = await startTestDatabase(join(PROJECT, 'launcher'), (line) => console.log(line), true)
  try {
    const main = join(PROJECT, 'end-to-end', 'dist', 'main.js')
    const { code } = await run(process.execPath, [main, ...process.argv.slice(2)], {
      env: { ...process.env, TEST_DATABASE_URL: database.url },
      waiting: 'benchmarks are still running',
    })
    return code ?? 1
  } finally {
    await database.stop()
  }
}

process.exit(await main())
