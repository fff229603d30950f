import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Child, type ChildSpec, NODE_STOP_STEPS } from './child.ts'
import { ensureDemoSite, registerSimulation } from './demo-site.ts'
import {
  cloudEnvironment,
  controllerEnvironment,
  externalValue,
  passedOn,
  type Setting,
  SIMULATED_STATIONS,
  simulatorArguments,
} from './environment.ts'
import { untilHealthy } from './health.ts'
import { LogFile } from './log-file.ts'
import { embeddedPostgres } from './postgres/embedded-postgres.ts'
import { noteHome } from './postgres/forgotten.ts'
import { PublicApi } from './public-api.ts'
import { readSecret, writeSecret } from './secrets.ts'

/** The simulators' program in a built checkout. */
export const SIMULATORS = 'simulators/dist/main.js'
/** Migrations of a large database run before the cloud is ready. */
const CLOUD_READY_MS = 120_000
const CONTROLLER_READY_MS = 60_000
const SIMULATOR_LIVES_MS = 1_000

/** Everything that runs, started in this order and stopped in the opposite one. */
export class System {
  readonly #setting: Setting
  readonly #say: (line: string) => void
  readonly #children: Child[] = []
  #stopping = false

  constructor(setting: Setting, say: (line: string) => void) {
    this.#setting = setting
    this.#say = say
  }

  /** Starts one part after the other, each once the one before it serves. Stops short when `stop` is called meanwhile. */
  async start(): Promise<void> {
    const { setting, step } = { setting: this.#setting, step: this.#step.bind(this) }
    const { flags, files, outer } = setting
    const external = externalValue('DATABASE_URL', outer)
    if (external) writeSecret(files.databaseUrl, external)
    else
      await step('Starting Postgres', () => {
        const postgres = embeddedPostgres({
          launcherFolder: join(setting.project, 'launcher'),
          dataFolder: setting.home.postgres,
          port: flags.ports.postgres,
          password: readSecret(files.postgresPassword),
          say: this.#say,
        })
        writeSecret(files.databaseUrl, postgres.databaseUrl)
        noteHome(setting.home)
        return postgres.spec
      })
    await step('Starting the cloud services', () => cloud(setting))
    if (this.#stopping) return
    const api = new PublicApi(`http://127.0.0.1:${flags.ports.api}`, readSecret(files.apiKey))
    await ensureDemoSite(api, files.siteMqttPassword, this.#say)
    if (flags.simulator) await this.#registerSimulation(api)
    await step('Starting the site controller', () => controller(setting))
    if (flags.simulator) await step('Starting the simulated site', () => simulators(setting))
  }

  async #registerSimulation(api: PublicApi): Promise<void> {
    const { project, files, home } = this.#setting
    const ask = (...args: string[]) =>
      JSON.parse(execFileSync(process.execPath, [join(project, SIMULATORS), ...args], { encoding: 'utf8' }))
    const simulated = {
      stations: ask('stations', '--stations', String(SIMULATED_STATIONS)),
      tokens: ask('tokens'),
    }
    await registerSimulation(
      api,
      simulated,
      readSecret(files.simulatorPassword),
      join(home.simulator, 'registered'),
    )
  }

  /** Stops simulators, controller, cloud and Postgres, in this order, each within its deadlines. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const child of [...this.#children].reverse()) await child.stop()
  }

  /** Ends everything at once; nothing acknowledged is lost, the next start recovers. */
  kill(): void {
    this.#stopping = true
    for (const child of this.#children) child.kill()
  }

  async #step(saying: string, describe: () => ChildSpec): Promise<void> {
    if (this.#stopping) return
    this.#say(saying)
    const spec = describe()
    const child = new Child(spec, {
      log: new LogFile(join(this.#setting.home.logs, `${spec.name}.log`)),
      runFolder: this.#setting.home.run,
      say: this.#say,
    })
    this.#children.push(child)
    await child.start()
  }
}

function program(
  setting: Setting,
  name: string,
  main: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  title: string,
) {
  const file = join(setting.project, main)
  if (!existsSync(file)) throw new Error(`${file} is missing; run "npm run build".`)
  return {
    name,
    title,
    file: process.execPath,
    args: ['--enable-source-maps', file, ...args],
    env,
    cwd: setting.project,
    stopSteps: NODE_STOP_STEPS,
  }
}

function cloud(setting: Setting): ChildSpec {
  const { ports } = setting.flags
  const urls = [
    ports.api,
    ports.station,
    ports.driver,
    ports.billing,
    ports.monitoring,
    ports['ocpp-gateway'],
    ports['site-gateway'],
  ].map((port) => `http://127.0.0.1:${port}/ready`)
  return {
    ...program(
      setting,
      'cloud',
      'cloud/dist/main.js',
      ['--target=all'],
      cloudEnvironment(setting),
      'The cloud',
    ),
    ready: (signal) => untilHealthy(urls, CLOUD_READY_MS, signal),
  }
}

function controller(setting: Setting): ChildSpec {
  const url = `http://127.0.0.1:${setting.flags.ports.controller}/health`
  return {
    ...program(
      setting,
      'controller',
      'edge-controller/dist/main.js',
      [],
      controllerEnvironment(setting),
      'The site controller',
    ),
    ready: (signal) => untilHealthy([url], CONTROLLER_READY_MS, signal),
  }
}

function simulators(setting: Setting): ChildSpec {
  return {
    ...program(
      setting,
      'simulators',
      SIMULATORS,
      simulatorArguments(setting),
      passedOn(setting.outer),
      'The simulated site',
    ),
    // It serves nobody and has no health address: it is up when it did not end at once.
    ready: (signal) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, SIMULATOR_LIVES_MS)
        signal.addEventListener('abort', () => {
          clearTimeout(timer)
          reject(new Error('it ended at once'))
        })
      }),
  }
}
