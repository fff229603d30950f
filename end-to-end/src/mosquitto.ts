/** A real Mosquitto for a test, with its dynamic-security plugin and nothing allowed that the cloud does not allow. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { eventually, Program } from './process.ts'

const PLUGINS = [
  '/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so',
  '/usr/lib/aarch64-linux-gnu/mosquitto_dynamic_security.so',
]
const ADMIN = 'admin'

/** Path of the broker's program, or undefined where Mosquitto is not installed. */
export function mosquittoBinary(): string | undefined {
  if (!PLUGINS.some((it) => existsSync(it))) return undefined
  return [process.env.MOSQUITTO_BIN, '/usr/sbin/mosquitto', '/usr/bin/mosquitto'].find(
    (it) => it !== undefined && existsSync(it),
  )
}

/** Gives a setting that is a secret: writes it to a file and returns the file's name. */
export type Secret = (name: string, value: string) => string

export interface PreparedMosquitto {
  command: string[]
  /** Settings with which the cloud uses and administers this broker, by the way at `url`. */
  cloudEnv(secret: Secret, url: string): Record<string, string>
}

export interface Mosquitto {
  program: Program
  /** Settings with which the cloud uses and administers this broker. */
  cloudEnv(secret: Secret): Record<string, string>
  stop(): Promise<void>
}

/** Its configuration and accounts, written into a folder; it is not started. */
export function prepareMosquitto(directory: string, port: number): PreparedMosquitto {
  const binary = mosquittoBinary()
  if (!binary) throw new Error('Mosquitto with its dynamic-security plugin is not installed')
  mkdirSync(directory, { recursive: true })
  const accounts = join(directory, 'dynamic-security.json')
  const adminPassword = randomBytes(18).toString('base64url')
  const cloudPassword = randomBytes(18).toString('base64url')
  execFileSync('mosquitto_ctrl', ['dynsec', 'init', accounts, ADMIN, adminPassword], { stdio: 'ignore' })
  const config = join(directory, 'mosquitto.conf')
  writeFileSync(
    config,
    [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous false',
      'per_listener_settings false',
      `plugin ${PLUGINS.find((it) => existsSync(it))}`,
      `plugin_opt_config_file ${accounts}`,
      'persistence false',
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      '',
    ].join('\n'),
  )
  return {
    command: [binary, '-c', config],
    cloudEnv: (secret, url) => ({
      MQTT_URL: url,
      MQTT_USERNAME: 'cloud',
      MQTT_PASSWORD_FILE: secret('mqtt-cloud-password', cloudPassword),
      MQTT_ADMIN_USERNAME: ADMIN,
      MQTT_ADMIN_PASSWORD_FILE: secret('mqtt-admin-password', adminPassword),
    }),
  }
}

export async function startMosquitto(directory: string, port: number): Promise<Mosquitto> {
  const { command, cloudEnv } = prepareMosquitto(directory, port)
  const program = new Program('mosquitto', command, {})
  program.start()
  await eventually('Mosquitto to listen', () => {
    if (!program.running) throw new Error(program.output.join('\n'))
    return listens(port)
  })
  return {
    program,
    cloudEnv: (secret) => cloudEnv(secret, `mqtt://127.0.0.1:${port}`),
    stop: () => program.stop(),
  }
}

/** Whether anybody listens on a port of loopback. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
