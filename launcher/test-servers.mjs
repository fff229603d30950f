// Which servers this machine has of its own; contract tests run against them too.
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'

const PROBE_TIMEOUT_MS = 2_000
/** MQTT 3.1.1 CONNECT: clean session, keep-alive 10 s, client id "switchyard-probe". */
const MQTT_CONNECT = Buffer.concat([
  Buffer.from([0x10, 28, 0, 4]),
  Buffer.from('MQTT'),
  Buffer.from([4, 2, 0, 10, 0, 16]),
  Buffer.from('switchyard-probe'),
])

/** Looks at given URLs, else at the standard ports of this machine. Returns the variables to export. */
export async function findServers(environment) {
  const found = {}
  const databases = environment.TEST_SYSTEM_DATABASE_URL
    ? [environment.TEST_SYSTEM_DATABASE_URL]
    : ['postgres://postgres@127.0.0.1:5432/postgres']
  for (const url of databases) if (await postgresAnswers(url)) found.TEST_SYSTEM_DATABASE_URL ??= url
  const redis = environment.TEST_REDIS_URL ?? 'redis://127.0.0.1:6379'
  if ((await answer(redis, 6379, Buffer.from('PING\r\n')))?.toString().startsWith('+PONG'))
    found.TEST_REDIS_URL = redis
  const mqtt = environment.TEST_MQTT_URL ?? 'mqtt://127.0.0.1:1883'
  const connack = await answer(mqtt, 1883, MQTT_CONNECT)
  if (connack?.[0] === 0x20 && connack[3] === 0) found.TEST_MQTT_URL = mqtt
  const mosquitto = findProgram('mosquitto', environment)
  if (mosquitto) found.MOSQUITTO_BIN = environment.MOSQUITTO_BIN ?? mosquitto
  const chromium = findProgram('chromium', environment)
  if (chromium) found.CHROMIUM_BIN = environment.CHROMIUM_BIN ?? chromium
  return found
}

/** Full path of a program; Debian keeps servers in sbin, which an ordinary user's PATH lacks. */
export function findProgram(name, environment) {
  const folders = [...(environment.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/usr/bin']
  return folders.map((it) => join(it, name)).find((it) => existsSync(it))
}

async function postgresAnswers(url) {
  const { default: postgres } = await import('postgres')
  const sql = postgres(url, { max: 1, connect_timeout: PROBE_TIMEOUT_MS / 1000, onnotice: () => {} })
  try {
    await sql`select 1`
    return true
  } catch {
    return false
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** The first bytes that come back; undefined when nothing listens or nothing comes. */
function answer(url, defaultPort, question) {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || defaultPort), timeout: PROBE_TIMEOUT_MS })
    const done = (value) => {
      socket.destroy()
      resolve(value)
    }
    socket.on('connect', () => socket.write(question))
    socket.on('data', (bytes) => done(bytes))
    socket.on('timeout', () => done(undefined))
    socket.on('error', () => done(undefined))
    socket.on('close', () => done(undefined))
  })
}
