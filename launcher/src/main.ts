import { existsSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Flags, PortName } from '../flags.mjs'
import { takeLock } from '../lock.mjs'
import { NODE_STOP_STEPS, stopRecorded } from './child.ts'
import { isExternal, type Setting } from './environment.ts'
import { type Home, openHome, wipe } from './home.ts'
import { takenPorts } from './ports.ts'
import { forgottenDatabases } from './postgres/forgotten.ts'
import { stopLeftOver } from './postgres/left-over.ts'
import { checkReplay } from './replay-file.ts'
import { screen } from './screen.ts'
import { ensureSecrets } from './secrets.ts'
import { System } from './system.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** One Ctrl-C may arrive twice: from the terminal, and passed on by npm. */
const SAME_KEY_MS = 200
/** Holds the process until a signal comes; children alone do not, once they have ended. */
const KEEP_ALIVE_MS = 60_000

const say = (line: string): void => console.log(line)

/** Runs the whole system until Ctrl-C, SIGTERM or SIGHUP; sets the exit code. Problems are said, not thrown. */
export async function supervise(flags: Flags, project: string): Promise<void> {
  try {
    await run(flags, project)
  } catch (error) {
    console.error(`\n${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}

async function run(flags: Flags, project: string): Promise<void> {
  // npm changes into the project; what the user wrote is relative to where they wrote it.
  const typedIn = process.env.INIT_CWD ?? process.cwd()
  if (flags.replay !== undefined) {
    flags.replay = resolve(typedIn, flags.replay)
    checkReplay(flags.replay, project)
  }
  const path = flags.home === undefined ? join(project, '.switchyard') : resolve(typedIn, flags.home)
  let home = openHome(path)
  const lock = takeLock(join(home.run, 'supervisor.lock'))
  if (lock.holder)
    throw new Error(
      `Switchyard already runs on ${home.folder} (process ${lock.holder.pid}). Stop it with Ctrl-C where it runs, or ` +
        `"kill ${lock.holder.pid}". A second one beside it needs a home and ports of its own: ` +
        'npm start -- --home DIR --port-offset 100',
    )
  try {
    await stopLeftOvers(home)
    if (flags.fresh) {
      wipe(home, say)
      home = openHome(path)
    }
    await serve(flags, home, project)
  } finally {
    lock.release()
  }
}

async function serve(flags: Flags, home: Home, project: string): Promise<void> {
  const taken = await takenPorts(flags.ports, neededPorts(), flags.lan ? ['api', 'ocpp', 'ocpp-gateway'] : [])
  if (taken.length > 0) throw new Error(`${taken.join('\n')}\nOr move all of them: --port-offset N`)
  for (const folder of forgottenDatabases())
    say(`${folder} is a database whose home is gone; to free its space: rm -r ${folder}`)
  const { files, credentials } = ensureSecrets(home)
  const setting: Setting = {
    project,
    flags,
    home,
    files,
    operatorEmail: credentials.operator.email,
    outer: process.env,
  }
  const system = new System(setting, say)
  const stopped = stopOnSignal(system)
  try {
    await Promise.race([system.start(), stopped])
    if (!stopped.requested()) {
      say(screen(setting, credentials))
      await stopped
    }
  } finally {
    stopped.cancel()
    await system.stop()
  }
  say('Stopped. All data is kept; "npm start" goes on with it.')
}

/** Resolves at the first signal; a second one ends everything at once. */
function stopOnSignal(system: System): Promise<void> & { requested: () => boolean; cancel: () => void } {
  let requested = false
  let resolveFirst: () => void = () => undefined
  const first = new Promise<void>((resolve) => {
    resolveFirst = resolve
  })
  const alive = setInterval(() => undefined, KEEP_ALIVE_MS)
  let requestedAt = 0
  const onSignal = (signal: NodeJS.Signals): void => {
    if (requested) {
      if (performance.now() - requestedAt < SAME_KEY_MS) return
      say(`${signal} again: ending everything at once`)
      system.kill()
      process.exit(130)
    }
    requested = true
    requestedAt = performance.now()
    say('\nStopping: simulated site, site controller, cloud, Postgres (Ctrl-C again to end at once)')
    resolveFirst()
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return Object.assign(first, { requested: () => requested, cancel: () => clearInterval(alive) })
}

/** Embedded parts that the environment replaces need no port. */
function neededPorts(): PortName[] {
  const all: PortName[] = [
    'api',
    'station',
    'driver',
    'billing',
    'monitoring',
    'ocpp-gateway',
    'site-gateway',
    'ocpp',
    'controller',
  ]
  if (!isExternal('MQTT_URL', process.env)) all.push('broker')
  if (!isExternal('DATABASE_URL', process.env)) all.push('postgres')
  return all
}

/** What a killed supervisor could not stop, in the order in which it would have. */
async function stopLeftOvers(home: Home): Promise<void> {
  const left = [
    ['simulators', 'simulated site'],
    ['controller', 'site controller'],
    ['cloud', 'cloud'],
  ] as const
  for (const [name, title] of left)
    await stopRecorded(join(home.run, `${name}.pid`), { title, stopSteps: NODE_STOP_STEPS }, say)
  if (existsSync(home.postgres)) await stopLeftOver(realpathSync(home.postgres), say)
}
