/** For tests: a real Mosquitto of one's own on a free loopback port, with the configuration that is shipped. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, until } from '../testing.ts'

const SHIPPED = fileURLToPath(new URL('../../../../deploy/brokers/mosquitto', import.meta.url))
const PROGRAMS = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto', '/usr/local/sbin/mosquitto']
const PLUGINS = [
  '/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so',
  '/usr/lib/aarch64-linux-gnu/mosquitto_dynamic_security.so',
  '/usr/lib/mosquitto_dynamic_security.so',
]
const ADMIN = { username: 'switchyard-admin', password: 'admin-of-the-tests' }

const program = PROGRAMS.find((it) => existsSync(it))
const plugin = PLUGINS.find((it) => existsSync(it))
const control = ['/usr/bin/mosquitto_ctrl', '/usr/local/bin/mosquitto_ctrl'].find((it) => existsSync(it))

/** Why the tests against Mosquitto cannot run here; undefined when they can. */
export const mosquittoMissing =
  program && plugin && control
    ? undefined
    : `not installed: ${[program ? '' : 'mosquitto', plugin ? '' : 'its dynamic-security plugin', control ? '' : 'mosquitto_ctrl'].filter(Boolean).join(', ')}`

export interface TestMosquitto {
  url: string
  /** What a gateway needs to be told of it. */
  env: Record<string, string>
  stop(): Promise<void>
}

export async function startMosquitto(): Promise<TestMosquitto> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-mosquitto-'))
  const port = await freePort()
  const state = join(folder, 'dynamic-security.json')
  execFileSync(join(SHIPPED, 'init.sh'), [state], {
    env: { ...process.env, MQTT_ADMIN_USERNAME: ADMIN.username, MQTT_ADMIN_PASSWORD: ADMIN.password },
    stdio: 'ignore',
  })
  const root = process.getuid?.() === 0
  if (root) execFileSync('chown', ['root:', state])
  const configuration = readFileSync(join(SHIPPED, 'mosquitto.conf'), 'utf8')
    .replace(/^listener .*$/m, `listener ${port} 127.0.0.1${root ? '\nuser root' : ''}`)
    .replace(/^plugin .*$/m, `plugin ${plugin}`)
    .replace(/^plugin_opt_config_file .*$/m, `plugin_opt_config_file ${state}`)
  writeFileSync(join(folder, 'mosquitto.conf'), configuration)
  const said: string[] = []
  const child = spawn(program ?? '', ['-c', join(folder, 'mosquitto.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()))
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  try {
    await until('Mosquitto listens', () => {
      if (child.exitCode !== null) throw new Error(`Mosquitto ended: ${said.join('')}`)
      return listens(port)
    })
  } catch (error) {
    child.kill()
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  const url = `mqtt://127.0.0.1:${port}`
  return {
    url,
    env: {
      MQTT_URL: url,
      MQTT_PASSWORD: 'cloud-of-the-tests',
      MQTT_ADMIN_USERNAME: ADMIN.username,
      MQTT_ADMIN_PASSWORD: ADMIN.password,
    },
    async stop() {
      child.kill()
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function listens(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(undefined))
  })
}
