/** For tests: a site gateway at work on a fresh database, and a site written by hand against its MQTT messages. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { Hello, Welcome } from '@switchyard/protocol/site/envelope.ts'
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import {
  type DownChannel,
  downFilter,
  parseDownTopic,
  type UpChannel,
  upTopic,
} from '@switchyard/protocol/site/topics.ts'
import { connectAsync, type MqttClient } from 'mqtt'
import type { Sql } from 'postgres'
import { freePorts } from '../../../launcher/free-ports.mjs'
import { systemRandom } from '../platform/clock.ts'
import { createLog } from '../platform/log.ts'
import { createMemoryBus } from '../platform/memory-bus.ts'
import { migrate } from '../platform/migrations.ts'
import { type RunningTarget, startTarget } from '../platform/run-target.ts'
import {
  createTestClock,
  createTestDatabase,
  type TestClock,
  type TestDatabase,
  testConfig,
  testHeaders,
} from '../platform/testing.ts'
import { siteGateway } from './service.ts'

/** Longest that a test waits for a message or a state. */
const PATIENCE_MS = 60_000

/** Polls a condition until it holds; rejects with `what` when it does not come true. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const value = await probe()
    if (value !== undefined && value !== false) return value
    if (performance.now() > deadline) throw new Error(`in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export interface TestGateway {
  target: RunningTarget
  clock: TestClock
  sql: Sql
  mqttUrl: string
  /** Answers of driver-service to /v1/authorize. */
  decide(idToken: string): string
  decisions: Map<string, string>
  /** Content of the tokens document as driver-service gives it, and what it was asked. */
  contents: { tokens?: (query: URLSearchParams) => object }
  asked: Record<string, string>[]
  credential(siteId: string): Promise<{ username: string; password: string }>
  close(): Promise<void>
}

export interface TestGatewayOptions {
  database?: TestDatabase
  clock?: TestClock
  env?: Record<string, string>
}

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const database = options.database ?? (await createTestDatabase())
  const clock = options.clock ?? createTestClock()
  const log = createLog(process.env.TEST_LOG_LEVEL ?? 'silent')
  await migrate(database.url, [{ folder: 'site-gateway', schema: 'site_gateway', outbox: true }], log)
  const decisions = new Map<string, string>()
  const decide = (idToken: string): string => decisions.get(idToken) ?? 'Unknown'
  const asked: Record<string, string>[] = []
  const contents: TestGateway['contents'] = {}
  const driver = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://driver')
    response.setHeader('content-type', 'application/json')
    if (pathname === '/v1/documents/tokens') {
      asked.push(Object.fromEntries(searchParams))
      response.end(JSON.stringify(contents.tokens?.(searchParams)))
      return
    }
    response.end(JSON.stringify({ status: decide(searchParams.get('idToken') ?? '') }))
  })
  await new Promise<void>((resolve) => driver.listen(0, '127.0.0.1', resolve))
  const bus = createMemoryBus({ clock, log })
  const brokerPort = options.env?.MQTT_URL ? 0 : Number(options.env?.BROKER_PORT ?? (await freePort()))
  const target = await startTarget(siteGateway, {
    config: testConfig(database.url, { BROKER_PORT: String(brokerPort), ...options.env }),
    log,
    bus,
    clock,
    random: systemRandom,
    instance: 'test',
    version: 'test',
    urlOf: () => `http://127.0.0.1:${(driver.address() as AddressInfo).port}`,
  })
  async function close(): Promise<void> {
    await target.stop(2_000)
    await bus.close()
    await new Promise<void>((resolve) => driver.close(() => resolve()))
    if (!options.database) await database.drop()
  }
  try {
    await until('the gateway is connected to its broker', async () =>
      (await fetch(`${target.url}/ready`)).ok ? true : undefined,
    )
  } catch (error) {
    await close()
    throw error
  }
  return {
    target,
    clock,
    sql: target.context.sql,
    mqttUrl: options.env?.MQTT_URL ?? `mqtt://127.0.0.1:${brokerPort}`,
    decide,
    decisions,
    contents,
    asked,
    async credential(siteId) {
      const response = await fetch(`${target.url}/v1/credentials/${siteId}`, {
        method: 'PUT',
        headers: testHeaders(),
      })
      if (!response.ok) throw new Error(await response.text())
      return (await response.json()) as { username: string; password: string }
    },
    close,
  }
}

