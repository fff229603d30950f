// `npm run chaos -- --rounds N`: installs, builds, and runs real processes under faults; the last line says how many rounds went well.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { checkNodeVersion } from './node-version.mjs'

checkNodeVersion(process.versions.node)

const { PROJECT } = await import('./project.mjs')
const { prepare } = await import('./prepare.mjs')
const { findProgram } = await import('./test-servers.mjs')
const { installPrograms } = await import('./apt.mjs')

/** Programs that it starts itself, and the Debian packages that hold them. */
const WANTED = { mosquitto: 'mosquitto', 'redis-server': 'redis-server' }

async function main() {
  if (!(await prepare())) {
    console.log('0 passed, 1 failed')
    return 1
  }
  const { bundle } = await import('./bundle.mjs')
  if (!(await bundle('end-to-end', ['chaos/chaos.ts']))) return 1
  const args = process.argv.slice(2)
  if (args.includes('--help')) return await runChaos(args, {})
  const missing = await installPrograms(WANTED)
  if (missing.length > 0) {
    console.log(`Chaos needs ${missing.join(' and ')}; skipped (apt-get install ${missing.join(' ')})`)
    console.log('0 passed, 0 failed, 1 skipped')
    return 0
  }
  const { findTestPostgres } = await import('./dist/test-postgres.js')
  const { bin, owner, source, forget } = findTestPostgres(join(PROJECT, 'launcher'), (it) => console.log(it))
  console.log(`Postgres: ${source}; Redis: ${findProgram('redis-server', process.env)}; Mosquitto`)
  try {
    return await runChaos(args, {
      CHAOS_POSTGRES: JSON.stringify({ bin, uid: owner.uid, gid: owner.gid }),
      CHAOS_REDIS: findProgram('redis-server', process.env),
    })
  } finally {
    forget()
  }
}

/** Signals are passed on and its end is waited for: it has processes and disks to clear away. */
function runChaos(args, environment) {
  const child = spawn(process.execPath, [join(PROJECT, 'end-to-end', 'dist', 'chaos.js'), ...args], {
    cwd: PROJECT,
    env: { ...process.env, ...environment },
    stdio: 'inherit',
    // Ctrl-C of the terminal reaches this process alone, which passes it on once.
    detached: true,
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
}

process.exit(await main())
