// Takes what programs send and gives it back to a test: a webhook of Alertmanager (9095), OTLP/HTTP in JSON (4318), JSON lines over TCP as Logstash takes them (5044).
// GET on port 16686: { webhook: [{ at, body }], spans: [{ service, name, traceId, spanId, parentSpanId, attributes }], lines: [...] }
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { createInterface } from 'node:readline'

/** Kept of each kind; the oldest give way. */
const MAX_KEPT = 50_000
const received = { webhook: [], spans: [], lines: [] }

function keep(kind, items) {
  received[kind].push(...items)
  received[kind].splice(0, received[kind].length - MAX_KEPT)
}

const valuesOf = (attributes) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

const spansIn = ({ resourceSpans }) =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ name, traceId, spanId, parentSpanId, attributes }) => {
        const service = valuesOf(resource.attributes)['service.name']
        return { service, name, traceId, spanId, parentSpanId, attributes: valuesOf(attributes) }
      }),
    ),
  )

/** Posts of JSON to a port. */
function takes(port, take) {
  createServer((request, response) => {
    const chunks = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      take(JSON.parse(Buffer.concat(chunks).toString()))
      response.setHeader('content-type', 'application/json').end('{}')
    })
  }).listen(port)
}

takes(9095, (body) => keep('webhook', [{ at: Date.now(), body }]))
takes(4318, (body) => keep('spans', spansIn(body)))
createTcpServer((socket) => {
  socket.on('error', () => {})
  createInterface({ input: socket }).on('line', (line) => keep('lines', [JSON.parse(line)]))
}).listen(5044)
createServer((_, response) => response.end(JSON.stringify(received))).listen(16686)
process.on('SIGTERM', () => process.exit(0))
