// `npm test`: installs, builds, checks and runs all tests but the long ones, `npm run test:long` those; the last line says how many passed and failed.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkNodeVersion } from './node-version.mjs'

checkNodeVersion(process.versions.node)

const { PROJECT } = await import('./project.mjs')
const { run } = await import('./run.mjs')
const { prepare } = await import('./prepare.mjs')
const { findServers } = await import('./test-servers.mjs')
const { installPrograms } = await import('./apt.mjs')

/** Programs, by Debian package, that tests use when they are there: a browser for the page, a second broker and bus for the contracts. */
const WANTED = { chromium: 'chromium', mosquitto: 'mosquitto', 'redis-server': 'redis-server' }
const WANTED_LONG = { prometheus: 'prometheus', 'prometheus-alertmanager': 'prometheus-alertmanager' }

/** Tests that run whole systems for minutes (vitest.config.ts names them) are a run of their own. */
const LONG = process.argv.includes('--long')
/** For vitest: files, and flags of its own. A file that is named runs, whether it is long or not. */
const given = process.argv.slice(2).filter((it) => it !== '--long')
const project = LONG ? ['--project=long'] : given.every((it) => it.startsWith('-')) ? ['--project=short'] : []

const count = { passed: 0, failed: 0, skipped: 0 }
const failures = []
const cleaning = []

function check(name, ok) {
  count[ok ? 'passed' : 'failed']++
  if (!ok) failures.push(name)
  console.log(`${ok ? 'ok' : 'FAILED'}: ${name}`)
  return ok
}

async function tool(name, args, cwd = PROJECT) {
  return check(
    name,
    (await run(process.execPath, args, { cwd, waiting: `${name} is still at work` })).code === 0,
  )
}

/** Runs vitest; what it says of tests, files and errors outside of both is counted by our own reporter. */
async function runTests(environment) {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-test-outcome-'))
  cleaning.push(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'outcome.json')
  const reporter = fileURLToPath(new URL('./test-reporter.mjs', import.meta.url))
  const vitest = join(PROJECT, 'node_modules', 'vitest', 'vitest.mjs')
  const { code } = await run(
    process.execPath,
    [vitest, 'run', '--reporter=default', `--reporter=${reporter}`, ...project, ...given],
    {
      // A log file is read as text; vitest colours what it writes into a pipe too.
      env: {
        ...process.env,
        ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
        ...environment,
        TEST_OUTCOME_FILE: file,
      },
      waiting: 'tests are still running',
    },
  )
  if (!existsSync(file)) {
    check('vitest ran to its end', false)
    return
  }
  const outcome = JSON.parse(readFileSync(file, 'utf8'))
  for (const kind of ['passed', 'failed', 'skipped']) count[kind] += outcome[kind]
  failures.push(...outcome.failures)
  for (const skip of outcome.skips) console.log(`skipped: ${skip}`)
  if (code !== 0 && outcome.failed === 0) check('vitest ended well', false)
}

async function main() {
  if (!check('install and build', await prepare())) return
  for (const name of await installPrograms(LONG ? { ...WANTED, ...WANTED_LONG } : WANTED))
    console.log(`Not here: ${name}; what needs it is skipped (apt-get install ${name})`)
  if (!LONG) await checkTexts()

  const { startTestDatabase } = await import('./dist/test-database.js')
  const database = await startTestDatabase(join(PROJECT, 'launcher'), (line) => console.log(line), false)
  cleaning.push(database.stop)
  const servers = await findServers(process.env)
  console.log('Postgres: embedded, for all tests; it syncs nothing')
  const own = {
    Postgres: 'TEST_SYSTEM_DATABASE_URL',
    Redis: 'TEST_REDIS_URL',
    'MQTT broker': 'TEST_MQTT_URL',
  }
  for (const [title, name] of Object.entries(own))
    console.log(
      `${title} of this machine: ${servers[name] ? `contract tests run against ${new URL(servers[name]).host}` : 'none found'}`,
    )
  console.log(
    `Mosquitto: ${servers.MOSQUITTO_BIN ?? 'not installed'}; Chromium: ${servers.CHROMIUM_BIN ?? 'not installed'}`,
  )
  const environment = { ...servers, TEST_DATABASE_URL: database.url }
  if (servers.CHROMIUM_BIN && !LONG) Object.assign(environment, await pageEnvironment())
  await runTests(environment)
}

/** Types and style, of the code as it stands there. */
async function checkTexts() {
  const tsc = 'node_modules/typescript/bin/tsc'
  await tool('types (tsc)', [tsc, '--noEmit', '-p', 'tsconfig.json'])
  if (existsSync(join(PROJECT, 'cloud/dashboard/tsconfig.json')))
    await tool('types of the dashboard (tsc)', [tsc, '--noEmit', '-p', 'cloud/dashboard/tsconfig.json'])
  await tool('style (biome)', ['node_modules/@biomejs/biome/bin/biome', 'check', '.'])
}

/** What the tests of the page need; without a running system they are skipped, and that counts as a failure here. */
async function pageEnvironment() {
  const { startTestSystem } = await import('./test-system.mjs')
  try {
    const system = await startTestSystem()
    cleaning.push(system.stop)
    check('npm start runs, for the tests of the page', true)
    return system.environment
  } catch (error) {
    console.error(error.message)
    check('npm start runs, for the tests of the page', false)
    return {}
  }
}

async function clean() {
  for (const step of cleaning.splice(0).reverse()) await step()
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    clean().finally(() => process.exit(130))
  })

try {
  await main()
} catch (error) {
  console.error(error)
  check('the tests could be run', false)
}
await clean()
for (const failure of failures) console.log(`failed: ${failure}`)
console.log(
  `${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''}`,
)
process.exitCode = count.failed > 0 ? 1 : 0