export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1)
  return port
}

/** A site as MQTT sees it: signs in, says hello, sends batches, keeps what comes down. */
export class TestSite {
  readonly siteId: string
  readonly client: MqttClient
  journalId: string
  nonce = ''
  epoch = 0
  readonly received: { channel: DownChannel; message: Record<string, unknown> }[] = []

  static async connect(
    gateway: { mqttUrl: string },
    credential: { username: string; password: string },
    journalId = `journal-${credential.username}`,
  ): Promise<TestSite> {
    const client = await connectAsync(gateway.mqttUrl, {
      protocolVersion: 4,
      username: credential.username,
      password: credential.password,
      reconnectPeriod: 0,
      keepalive: 30,
    })
    const site = new TestSite(credential.username, client, journalId)
    await client.subscribeAsync(downFilter(site.siteId), { qos: 1 })
    return site
  }

  constructor(siteId: string, client: MqttClient, journalId: string) {
    this.siteId = siteId
    this.client = client
    this.journalId = journalId
    client.on('error', () => {})
    client.on('message', (topic, payload) => {
      const channel = parseDownTopic(topic, siteId)
      if (channel) this.received.push({ channel, message: JSON.parse(payload.toString()) })
    })
  }

  async publish(channel: UpChannel, payload: string | Buffer, qos: 0 | 1 = 1): Promise<void> {
    await this.client.publishAsync(upTopic(this.siteId, channel), payload, { qos })
  }

  /** Says hello and waits for the welcome to it. */
  async hello(nonce: string, more: Partial<Hello> = {}): Promise<Welcome> {
    this.nonce = nonce
    const message: Hello = {
      v: 1,
      controller: { version: '1.0.0' },
      journalId: this.journalId,
      epoch: this.epoch,
      bootId: 'boot-1',
      nonce,
      heads: { ledger: { seq: 0, rowId: '' }, telemetry: { seq: 0, rowId: '' } },
      documents: {},
      protocol: { min: 1, max: 1 },
      monoMs: 1_234,
      at: '2026-11-23T12:00:00.000Z',
      ...more,
    }
    await this.publish('hello', JSON.stringify(message))
    const welcome = await this.next('welcome', (it) => it.nonce === nonce)
    this.epoch = welcome.epoch as number
    return welcome as unknown as Welcome
  }

  /** Sends rows `from`.. as one batch and gives the answer to it. */
  async batch(
    from: number,
    facts: string[],
    more: Record<string, unknown> & { stream?: Stream } = {},
  ): Promise<Record<string, unknown>> {
    const stream = more.stream ?? 'ledger'
    const already = this.received.length
    await this.publish(stream, this.gzipped(from, facts, more))
    return this.next('ack', (it) => it.stream === stream, already)
  }

  gzipped(from: number, facts: string[], more: Record<string, unknown> = {}): Buffer {
    const rows = facts.map((fact, i) => ({ id: this.rowId(from + i), fact }))
    const message = {
      v: 1,
      journalId: this.journalId,
      stream: 'ledger',
      epoch: this.epoch,
      from,
      to: from + facts.length - 1,
      prevId: from === 1 ? '' : this.rowId(from - 1),
      rows,
      ...more,
    }
    return gzipSync(JSON.stringify(message))
  }

  rowId(seq: number): string {
    return `${this.journalId}#${seq}`
  }

  /** The first message on a channel that fits, among those after the `already`-th. */
  next(
    channel: DownChannel,
    fits: (message: Record<string, unknown>) => boolean = () => true,
    already = 0,
  ): Promise<Record<string, unknown>> {
    return until(
      `${channel} for ${this.siteId}`,
      () => this.received.slice(already).find((it) => it.channel === channel && fits(it.message))?.message,
    )
  }

  async end(): Promise<void> {
    await this.client.endAsync(true)
  }
}

/** The text of a fact. */
export function factText(kind: string, data: object, more: object = {}): string {
  return JSON.stringify({
    kind,
    at: '2026-11-23T12:00:00.000Z',
    monoMs: 1,
    bootId: 'boot-1',
    clock: 'synced',
    ...more,
    data,
  })
}
