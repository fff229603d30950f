/**
 * A whole system as real processes: cloud (all targets), broker, one site controller whose link to the broker runs
 * through a fault proxy. Its database is one of its own on the server that the tests were given.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTcpProxy, type TcpProxy } from '@switchyard/simulators/faults/tcp-proxy.ts'
import postgres from 'postgres'
import { freePorts } from '../../launcher/free-ports.mjs'
import { Api } from './api.ts'
import { type Mosquitto, startMosquitto } from './mosquitto.ts'
import { eventually, Program } from './process.ts'

const ROOT = new URL('../../', import.meta.url).pathname
/** Names of the seven targets' port settings, in the order the ports are drawn. */
const PORTS = [
  'API_GATEWAY',
  'STATION_SERVICE',
  'DRIVER_SERVICE',
  'BILLING_SERVICE',
  'MONITORING_SERVICE',
  'OCPP_GATEWAY',
  'SITE_GATEWAY',
] as const

export interface SystemOptions {
  broker: 'embedded' | 'mosquitto'
  /** More settings of the controller, e.g. ONBOARDING. */
  controllerEnv?: Record<string, string>
  cloudEnv?: Record<string, string>
  /** A Postgres server of the test's own; otherwise the one that the tests were given. */
  databaseServer?: string
  /** Told before the controller starts for the first time: where its journal will be, and the link that it will use. */
  beforeController?(journalFile: string, link: TcpProxy): Promise<void>
}

export interface Box {
  controller: Program
  ocppUrl: string
  panelUrl: string
}

export interface System {
  api: Api
  siteId: string
  ocppUrl: string
  /** Where direct stations connect. */
  directUrl: string
  panelUrl: string
  /** Of each target of the cloud. */
  targetUrls: string[]
  /** The broker itself, past the fault proxy. */
  brokerUrl: string
  databaseUrl: string
  cloud: Program
  controller: Program
  journalFile: string
  /** A second box of the site, with another journal; it is started, and stopped with the system. */
  startBox(journalFile: string): Promise<Box>
  /** Between the controller and the broker. */
  link: TcpProxy
  stop(): Promise<void>
}

export const givenServer = process.env.TEST_DATABASE_URL

