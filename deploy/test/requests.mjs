// Requests to a running system, as its users make them, until SIGTERM; then one line of JSON: how many, of which kinds, and every
// one that failed. Reads and writes alike, over connections that are kept alive, with a pause between two of one worker.
//
//   node requests.mjs API_KEY_FILE        the public API on 127.0.0.1:3000, /health of all services on their ports, or on those of PORTS
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'

const TIMEOUT_MS = 20_000
const WORKERS = 4
const PAUSE_MS = 100
const PORTS = (process.env.PORTS ?? '3000,3001,3002,3003,3004,4000,4001').split(',').map(Number)
const READS = ['/sites', '/stations', '/sessions', '/cdrs', '/tokens', '/alerts']
/** More are counted and not told one by one. */
const MOST_TOLD = 20

const key = readFileSync(process.argv[2], 'utf8').trim()
const agent = new Agent({ keepAlive: true })
const counts = { reads: 0, writes: 0, health: 0 }
const failures = []
const tookMs = []
let failed = 0
let stopping = false
process.once('SIGTERM', () => {
  stopping = true
})

function send(port, method, path, body) {
  return new Promise((resolve) => {
    const headers = path.startsWith('/api') ? { authorization: `Bearer ${key}` } : {}
    if (body) headers['content-type'] = 'application/json'
    const call = request(
      { host: '127.0.0.1', port, method, path, headers, agent, timeout: TIMEOUT_MS },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (it) => {
          text += it
        })
        answer.on('end', () => resolve({ status: answer.statusCode, text }))
        answer.on('error', (it) => resolve({ status: 0, text: it.message }))
      },
    )
    call.on('timeout', () => call.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    call.on('error', (it) => resolve({ status: 0, text: it.message }))
    call.end(body)
  })
}

async function counted(kind, port, method, path, body) {
  const startedMs = performance.now()
  const { status, text } = await send(port, method, path, body)
  tookMs.push(performance.now() - startedMs)
  counts[kind]++
  if (status >= 200 && status < 300) return
  failed++
  if (failures.length < MOST_TOLD)
    failures.push(`${new Date().toISOString()} ${method} :${port}${path}: ${status} ${text.slice(0, 200)}`)
}

async function work(number) {
  for (let n = number; !stopping; n++) {
    if (n % 3 === 0) await counted('health', PORTS[(n / 3) % PORTS.length], 'GET', '/health')
    else if (n % 3 === 1) await counted('reads', 3000, 'GET', `/api/v1${READS[n % READS.length]}?limit=5`)
    else {
      const token = { idToken: `LOAD-${number}-${n}`, type: 'ISO14443', valid: false }
      await counted('writes', 3000, 'POST', '/api/v1/tokens', JSON.stringify(token))
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}

await Promise.all(Array.from({ length: WORKERS }, (_, it) => work(it)))
agent.destroy()
tookMs.sort((a, b) => a - b)
const percentile = (share) => Math.round(tookMs[Math.floor(tookMs.length * share)] ?? 0)
console.log(
  JSON.stringify({
    ...counts,
    all: tookMs.length,
    failed,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    maxMs: percentile(0.99999),
    failures,
  }),
)
