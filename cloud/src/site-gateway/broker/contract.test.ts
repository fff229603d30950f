/** What every broker must hold to: the embedded one, and a real Mosquitto where it is installed. */
import { MAX_PAYLOAD_BYTES } from '@switchyard/protocol/site/envelope.ts'
import { downFilter, downTopic, UP_FILTER, upTopic } from '@switchyard/protocol/site/topics.ts'
import { connect, type MqttClient } from 'mqtt'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { BUS } from '../../platform/bus.ts'
import { createTestDatabase, testHeaders } from '../../platform/testing.ts'
import { factText, startTestGateway, type TestGateway, TestSite, until } from '../testing.ts'
import { mosquittoMissing, startMosquitto, type TestMosquitto } from './test-mosquitto.ts'

const brokers: { name: string; start?: () => Promise<TestMosquitto>; skip?: string | undefined }[] = [
  { name: 'embedded' },
  { name: 'Mosquitto', start: startMosquitto, skip: mosquittoMissing },
]

for (const { name, start, skip } of brokers) {
  if (skip) console.log(`contract of the broker against ${name}: skipped, ${skip}`)
  describe.skipIf(skip)(`the broker contract: ${name}`, () => {
    let mosquitto: TestMosquitto | undefined
    let gateway: TestGateway
    let a: { username: string; password: string }
    let b: { username: string; password: string }
    let open: MqttClient[] = []

    beforeAll(async () => {
      mosquitto = await start?.()
      gateway = await startTestGateway({ env: { MQTT_PASSWORD: 'cloud-of-the-tests', ...mosquitto?.env } })
      a = await gateway.credential('site-a')
      b = await gateway.credential('site-b')
    }, 30_000)
    afterAll(async () => {
      await gateway?.close()
      await mosquitto?.stop()
    })
    afterEach(async () => {
      await Promise.all(open.map((it) => it.endAsync(true)))
      open = []
    })

    async function client(who: { username: string; password: string }, more: object = {}) {
      const connected = connect(gateway.mqttUrl, {
        protocolVersion: 4,
        ...who,
        reconnectPeriod: 0,
        keepalive: 30,
        ...more,
      })
      // Refused with a code by one broker, closed without a word by the other.
      await new Promise<void>((resolve, reject) => {
        connected.once('connect', () => resolve())
        connected.once('error', reject)
        connected.once('close', () => reject(new Error('closed')))
      })
      connected.on('error', () => {})
      const heard: string[] = []
      connected.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`))
      open.push(connected)
      return { client: connected, heard }
    }
    const cloud = () => client({ username: 'cloud', password: 'cloud-of-the-tests' })
    /** Grants are told differently by brokers; what counts is what is delivered. */
    const trySubscribe = (who: MqttClient, filters: string[]) =>
      who.subscribeAsync(filters, { qos: 1 }).catch(() => [])
    /** Something sent afterwards arrives: what was sent before has arrived, or never will. */
    async function settled(
      from: MqttClient,
      listener: { client: MqttClient; heard: string[] },
      topic: string,
    ) {
      const mark = `mark-${performance.now()}`
      await from.publishAsync(topic, mark, { qos: 1 })
      await until('the mark', () => listener.heard.find((it) => it === `${topic} ${mark}`))
    }

    it('lets in who has the secret, and nobody else', async () => {
      await client(a)
      for (const wrong of [
        { username: 'site-a', password: b.password },
        { username: 'site-b', password: 'wrong' },
        { username: 'site-unknown', password: 'wrong' },
        { username: 'cloud', password: a.password },
        { username: 'site-a', password: '' },
      ])
        await expect(client(wrong)).rejects.toThrow()
      await expect(client({} as typeof a)).rejects.toThrow()
    })

    it('lets a site and the cloud talk with each other', async () => {
      const site = await client(a)
      await site.client.subscribeAsync(downFilter('site-a'), { qos: 1 })
      const center = await cloud()
      await center.client.subscribeAsync(UP_FILTER, { qos: 1 })
      await site.client.publishAsync(upTopic('site-a', 'telemetry'), 'up', { qos: 1 })
      await center.client.publishAsync(downTopic('site-a', 'ack'), 'down', { qos: 1 })
      await until('up', () => center.heard.find((it) => it === `${upTopic('site-a', 'telemetry')} up`))
      await until('down', () => site.heard.find((it) => it === `${downTopic('site-a', 'ack')} down`))
    })

    it('delivers nothing of another site, whatever is subscribed to', async () => {
      const nosy = await client(a)
      const filters = [
        '#',
        '+/+/+/#',
        downFilter('site-b'),
        'csms/1/+/down/#',
        UP_FILTER,
        upTopic('site-b', 'live'),
        '$SYS/#',
      ]
      for (const filter of filters) await trySubscribe(nosy.client, [filter])
      await nosy.client.subscribeAsync(downFilter('site-a'), { qos: 1 })
      const other = await client(b)
      await other.client.subscribeAsync(downFilter('site-b'), { qos: 1 })
      const center = await cloud()
      await center.client.publishAsync(downTopic('site-b', 'command'), 'secret', { qos: 1 })
      await other.client.publishAsync(upTopic('site-b', 'live'), 'secret', { qos: 1 })
      await until('what is for the other', () => other.heard.find((it) => it.endsWith('secret')))
      await settled(center.client, nosy, downTopic('site-a', 'ack'))
      expect(nosy.heard.filter((it) => !it.startsWith(downTopic('site-a', 'ack')))).toEqual([])
    })

    it('takes nothing under the name of another site, nor downward', async () => {
      const center = await cloud()
      await center.client.subscribeAsync(UP_FILTER, { qos: 1 })
      const other = await client(b)
      await other.client.subscribeAsync(downFilter('site-b'), { qos: 1 })
      for (const topic of [
        upTopic('site-b', 'hello'),
        downTopic('site-b', 'command'),
        downTopic('site-a', 'command'),
        'csms/1/site-a/up/other',
        '$CONTROL/dynamic-security/v1',
      ]) {
        const liar = await client(a)
        // One broker closes the connection, the other says nothing; neither passes it on.
        await Promise.race([
          liar.client.publishAsync(topic, 'lie', { qos: 1 }).catch(() => {}),
          new Promise<void>((resolve) => liar.client.once('close', () => resolve())),
        ])
      }
      const honest = await client(a)
      await settled(honest.client, center, upTopic('site-a', 'telemetry'))
      await settled(center.client, other, downTopic('site-b', 'ack'))
      expect([...center.heard, ...other.heard].filter((it) => it.endsWith('lie'))).toEqual([])
    })

    it('publishes no will under the name of another site', async () => {
      const center = await cloud()
      await center.client.subscribeAsync(UP_FILTER, { qos: 1 })
      const will = {
        topic: upTopic('site-b', 'live'),
        payload: Buffer.from('lie'),
        qos: 1 as const,
        retain: false,
      }
      const liar = await client(a, { will }).catch(() => undefined)
      liar?.client.stream.destroy()
      const own = await client(a, {
        will: { ...will, topic: upTopic('site-a', 'live'), payload: Buffer.from('gone') },
      })
      own.client.stream.destroy()
      await until('the own will', () => center.heard.find((it) => it === `${upTopic('site-a', 'live')} gone`))
      expect(center.heard.filter((it) => it.endsWith('lie'))).toEqual([])
    })

    it('retains nothing', async () => {
      const site = await client(a)
      await Promise.race([
        site.client.publishAsync(upTopic('site-a', 'live'), 'kept', { qos: 1, retain: true }).catch(() => {}),
        new Promise<void>((resolve) => site.client.once('close', () => resolve())),
      ])
      const center = await cloud()
      await center.client.subscribeAsync(UP_FILTER, { qos: 1 })
      const after = await client(a)
      await settled(after.client, center, upTopic('site-a', 'telemetry'))
      expect(center.heard.filter((it) => it.endsWith('kept'))).toEqual([])
    })

    it('keeps nothing for who is away: a clean session hears only what is said while it is there', async () => {
      const clientId = `${name}-away`
      const before = await client(a, { clientId, clean: true })
      await before.client.subscribeAsync(downFilter('site-a'), { qos: 1 })
      await before.client.endAsync()
      const center = await cloud()
      // Acknowledged by the broker, and delivered to nobody: that is why a broker's word counts for nothing.
      await center.client.publishAsync(downTopic('site-a', 'command'), 'said while away', { qos: 1 })
      const after = await client(a, { clientId, clean: true })
      await after.client.subscribeAsync(downFilter('site-a'), { qos: 1 })
      await settled(center.client, after, downTopic('site-a', 'ack'))
      expect(after.heard.filter((it) => it.endsWith('said while away'))).toEqual([])
    })

    it('delivers what one client says in the order in which it was said', async () => {
      const center = await cloud()
      const site = await client(a)
      await site.client.subscribeAsync(downFilter('site-a'), { qos: 1 })
      const said = Array.from({ length: 200 }, (_, i) => `chunk ${i}`)
      await Promise.all(
        said.map((it) => center.client.publishAsync(downTopic('site-a', 'document'), it, { qos: 1 })),
      )
      await settled(center.client, site, downTopic('site-a', 'ack'))
      const chunks = site.heard.filter((it) => it.startsWith(downTopic('site-a', 'document')))
      expect(chunks).toEqual(said.map((it) => `${downTopic('site-a', 'document')} ${it}`))
    })

    it('passes no payload over the bound, and serves the others on', async () => {
      const center = await cloud()
      await center.client.subscribeAsync(UP_FILTER, { qos: 1 })
      const site = await client(a)
      await Promise.race([
        site.client
          .publishAsync(upTopic('site-a', 'live'), Buffer.alloc(MAX_PAYLOAD_BYTES + 2_048, 'x'), { qos: 1 })
          .catch(() => {}),
        new Promise<void>((resolve) => site.client.once('close', () => resolve())),
      ])
      const after = await client(a)
      await settled(after.client, center, upTopic('site-a', 'telemetry'))
      expect(center.heard.filter((it) => it.startsWith(upTopic('site-a', 'live')))).toEqual([])
      const largest = Buffer.alloc(MAX_PAYLOAD_BYTES, 'y')
      await after.client.publishAsync(upTopic('site-a', 'live'), largest, { qos: 1 })
      await until('the largest that is allowed', () => center.heard.find((it) => it.endsWith('yyy')))
    })

    it('keeps a client id from taking over the connection of another user', async () => {
      const victim = await client(a, { clientId: `${name}-same` })
      await victim.client.subscribeAsync(downFilter('site-a'), { qos: 1 })
      if (name === 'Mosquitto') return // Its ids are one space; controllers add a random part that nobody can guess.
      await client(b, { clientId: `${name}-same` })
      const center = await cloud()
      await settled(center.client, victim, downTopic('site-a', 'ack'))
    })

    it('ends the old secret when a new one is made, and every secret when it is revoked', async () => {
      const old = await gateway.credential('site-c')
      const before = await client(old)
      const closed = new Promise<void>((resolve) => before.client.once('close', () => resolve()))
      const fresh = await gateway.credential('site-c')
      await closed
      await expect(client(old)).rejects.toThrow()
      await client(fresh)
      const revoked = await fetch(`${gateway.target.url}/v1/credentials/site-c`, {
        method: 'DELETE',
        headers: testHeaders(),
      })
      expect(revoked.status).toBe(204)
      await expect(client(fresh)).rejects.toThrow()
    })

    it('carries a whole conversation: hello, rows, live picture, answer', async () => {
      const site = await TestSite.connect(gateway, a)
      open.push(site.client)
      gateway.decisions.set('GOOD', 'Accepted')
      expect(await site.hello('n')).toMatchObject({ authority: true })
      const facts = [factText('station.connected', { ocpp: 'ocpp1.6' }, { stationId: 'CP1' })]
      expect(await site.batch(1, facts)).toMatchObject({ upTo: 1, rowId: site.rowId(1) })
      const { bus } = gateway.target.context
      const live = {
        v: 1,
        journalId: site.journalId,
        epoch: site.epoch,
        bootId: 'boot-1',
        n: 1,
        at: '2026-11-23T12:00:00.000Z',
      }
      const rest = { ledgerSeq: 1, backlog: { ledger: 0, telemetry: 0 }, stations: [], outcomes: [] }
      await site.publish('live', JSON.stringify({ ...live, ...rest }), 0)
      await until('the picture', () => bus.get(BUS.livePicture('site-a')))
      const idToken = { value: 'GOOD', type: 'Central' }
      await site.publish('ask', JSON.stringify({ v: 1, nonce: 'n', id: 'q', stationId: 'CP1', idToken }), 0)
      expect(await site.next('answer')).toMatchObject({ id: 'q', status: 'Accepted' })
    })
  })
}

describe.skipIf(mosquittoMissing)('two gateways behind one Mosquitto', () => {
  it('share the sites between them, and take every row once', async () => {
    const mosquitto = await startMosquitto()
    const database = await createTestDatabase()
    const env = { ...mosquitto.env, MQTT_SHARED_SUBSCRIPTIONS: 'true' }
    const gateways = [await startTestGateway({ env, database }), await startTestGateway({ env, database })]
    try {
      const [first] = gateways as [TestGateway, TestGateway]
      const sites: TestSite[] = []
      for (let i = 0; i < 8; i++)
        sites.push(await TestSite.connect(first, await first.credential(`shared-${i}`)))
      await Promise.all(sites.map((it) => it.hello('n')))
      await Promise.all(
        sites.map(async (site) => {
          for (let from = 1; from <= 20; from++) {
            const fact = factText('station.connected', { ocpp: 'ocpp1.6' }, { stationId: 'CP1' })
            expect(await site.batch(from, [fact])).toMatchObject({ upTo: from })
          }
        }),
      )
      await Promise.all(sites.map((it) => it.end()))
      const [row] = await first.sql<{ rows: number }[]>`
        select count(*)::int as rows from log.entry where journal_id is not null`
      expect(row?.rows).toBe(160)
      const counts = await Promise.all(
        gateways.map(async (it) => {
          const text = await (await fetch(`${it.target.url}/metrics`)).text()
          return Number(/^switchyard_gateway_rows_total\{.*\} (\d+)$/m.exec(text)?.[1] ?? 0)
        }),
      )
      expect(counts.reduce((a, b) => a + b)).toBe(160)
      expect(Math.min(...counts)).toBeGreaterThan(0)
    } finally {
      for (const it of gateways) await it.close()
      await database.drop()
      await mosquitto.stop()
    }
  })
})