export async function startSystem(options: SystemOptions): Promise<System> {
  const databaseServer = options.databaseServer ?? givenServer
  if (!databaseServer) throw new Error('TEST_DATABASE_URL is not set: run the tests by `npm test`')
  const directory = mkdtempSync(join(tmpdir(), 'switchyard-e2e-'))
  const undo: (() => Promise<unknown> | unknown)[] = [
    () => rmSync(directory, { recursive: true, force: true }),
  ]
  const programs: Program[] = []
  const stop = async () => {
    for (const step of undo.reverse()) await step()
  }
  try {
    const database = `e2e_${randomBytes(6).toString('hex')}`
    const admin = postgres(databaseServer, { max: 1, onnotice: () => {} })
    await admin.unsafe(`create database ${database}`)
    await admin.end()
    undo.push(async () => {
      const sql = postgres(databaseServer, { max: 1, onnotice: () => {} })
      await sql.unsafe(`drop database if exists ${database} with (force)`)
      await sql.end()
    })
    const databaseUrl = Object.assign(new URL(databaseServer), { pathname: `/${database}` }).toString()

    const secret = (name: string, value: string) => {
      const file = join(directory, name)
      writeFileSync(file, value, { mode: 0o600 })
      return file
    }
    const apiKey = `sk_${randomBytes(24).toString('base64url')}`
    const [ocppPort, panelPort, brokerPort, ...targetPorts] = await freePorts(3 + PORTS.length)
    let mosquitto: Mosquitto | undefined
    if (options.broker === 'mosquitto') {
      mosquitto = await startMosquitto(join(directory, 'mosquitto'), brokerPort!)
      undo.push(() => mosquitto!.stop())
    }
    const cloud = new Program('cloud', [process.execPath, join(ROOT, 'cloud/dist/main.js'), '--target=all'], {
      NODE_ENV: 'test',
      LOG_LEVEL: 'info',
      DATABASE_URL_FILE: secret('database-url', databaseUrl),
      SERVICE_KEY_FILE: secret('service-key', randomBytes(24).toString('base64url')),
      BOOTSTRAP_API_KEY_FILE: secret('api-key', apiKey),
      BOOTSTRAP_OPERATOR_EMAIL: 'operator@example.com',
      BOOTSTRAP_OPERATOR_PASSWORD_FILE: secret('operator-password', randomBytes(12).toString('base64url')),
      BROKER_PORT: String(brokerPort),
      ...Object.fromEntries(PORTS.map((name, i) => [`${name}_PORT`, String(targetPorts[i])])),
      ...(mosquitto ? mosquitto.cloudEnv(secret) : {}),
      ...options.cloudEnv,
    })
    const api = new Api(`http://127.0.0.1:${targetPorts[0]}`, apiKey)
    cloud.start()
    programs.push(cloud)
    undo.push(() => cloud.stop())
    await eventually('the cloud to be ready', async () => {
      if (!cloud.running) throw new Error(`the cloud ended:\n${cloud.output.slice(-30).join('\n')}`)
      const ready = await Promise.all(
        targetPorts.map((p) => fetch(`http://127.0.0.1:${p}/ready`).then((r) => r.ok)),
      )
      return ready.every(Boolean)
    })

    const siteId = 'site-1'
    const created = await api.post<{ mqtt: { username: string; password: string } }>('/api/v1/sites', {
      siteId,
      name: 'Test site',
      timeZone: 'Europe/Berlin',
    })
    const link = await createTcpProxy({ target: { host: '127.0.0.1', port: brokerPort! } })
    undo.push(() => link.close())
    mkdirSync(join(directory, 'controller'))
    const password = secret('mqtt-password', created.mqtt.password)
    const start = async (name: string, journalFile: string, ports: [ocpp: number, panel: number]) => {
      const controller = new Program(name, [process.execPath, join(ROOT, 'edge-controller/dist/main.js')], {
        SITE_ID: siteId,
        MQTT_URL: `mqtt://127.0.0.1:${link.port}`,
        MQTT_USERNAME: created.mqtt.username,
        MQTT_PASSWORD_FILE: password,
        JOURNAL_FILE: journalFile,
        OCPP_PORT: String(ports[0]),
        PANEL_PORT: String(ports[1]),
        FILES_PORT: '0',
        FILES_DIR: `${journalFile}-files`,
        FILES_CLOUD_URL: `http://127.0.0.1:${targetPorts.at(-1)}`,
        ONBOARDING: 'open',
        SITE_TIME_ZONE: 'Europe/Berlin',
        LOG_LEVEL: 'info',
        ...options.controllerEnv,
      })
      controller.start()
      programs.push(controller)
      undo.push(() => controller.stop())
      const panelUrl = `http://127.0.0.1:${ports[1]}`
      await eventually(`the ${name} to be healthy`, async () => {
        if (!controller.running)
          throw new Error(`the ${name} ended:\n${controller.output.slice(-30).join('\n')}`)
        return (await fetch(`${panelUrl}/health`)).ok
      })
      return { controller, ocppUrl: `ws://127.0.0.1:${ports[0]}/ocpp`, panelUrl }
    }
    const journalFile = join(directory, 'controller', 'journal.db')
    await options.beforeController?.(journalFile, link)
    const own = await start('controller', journalFile, [ocppPort!, panelPort!])
    await eventually(
      'the site to be online',
      async () => (await api.sites()).find((s) => s.siteId === siteId)?.online,
    )
    return {
      api,
      siteId,
      targetUrls: targetPorts.map((port) => `http://127.0.0.1:${port}`),
      directUrl: `ws://127.0.0.1:${targetPorts[PORTS.indexOf('OCPP_GATEWAY')]}/ocpp`,
      ...own,
      journalFile,
      async startBox(file) {
        const [ocpp, panel] = await freePorts(2)
        return start('second controller', file, [ocpp!, panel!])
      },
      brokerUrl: `mqtt://127.0.0.1:${brokerPort}`,
      databaseUrl,
      cloud,
      link,
      stop,
    }
  } catch (error) {
    const told = programs.map((p) => `--- ${p.name}\n${p.output.slice(-40).join('\n')}`).join('\n')
    await stop()
    throw new Error(`the system did not start\n${told}`, { cause: error })
  }
}
