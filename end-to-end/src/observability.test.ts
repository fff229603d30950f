/** What is seen from outside: one trace from the charger's stop to the invoice line, as a collector of the test's own receives it, and every metric, as docs/observability.md lists them. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from './process.ts'
import { boot, connect, tellSession } from './stations.ts'
import { type System, startSystem } from './system.ts'

type Attributes = { key: string; value: Record<string, unknown> }[]
type Span = {
  service: string
  traceId: string
  spanId: string
  parentSpanId: string | undefined
  name: string
  attributes: Record<string, unknown>
}
type Export = {
  resourceSpans: {
    resource: { attributes: Attributes }
    scopeSpans: { spans: (Omit<Span, 'attributes' | 'service'> & { attributes: Attributes })[] }[]
  }[]
}

const spans: Span[] = []
let collector: Server
let system: System

beforeAll(async () => {
  collector = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.url === '/v1/traces') spans.push(...spansIn(JSON.parse(Buffer.concat(chunks).toString())))
      response.setHeader('content-type', 'application/json')
      response.end('{}')
    })
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => collector.once('listening', resolve))
  const tracing = {
    ENABLE_TRACING: 'true',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
  }
  system = await startSystem({ broker: 'embedded', controllerEnv: tracing, cloudEnv: tracing })
}, 120_000)
afterAll(async () => {
  await system?.stop()
  collector?.close()
}, 60_000)

function spansIn({ resourceSpans }: Export): Span[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) =>
      scope.spans.map((it) => ({
        ...it,
        service: String(valuesOf(resource.attributes)['service.name']),
        attributes: valuesOf(it.attributes),
      })),
    ),
  )
}

function valuesOf(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}

it('leads from StopTransaction through journal, MQTT, log and billing to the fact of the CDR', async () => {
  const { api } = system
  await api.post('/api/v1/tokens', { idToken: 'TOKEN-1', type: 'ISO14443', valid: true })
  await api.post('/api/v1/tariffs', {
    id: 'traced',
    currency: 'EUR',
    elements: [{ price_components: [{ type: 'ENERGY', price: 0.5, step_size: 1 }] }],
    appliesTo: { default: true },
  })
  const station = await connect(system.ocppUrl, 'TRACED', '1.6')
  await boot(station)
  const endMs = Date.now() - 60_000
  const told = await tellSession(station, {
    stationId: 'TRACED',
    idToken: 'TOKEN-1',
    startMs: endMs - 3_600_000,
    endMs,
    startWh: 0,
    energyWh: 10_000,
    readings: 2,
  })
  const session = await eventually('the session to be billed', async () =>
    (await api.sessions()).find((it) => it.transactionId === told.transactionId && it.cost !== null),
  )
  await station.client.close()
  const trace = await eventually('every hop of the trace', async () => {
    const traceId = spans.find((it) => it.name === 'ocpp StopTransaction')?.traceId
    const all = spans.filter((it) => it.traceId === traceId)
    const names = all.map((it) => it.name)
    return ['issue CDR', 'consume session.ended', 'consume cdr.issued', 'log append', 'mqtt deliver'].every(
      (it) => names.includes(it),
    )
      ? all
      : undefined
  })
  const parentOf = (name: string) => {
    const span = trace.find((it) => it.name === name)
    return trace.find((it) => it.spanId === span?.parentSpanId)?.name
  }
  const root = trace.find((it) => it.name === 'ocpp StopTransaction')
  expect(root).toMatchObject({ service: 'edge-controller', attributes: { 'ocpp.station': 'TRACED' } })
  expect(root?.parentSpanId || undefined).toBeUndefined()
  for (const hop of ['journal commit', 'mqtt deliver', 'log append', 'consume session.ended'])
    expect(parentOf(hop), hop).toBe('ocpp StopTransaction')
  expect(parentOf('issue CDR')).toBe('consume session.ended')
  expect(parentOf('consume cdr.issued')).toBe('issue CDR')
  const billed = trace.find((it) => it.spanId === trace.find((one) => one.name === 'issue CDR')?.parentSpanId)
  expect(billed).toMatchObject({
    service: 'cloud',
    attributes: { consumer: 'billing', 'session.id': session.sessionId },
  })
})

it('a request of the API is a trace of its own, under the one that the caller names', async () => {
  const given = '4bf92f3577b34da6a3ce929d0e0e4736'
  await system.api.request('GET', '/api/v1/stations', undefined, {
    traceparent: `00-${given}-00f067aa0ba902b7-01`,
  })
  const hops = await eventually('the request and what it asked of the service behind', async () => {
    const found = spans.filter((it) => it.traceId === given)
    return found.length >= 2 ? found : undefined
  })
  const outer = hops.find((it) => it.parentSpanId === '00f067aa0ba902b7')
  expect(outer).toMatchObject({ name: 'HTTP GET', attributes: { 'url.path': '/api/v1/stations' } })
  expect(hops.find((it) => it.parentSpanId === outer?.spanId)?.name).toBe('HTTP GET')
})

const FILE = fileURLToPath(new URL('../../docs/observability.md', import.meta.url))
const [BEGIN, END] = ['<!-- metrics: begin -->\n', '<!-- metrics: end -->']

/** Ours of one endpoint: name, kind, labels as far as there are series, and the help text. */
async function metricsAt(
  url: string,
): Promise<{ name: string; kind: string; help: string; service: string }[]> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const service = /service="([\w-]+)"/.exec(text)?.[1] ?? ''
  return [...text.matchAll(/^# HELP (switchyard_\w+) (.*)\n# TYPE \w+ (\w+)$/gm)].map(
    ([, name, help, kind]) => ({
      name: String(name),
      help: String(help),
      kind: String(kind),
      service,
    }),
  )
}

it('docs/observability.md lists every metric of both programs. `UPDATE_DOCS=1` writes it anew', async () => {
  const all = (await Promise.all([...system.targetUrls, system.panelUrl].map(metricsAt))).flat()
  const names = [...new Set(all.map((it) => it.name))]
  const rows = names.map((name) => {
    const told = all.filter((it) => it.name === name)
    const services = [...new Set(told.map((it) => it.service))].sort()
    const where = services.length >= 6 ? 'every service' : services.join(', ')
    return { where, line: `| \`${name}\` | ${where} | ${told[0]?.kind} | ${told[0]?.help} |` }
  })
  rows.sort((a, b) => a.where.localeCompare(b.where) || a.line.localeCompare(b.line))
  const now = `| Metric | Of | Kind | Tells |\n|---|---|---|---|\n${rows.map((it) => it.line).join('\n')}\n`
  const [before, rest] = readFileSync(FILE, 'utf8').split(BEGIN) as [string, string]
  const [told, after] = rest.split(END) as [string, string]
  expect(names.length).toBeGreaterThan(25)
  if (process.env.UPDATE_DOCS) writeFileSync(FILE, `${before}${BEGIN}${now}${END}${after}`)
  else expect(told, 'UPDATE_DOCS=1 writes it anew').toBe(now)
})
