/** Stations that connect to the cloud directly: two replicas of ocpp-gateway as processes of their own, one of which is killed. */
import { randomBytes } from 'node:crypto'
import { connect as dial } from 'node:net'
import { join } from 'node:path'
import type { Session } from '@switchyard/protocol/api/shapes.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../../launcher/free-ports.mjs'
import { Api, type ApiError } from './api.ts'
import { eventually, Program } from './process.ts'
import { boot, type Connected, connect, type Version } from './stations.ts'
import { givenServer } from './system.ts'

const ROOT = new URL('../../', import.meta.url).pathname
const REDIS_URL = process.env.TEST_REDIS_URL ?? 'redis://127.0.0.1:6379'
const TOKEN = 'DIRECT-TOKEN'
const PASSWORD = 'a-password-of-tests'
const CORE = [
  'site-gateway',
  'station-service',
  'driver-service',
  'billing-service',
  'monitoring-service',
  'api-gateway',
]
const envName = (target: string) => target.toUpperCase().replaceAll('-', '_')

/** More than one process needs Redis; without one there is nothing to test. */
const redisAnswers = await new Promise<boolean>((resolve) => {
  const { hostname, port } = new URL(REDIS_URL)
  const socket = dial({ host: hostname, port: Number(port || 6379) })
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  socket.once('close', () => resolve(false))
  socket.once('connect', () => socket.destroy())
})

interface Replica {
  program: Program
  ocppUrl: string
  start(): Promise<void>
}

