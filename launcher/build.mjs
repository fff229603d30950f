// Builds what changed: generated OCPP code, one bundle per program, the dashboard. `node launcher/build.mjs` does only this,
// and with names of steps only those.
import { cpSync, existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PROJECT } from './project.mjs'
import { run } from './run.mjs'
import { hashOf, readStamp, writeStamp } from './stamp.mjs'

const STAMPS = join(PROJECT, 'node_modules', '.switchyard', 'built')
const ALWAYS = ['pnpm-lock.yaml', 'launcher/build.mjs', 'launcher/bundle.mjs']

/** Every step: what it reads, what it must leave behind, how it is made. Order matters: bundles include generated code. */
const STEPS = [
  {
    name: 'ocpp',
    saying: 'Generating OCPP validators and types from the official schemas',
    inputs: ['protocol/generate', 'protocol/package.json'],
    output: 'protocol/generated/stamp',
    make: () => node(['--import', 'tsx', 'protocol/generate/ocpp.ts']),
  },
  bundleStep(
    'cloud',
    ['cloud/src', 'protocol', 'tracing', 'edge-controller/src'],
    ['src/main.ts'],
    copyMigrations,
  ),
  bundleStep(
    'edge-controller',
    ['edge-controller/src', 'protocol', 'tracing'],
    ['src/main.ts', 'src/journal/sqlite-worker.ts'],
  ),
  bundleStep('simulators', ['simulators', 'protocol'], ['src/main.ts']),
  {
    name: 'world',
    saying: 'Bundling the simulator of whole sites',
    inputs: ['simulators', 'protocol', 'tracing', 'edge-controller/src'],
    output: 'simulators/dist/world/simulate.js',
    make: async () => {
      const { bundle } = await import('./bundle.mjs')
      return await bundle('simulators', ['src/world/simulate.ts'], { mutations: true, into: 'dist/world' })
    },
  },
  bundleStep(
    'launcher',
    ['launcher/src', 'launcher/flags.mjs', 'launcher/blocked-ports.mjs', 'launcher/lock.mjs'],
    [
      'src/main.ts',
      'src/test-database.ts',
      'src/test-postgres.ts',
      'src/config-check.ts',
      'src/predeploy.ts',
    ],
  ),
  {
    name: 'site-setup',
    saying: 'Bundling the setup of a simulated site',
    inputs: ['launcher/src', 'launcher/flags.mjs'],
    output: 'launcher/dist/site-setup/site-setup.js',
    make: async () => {
      const { bundle } = await import('./bundle.mjs')
      return await bundle('launcher', ['src/site-setup.ts'], { into: 'dist/site-setup' })
    },
  },
  {
    name: 'dashboard',
    saying: 'Building the dashboard',
    inputs: ['cloud/dashboard', 'protocol/src'],
    output: 'cloud/dashboard/dist/index.html',
    make: () => node(['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn'], 'cloud/dashboard'),
  },
]

function bundleStep(name, inputs, entries, afterwards) {
  return {
    name,
    saying: `Bundling ${name}`,
    inputs: [...inputs, `${name}/package.json`],
    output: `${name}/dist/main.js`,
    make: async () => {
      const { bundle } = await import('./bundle.mjs')
      if (!(await bundle(name, entries))) return false
      afterwards?.()
      return true
    },
  }
}

/** Makes every step whose inputs differ from its stamp; false when one failed (its output was shown). */
export async function build({ only } = {}) {
  let earlier = ''
  for (const step of STEPS) {
    if (only && !only.includes(step.name)) continue
    const stamp = hashOf([...ALWAYS, ...step.inputs], step.name === 'dashboard' ? '' : earlier)
    if (step.name === 'ocpp') earlier = stamp
    const stampFile = join(STAMPS, step.name)
    if (readStamp(stampFile) === stamp && existsSync(join(PROJECT, step.output))) continue
    console.log(step.saying)
    rmSync(stampFile, { force: true })
    if (!(await step.make())) {
      console.error(`\n${step.saying}: failed; the reason is above.\n`)
      return false
    }
    writeStamp(stampFile, stamp)
  }
  return true
}

async function node(args, cwd = '.') {
  const { code } = await run(process.execPath, args, { cwd: join(PROJECT, cwd), waiting: 'still at work' })
  return code === 0
}

/**
 * SQL migrations are read at run time: cloud/src/<service>/migrations and cloud/src/platform/<part>/migrations
 * lie as cloud/dist/migrations/<service or part>/*.sql beside the bundle.
 */
function copyMigrations() {
  const source = join(PROJECT, 'cloud', 'src')
  const target = join(PROJECT, 'cloud', 'dist', 'migrations')
  const draft = `${target}.new`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { recursive: true })
  for (const folder of migrationFolders(source)) {
    const schema = basename(dirname(folder))
    for (const file of readdirSync(folder))
      if (file.endsWith('.sql')) cpSync(join(folder, file), join(draft, schema, file))
  }
  rmSync(target, { recursive: true, force: true })
  renameSync(draft, target)
}

function* migrationFolders(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === 'node_modules') continue
    if (entry.name === 'migrations') yield join(folder, entry.name)
    else yield* migrationFolders(join(folder, entry.name))
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = (await build(only())) ? 0 : 1

/** Steps named on the command line; an unknown one is an error, as an image would come out without it. */
function only() {
  const names = process.argv.slice(2)
  const unknown = names.filter((name) => !STEPS.some((step) => step.name === name))
  if (unknown.length > 0) throw new Error(`no such step: ${unknown.join(', ')}`)
  return names.length > 0 ? { only: names } : {}
}
