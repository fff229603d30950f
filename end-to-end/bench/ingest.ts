/** Facts from MQTT to committed rows in Postgres with their cursors moved, against a plain COPY of the same rows. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import type { Ack, Batch, Hello, Welcome } from '@switchyard/protocol/site/envelope.ts'
import { downFilter, parseDownTopic, upTopic } from '@switchyard/protocol/site/topics.ts'
import mqtt from 'mqtt'
import postgres from 'postgres'
import { startSystem } from '../src/system.ts'

const SITES = 8
const BATCHES_PER_SITE = 40
const ROWS_PER_BATCH = 250

interface Row {
  id: string
  fact: string
}

function rows(site: number, from: number): Row[] {
  return Array.from({ length: ROWS_PER_BATCH }, (_, i) => {
    const seq = from + i
    const at = new Date(Date.UTC(2026, 10, 1) + seq * 1000).toISOString()
    const registerMilliWh = 1_000_000_000 + seq * 30_000
    return {
      id: randomBytes(12).toString('base64url'),
      fact: JSON.stringify({
        kind: 'session.meter',
        stationId: `S${site}-${seq % 20}`,
        sessionId: `0193d000-0000-7000-8000-${String(site * 100 + (seq % 20)).padStart(12, '0')}`,
        at,
        monoMs: seq * 1000,
        bootId: 'bench',
        clock: 'synced',
        data: {
          at,
          evseId: 1,
          connectorId: 1,
          registerMilliWh,
          powerW: 11_040,
          currentMa: [16_000, 16_000, 16_000],
          values: [
            { measurand: 'Energy.Active.Import.Register', value: String(registerMilliWh / 1000), unit: 'Wh' },
            { measurand: 'Power.Active.Import', value: '11040', unit: 'W' },
          ],
        },
      }),
    }
  })
}

/** A site as the cloud sees it: hello, then one batch in flight until all are acknowledged. */
async function runSite(url: string, siteId: string, password: string, batches: Row[][]): Promise<void> {
  const client = await mqtt.connectAsync(url, {
    username: siteId,
    password,
    clean: true,
    protocolVersion: 4,
    reconnectPeriod: 0,
  })
  await client.subscribeAsync(downFilter(siteId), { qos: 1 })
  const journalId = `bench-${siteId}`
  const nonce = randomBytes(8).toString('hex')
  let welcomed: ((w: Welcome) => void) | undefined
  let acked: ((a: Ack) => void) | undefined
  client.on('message', (topic, payload) => {
    const channel = parseDownTopic(topic, siteId)
    if (channel === 'welcome') welcomed?.(JSON.parse(payload.toString()))
    if (channel === 'ack') acked?.(JSON.parse(payload.toString()))
  })
  const none = { seq: 0, rowId: '' }
  const hello: Hello = {
    v: 1,
    controller: { version: 'bench' },
    journalId,
    epoch: 0,
    bootId: 'bench',
    nonce,
    heads: { ledger: none, telemetry: none },
    documents: {},
    protocol: { min: 1, max: 1 },
    monoMs: 0,
    at: new Date().toISOString(),
  }
  const welcome = await new Promise<Welcome>((resolve) => {
    welcomed = resolve
    client.publish(upTopic(siteId, 'hello'), JSON.stringify(hello), { qos: 1 })
  })
  let from = 1
  let prevId = ''
  for (const batchRows of batches) {
    const to = from + batchRows.length - 1
    const batch: Batch = {
      v: 1,
      journalId,
      stream: 'telemetry',
      epoch: welcome.epoch,
      from,
      to,
      prevId,
      rows: batchRows,
    }
    const payload = gzipSync(JSON.stringify(batch))
    for (;;) {
      const ack = await new Promise<Ack>((resolve) => {
        acked = resolve
        client.publish(upTopic(siteId, 'telemetry'), payload, { qos: 1 })
      })
      if (ack.upTo >= to) break
      if (ack.refused !== 'busy') throw new Error(`refused: ${ack.refused} ${ack.reason}`)
      await new Promise((resolve) => setTimeout(resolve, ack.retryAfterMs ?? 100))
    }
    from = to + 1
    prevId = batchRows.at(-1)!.id
  }
  await client.endAsync()
}

export async function ingest(): Promise<void> {
  const system = await startSystem({ broker: 'embedded', cloudEnv: { LOG_LEVEL: 'error' } })
  const sql = postgres(system.databaseUrl, { max: 2, onnotice: () => {} })
  try {
    const sites = await Promise.all(
      Array.from({ length: SITES }, async (_, i) => {
        const siteId = `bench-${i}`
        const { mqtt: credential } = await system.api.post<{ mqtt: { password: string } }>('/api/v1/sites', {
          siteId,
        })
        const batches = Array.from({ length: BATCHES_PER_SITE }, (_, b) => rows(i, b * ROWS_PER_BATCH + 1))
        return { siteId, password: credential.password, batches }
      }),
    )
    const total = SITES * BATCHES_PER_SITE * ROWS_PER_BATCH

    await sql`create table public.bench_copy (site_id text, seq bigint, row_id text, received_at timestamptz default now(), fact bytea)`
    const copyFrom = performance.now()
    const stream = await sql`copy public.bench_copy (site_id, seq, row_id, fact) from stdin`.writable()
    for (const site of sites) {
      let seq = 0
      for (const row of site.batches.flat()) {
        const line = `${site.siteId}\t${++seq}\t${row.id}\t\\\\x${Buffer.from(row.fact).toString('hex')}\n`
        if (!stream.write(line)) await once(stream, 'drain')
      }
    }
    stream.end()
    await once(stream, 'finish')
    const copySeconds = (performance.now() - copyFrom) / 1000
    const [copied] = await sql`select count(*)::int as n from public.bench_copy`
    if (copied!.n !== total) throw new Error(`COPY wrote ${copied!.n} of ${total} rows`)

    const from = performance.now()
    await Promise.all(
      sites.map((site) => runSite(system.brokerUrl, site.siteId, site.password, site.batches)),
    )
    const ackedSeconds = (performance.now() - from) / 1000
    for (;;) {
      const [behind] =
        await sql`select coalesce(sum(h.position - c.position), 0)::int as n from log.head h join log.cursor c using (partition)`
      if (behind!.n === 0) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const seconds = (performance.now() - from) / 1000
    console.log(
      `Facts from MQTT to committed rows: ${(total / ackedSeconds).toFixed(0)}/s acknowledged, ${(total / seconds).toFixed(0)}/s with every cursor moved; ` +
        `plain COPY of the same rows ${(total / copySeconds).toFixed(0)}/s; ratio ${(copySeconds / seconds).toFixed(2)}`,
    )
  } finally {
    await sql.end()
    await system.stop()
  }
}