describe.skipIf(!redisAnswers || !givenServer)('stations at two ocpp-gateways', () => {
  const undo: (() => Promise<unknown>)[] = []
  let api: Api
  let one: Replica
  let two: Replica

  beforeAll(async () => {
    const database = `direct_${randomBytes(6).toString('hex')}`
    const admin = postgres(givenServer!, { max: 1, onnotice: () => {} })
    await admin.unsafe(`create database ${database}`)
    undo.push(async () => {
      await admin.unsafe(`drop database if exists ${database} with (force)`)
      await admin.end()
    })
    const [brokerPort, onePort, twoPort, ...ports] = await freePorts(3 + CORE.length)
    const apiKey = `sk_${randomBytes(24).toString('base64url')}`
    const env = {
      NODE_ENV: 'test',
      LOG_LEVEL: 'info',
      DATABASE_URL: Object.assign(new URL(givenServer!), { pathname: `/${database}` }).toString(),
      REDIS_URL,
      REDIS_KEY_PREFIX: `${database}:`,
      SERVICE_KEY: randomBytes(24).toString('base64url'),
      BOOTSTRAP_API_KEY: apiKey,
      BROKER_PORT: String(brokerPort),
      ...Object.fromEntries(CORE.map((it, i) => [`${envName(it)}_PORT`, String(ports[i])])),
    }
    const start = async (program: Program, readyPorts: number[]) => {
      program.start()
      await eventually(`${program.name} to be ready`, async () => {
        if (!program.running)
          throw new Error(`${program.name} ended:\n${program.output.slice(-30).join('\n')}`)
        const ready = await Promise.all(
          readyPorts.map((it) => fetch(`http://127.0.0.1:${it}/ready`).then((r) => r.ok)),
        )
        return ready.every(Boolean)
      })
    }
    const main = join(ROOT, 'cloud/dist/main.js')
    const core = new Program('core', [process.execPath, main, `--target=${CORE.join(',')}`], env)
    undo.push(() => core.stop())
    await start(core, ports)
    const replica = (name: string, port: number): Replica => {
      const program = new Program(name, [process.execPath, main, '--target=ocpp-gateway'], {
        ...env,
        OCPP_GATEWAY_PORT: String(port),
      })
      undo.push(() => program.stop())
      return { program, ocppUrl: `ws://127.0.0.1:${port}/ocpp`, start: () => start(program, [port]) }
    }
    one = replica('gateway one', onePort!)
    two = replica('gateway two', twoPort!)
    await Promise.all([one.start(), two.start()])
    api = new Api(`http://127.0.0.1:${ports.at(-1)}`, apiKey)
    await api.post('/api/v1/tokens', { idToken: TOKEN, type: 'ISO14443', valid: true })
    await api.post('/api/v1/tariffs', {
      id: 'direct',
      currency: 'EUR',
      elements: [{ price_components: [{ type: 'ENERGY', price: 0.25, vat: 10, step_size: 1 }] }],
      appliesTo: { default: true },
    })
  }, 120_000)
  afterAll(async () => {
    for (const step of undo.reverse()) await step()
  }, 60_000)

  async function register(stationId: string): Promise<void> {
    const siteId = `site-${stationId}`
    const made = await api.post<object>('/api/v1/sites', { siteId, connection: 'direct' })
    expect(made).toMatchObject({ siteId, connection: 'direct' })
    expect(made).not.toHaveProperty('mqtt')
    await api.post('/api/v1/stations', { stationId, siteId, password: PASSWORD })
  }
  /** Unknown until the log has told of it, which takes a moment. */
  const arrive = (replica: Replica, stationId: string, version: Version) =>
    eventually(`${stationId} to come in`, () => connect(replica.ocppUrl, stationId, version, PASSWORD))
  const sessionsOf = async (stationId: string): Promise<Session[]> =>
    (await api.sessions()).filter((it) => it.stationId === stationId)

  const energy = (wh: number, at: string) => ({
    timestamp: at,
    sampledValue: [{ value: String(wh), measurand: 'Energy.Active.Import.Register', unit: 'Wh' }],
  })
  const energy201 = (value: number, context: string, at: string) => [
    {
      timestamp: at,
      sampledValue: [
        { value, context, measurand: 'Energy.Active.Import.Register', unitOfMeasure: { unit: 'Wh' } },
      ],
    },
  ]

  it('lets in only stations that were made here, with their password, one for each direct site', async () => {
    await register('DOOR')
    await expect(connect(one.ocppUrl, 'NOBODY', '1.6', PASSWORD)).rejects.toThrow('Not Found')
    const station = await arrive(one, 'DOOR', '1.6')
    await expect(connect(two.ocppUrl, 'DOOR', '1.6', 'another-password')).rejects.toThrow('Unauthorized')
    await expect(connect(two.ocppUrl, 'DOOR', '1.6')).rejects.toThrow('Unauthorized')
    // Whoever could not come in has not taken it from where it is.
    await boot(station)
    const refused = async (body: object) =>
      (await api.post('/api/v1/stations', body).catch((error: ApiError) => error)) as ApiError
    expect(await refused({ stationId: 'X', siteId: 'site-DOOR' })).toMatchObject({ status: 422 })
    expect(await refused({ stationId: 'X', siteId: 'site-DOOR', password: PASSWORD })).toMatchObject({
      status: 409,
    })
    expect(
      await api.post('/api/v1/sites/site-DOOR/credentials', {}).catch((it: ApiError) => it),
    ).toMatchObject({ status: 409 })
    // Removed, it is nobody; its site may have another one.
    const closed = closeOf(station)
    await api.request('DELETE', '/api/v1/stations/DOOR')
    await closed
    await eventually('the door to be shut', () =>
      connect(one.ocppUrl, 'DOOR', '1.6', PASSWORD).then(
        () => false,
        (error: Error) => error.message === 'Not Found',
      ),
    )
    await api.post('/api/v1/stations', { stationId: 'DOOR-2', siteId: 'site-DOOR', password: PASSWORD })
    const next = await arrive(two, 'DOOR-2', '2.0.1')
    await boot(next)
    await next.client.close()
  })

  it.each(['1.6', '2.0.1'] as Version[])(
    'OCPP %s: a replica is killed in the middle of a session, and it is one session, billed once',
    async (version) => {
      const stationId = `KILL-${version.replaceAll('.', '')}`
      if (!one.program.running) await one.start()
      await register(stationId)
      const before = await arrive(one, stationId, version)
      await boot(before)
      const startMs = Date.now() - 1_800_000
      const at = (minutes: number) => new Date(startMs + minutes * 60_000).toISOString()
      const begin = startOf(version, at(0))
      const first = await begin(before)
      await update(before, first, 1, 12_000, at(10))
      await one.program.kill()

      const after = await arrive(two, stationId, version)
      await boot(after)
      // Its answer might have been lost: a station sends again what it has no answer to.
      expect(await begin(after)).toBe(first)
      await update(after, first, 2, 14_000, at(20))
      await end(after, first, 3, 15_000, at(30))
      const session = await eventually('its bill', async () =>
        (await sessionsOf(stationId)).find((it) => it.cost !== null),
      )
      expect(session).toMatchObject({
        transactionId: first,
        status: 'ended',
        presumed: false,
        energyWh: 5_000,
        durationMs: 1_800_000,
        cost: { amount: '1.38', currency: 'EUR' },
        review: [],
      })
      expect(await sessionsOf(stationId)).toHaveLength(1)
      expect((await api.cdrs()).filter((it) => it.sessionId === session.sessionId)).toHaveLength(1)
      await after.client.close()
    },
  )

  it('has one session though a replica that stood still comes back to life while its station is elsewhere', async () => {
    if (!one.program.running) await one.start()
    await register('STILL')
    const before = await arrive(one, 'STILL', '1.6')
    await boot(before)
    const startMs = Date.now() - 1_800_000
    const at = (minutes: number) => new Date(startMs + minutes * 60_000).toISOString()
    const begin = startOf('1.6', at(0))
    const id = await begin(before)
    one.program.signal('SIGSTOP')
    try {
      // Sent to a replica that does not answer; it stands in its socket until it lives again.
      void update(before, id, 1, 11_000, at(5)).catch(() => {})
      const after = await arrive(two, 'STILL', '1.6')
      await boot(after)
      expect(await begin(after)).toBe(id)
      await update(after, id, 1, 12_000, at(10))
      await end(after, id, 2, 13_000, at(20))
      one.program.signal('SIGCONT')
      await eventually('the one that stood still to give it up', () =>
        one.program.output.some(
          (it) => it.includes('site-STILL') && /given up|came back at another replica/.test(it),
        ),
      )
      const session = await eventually('its bill', async () =>
        (await sessionsOf('STILL')).find((it) => it.cost !== null),
      )
      expect(session).toMatchObject({ transactionId: id, energyWh: 3_000, review: [] })
      expect(await sessionsOf('STILL')).toHaveLength(1)
      expect((await api.cdrs()).filter((it) => it.sessionId === session.sessionId)).toHaveLength(1)
      await after.client.close()
    } finally {
      one.program.signal('SIGCONT')
    }
  })

  it('reaches a station where it is: at either replica, and after it has moved between living ones', async () => {
    if (!one.program.running) await one.start()
    await register('MOVES')
    const remoteStart = async (station: Connected): Promise<void> => {
      let asked = 0
      station.client.handle('RemoteStartTransaction', () => {
        asked++
        return { status: 'Accepted' }
      })
      await boot(station)
      const { commandId } = await eventually('the command to be taken', () =>
        api.post<{ commandId: string }>('/api/v1/stations/MOVES/commands', {
          kind: 'RemoteStart',
          args: { idToken: { value: TOKEN, type: 'ISO14443' }, evseId: 1 },
        }),
      )
      const command = await eventually('its outcome', async () => {
        const it = await api.get<{ status: string }>(`/api/v1/commands/${commandId}`)
        return it.status !== 'pending' && it
      })
      expect(command.status).toBe('accepted')
      expect(asked).toBe(1)
    }
    const first = await arrive(one, 'MOVES', '1.6')
    await remoteStart(first)
    const closed = closeOf(first)
    const second = await arrive(two, 'MOVES', '1.6')
    await closed
    await remoteStart(second)
    const unknown = await second.client.call<{ idTagInfo: { status: string } }>('Authorize', {
      idTag: 'NOBODYS',
    })
    expect(unknown.idTagInfo.status).toBe('Invalid')
    const known = await second.client.call<{ idTagInfo: { status: string } }>('Authorize', { idTag: TOKEN })
    expect(known.idTagInfo.status).toBe('Accepted')
    // Nobody takes the replicas for a box and its clone.
    const alerts = await api.all<{ rule: string; siteId: string | null }>('/api/v1/alerts')
    expect(alerts.filter((it) => it.siteId === 'site-MOVES')).toEqual([])
    const { journal } = (await api.sites()).find((it) => it.siteId === 'site-MOVES')!
    const lanes = await api.get<{ items: object[] }>('/api/v1/sites/site-MOVES/lanes')
    expect(lanes.items).toEqual([expect.objectContaining({ journalId: journal!.journalId, authority: true })])
    await second.client.close()
  })

  it('ends in order: sockets are closed, the process exits, and another replica takes the site over by itself', async () => {
    if (!one.program.running) await one.start()
    await register('ORDER')
    const station = await arrive(one, 'ORDER', '1.6')
    await boot(station)
    const closed = closeOf(station)
    await one.program.end('SIGTERM')
    expect((await closed).code).toBe(1001)
    expect(one.program.output.join('\n')).toContain('stopped')
    await eventually('gateway two to take it over', () =>
      two.program.output.some((it) => it.includes('site-ORDER') && it.includes('taken over')),
    )
  })

  const closeOf = ({ client }: Connected): Promise<{ code: number }> =>
    new Promise((resolve) => {
      const events = client as unknown as {
        once(event: 'close', handler: (it: { code: number }) => void): void
      }
      events.once('close', resolve)
    })

  /** Begins the same session as often as it is called; gives its transaction's id. */
  function startOf(version: Version, at: string) {
    return async ({ client, stationId }: Connected): Promise<string> => {
      if (version === '1.6') {
        const reply = await client.call<{ transactionId: number }>('StartTransaction', {
          connectorId: 1,
          idTag: TOKEN,
          meterStart: 10_000,
          timestamp: at,
        })
        return String(reply.transactionId)
      }
      const transactionId = `tx-${stationId}`
      await client.call('TransactionEvent', {
        eventType: 'Started',
        triggerReason: 'Authorized',
        timestamp: at,
        seqNo: 0,
        transactionInfo: { transactionId, chargingState: 'Charging' },
        evse: { id: 1, connectorId: 1 },
        idToken: { idToken: TOKEN, type: 'ISO14443' },
        meterValue: energy201(10_000, 'Transaction.Begin', at),
      })
      return transactionId
    }
  }

  async function update({ client, version }: Connected, id: string, seqNo: number, wh: number, at: string) {
    if (version === '1.6')
      await client.call('MeterValues', {
        connectorId: 1,
        transactionId: Number(id),
        meterValue: [energy(wh, at)],
      })
    else
      await client.call('TransactionEvent', {
        eventType: 'Updated',
        triggerReason: 'MeterValuePeriodic',
        timestamp: at,
        seqNo,
        transactionInfo: { transactionId: id, chargingState: 'Charging' },
        meterValue: energy201(wh, 'Sample.Periodic', at),
      })
  }

  async function end({ client, version }: Connected, id: string, seqNo: number, wh: number, at: string) {
    if (version === '1.6')
      await client.call('StopTransaction', { transactionId: Number(id), meterStop: wh, timestamp: at })
    else
      await client.call('TransactionEvent', {
        eventType: 'Ended',
        triggerReason: 'EVCommunicationLost',
        timestamp: at,
        seqNo,
        transactionInfo: { transactionId: id, stoppedReason: 'EVDisconnected' },
        meterValue: energy201(wh, 'Transaction.End', at),
      })
  }
})
