/** A site as the cloud sees it: hello, then one batch in flight per stream until all is acknowledged. Not a controller: a load. */
import { randomBytes, randomInt } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Ack, Batch, Hello, Welcome } from '@switchyard/protocol/site/envelope.ts'
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import type { Live } from '@switchyard/protocol/site/live.ts'
import { downFilter, parseDownTopic, upTopic } from '@switchyard/protocol/site/topics.ts'
import mqtt, { type MqttClient } from 'mqtt'
import type { YardRow } from './yard.ts'

const compress = promisify(gzip)
/** A batch that is not answered is sent again, as a controller does. */
const RETRANSMIT_MS = 10_000
const CONNECT_TIMEOUT_MS = 60_000
const RETRY_FIRST_MS = 1_000
const MOST_ATTEMPTS = 6

export interface CloudSite {
  siteId: string
  /** From the hello to the welcome. */
  welcomeMs: number
  /** Sends these rows and gives how often the cloud said "later"; resolves when they are acknowledged. */
  send(stream: Stream, rows: YardRow[]): Promise<number>
  /** Tells the current picture, of no station, with so many rows that wait. */
  live(backlogRows: number): void
  end(): Promise<void>
}

export async function connectSite(url: string, siteId: string, password: string): Promise<CloudSite> {
  const client = await enter(url, siteId, password)
  await client.subscribeAsync(downFilter(siteId), { qos: 1 })
  const journalId = `bench-${siteId}`
  let welcomed = (_: Welcome): void => {}
  const acked: Record<Stream, (ack: Ack) => void> = { ledger: () => {}, telemetry: () => {} }
  client.on('message', (topic, payload) => {
    const channel = parseDownTopic(topic, siteId)
    if (channel === 'welcome') welcomed(JSON.parse(payload.toString()))
    if (channel === 'ack') {
      const ack: Ack = JSON.parse(payload.toString())
      acked[ack.stream](ack)
    }
  })
  const none = { seq: 0, rowId: '' }
  const hello: Hello = {
    v: 1,
    controller: { version: 'bench' },
    journalId,
    epoch: 0,
    bootId: 'bench',
    nonce: randomBytes(8).toString('hex'),
    heads: { ledger: none, telemetry: none },
    documents: {},
    protocol: { min: 1, max: 1 },
    monoMs: 0,
    at: new Date().toISOString(),
  }
  const saidMs = performance.now()
  const welcome = await new Promise<Welcome>((resolve) => {
    const again = setInterval(say, RETRANSMIT_MS)
    welcomed = (it) => {
      clearInterval(again)
      resolve(it)
    }
    function say(): void {
      client.publish(upTopic(siteId, 'hello'), JSON.stringify(hello), { qos: 1 })
    }
    say()
  })
  const welcomeMs = performance.now() - saidMs
  await pause(welcome.backoffMs === undefined ? 0 : randomInt(welcome.backoffMs + 1))
  const at = Object.fromEntries(STREAMS.map((it) => [it, none])) as Record<Stream, typeof none>
  let pictures = 0

  return {
    siteId,
    welcomeMs,
    async send(stream, rows) {
      const from = at[stream].seq + 1
      const to = from + rows.length - 1
      const head = { v: 1, journalId, stream, epoch: welcome.epoch, from, to, prevId: at[stream].rowId }
      const batch: Batch = { ...head, rows }
      const payload = await compress(JSON.stringify(batch))
      for (let refusals = 0; ; refusals++) {
        const ack = await new Promise<Ack>((resolve) => {
          const say = () => client.publish(upTopic(siteId, stream), payload, { qos: 1 })
          const again = setInterval(say, RETRANSMIT_MS)
          acked[stream] = (it) => {
            // Of a batch before, which was sent twice.
            if (it.refused === undefined && it.upTo < to) return
            clearInterval(again)
            resolve(it)
          }
          say()
        })
        if (ack.upTo >= to) {
          at[stream] = { seq: to, rowId: rows.at(-1)!.id }
          await pause(ack.retryAfterMs ?? 0)
          return refusals
        }
        if (ack.refused !== 'busy') throw new Error(`refused: ${ack.refused} ${ack.reason}`)
        await pause(ack.retryAfterMs ?? 100)
      }
    },
    live(backlogRows) {
      const picture: Live = {
        v: 1,
        journalId,
        epoch: welcome.epoch,
        bootId: hello.bootId,
        n: ++pictures,
        at: new Date().toISOString(),
        ledgerSeq: at.ledger.seq,
        backlog: { ledger: 0, telemetry: backlogRows },
        stations: [],
        outcomes: [],
      }
      client.publish(upTopic(siteId, 'live'), JSON.stringify(picture), { qos: 0 })
    },
    end: () => {
      // A message that comes meanwhile cannot be acknowledged any more, and the client calls that an error.
      client.removeAllListeners('error').on('error', () => {})
      return client.endAsync()
    },
  }
}

/** Again with full jitter, as a controller does, while the broker takes no more at once. */
async function enter(url: string, siteId: string, password: string): Promise<MqttClient> {
  for (let attempt = 0; ; attempt++) {
    try {
      const client = await mqtt.connectAsync(url, {
        username: siteId,
        password,
        clean: true,
        protocolVersion: 4,
        reconnectPeriod: 0,
        connectTimeout: CONNECT_TIMEOUT_MS,
      })
      client.on('error', (error) => {
        throw new Error(`${siteId} lost its connection`, { cause: error })
      })
      return client
    } catch (error) {
      if (attempt === MOST_ATTEMPTS) throw error
      await pause(randomInt(RETRY_FIRST_MS * 2 ** attempt))
    }
  }
}

async function pause(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
}
