/**
 * The load of the OCPP benchmarks, a process of its own so that its CPU is not the server's. Told by arguments, prints one line of
 * JSON. `flood`: every connection keeps one call outstanding. `paced`: a fixed rate over all connections, latencies told. `busy`: every
 * connection keeps one call outstanding, of sessions that come and go with cards and readings between, latencies told.
 */
import { connectBare } from './bare-station.ts'
import { authorize, boot, meterValues, startTransaction, stopTransaction } from './frames.ts'

const [mode, url, connectionsText, amountText, rateText] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string?,
]
const connections = Number(connectionsText)

interface Station {
  call(text: string, id: string): Promise<unknown[]>
  transactionId: number
  wh: number
  sent: number
}

async function open(index: number): Promise<Station> {
  const bare = await connectBare(`${url}/BENCH-${index}`)
  if (!bare) throw new Error(`no connection to ${url}`)
  const station: Station = { transactionId: 0, wh: 1_000, sent: 0, call: bare.call }
  await station.call(boot('boot'), 'boot')
  const started = (await station.call(startTransaction('start', new Date().toISOString()), 'start')) as [
    3,
    string,
    { transactionId: number },
  ]
  station.transactionId = started[2].transactionId
  return station
}

/** Readings far enough apart in energy and time to be plausible, whatever the rate of the benchmark. */
function nextReading(station: Station, id: string): string {
  station.sent++
  return meterValues(
    id,
    new Date(Date.now() + station.sent).toISOString(),
    station.transactionId,
    station.wh + Math.floor(station.sent / 400),
  )
}

/** Calls of one session in `busy`, start and stop among them. */
const CALLS_PER_SESSION = 40
/** Every so many calls a card is presented. */
const CALLS_PER_CARD = 5

async function beBusy(
  station: Station,
  index: number,
  until: number,
  latencies: Record<string, number[]>,
): Promise<void> {
  // The stations are at different points of their sessions.
  for (let n = index; performance.now() < until; n++) {
    const id = `b${n}`
    const at = new Date(Date.now() + station.sent).toISOString()
    const step = n % CALLS_PER_SESSION
    const isCard = n % CALLS_PER_CARD === 0 && step > 1
    const text =
      step === 0
        ? stopTransaction(id, at, station.transactionId, station.wh + Math.floor(station.sent / 400))
        : step === 1
          ? startTransaction(id, at)
          : isCard
            ? authorize(id)
            : nextReading(station, id)
    const sentAt = performance.now()
    const answer = await station.call(text, id)
    const tookMs = performance.now() - sentAt
    if (answer[0] !== 3) throw new Error(`refused: ${JSON.stringify(answer)}`)
    if (step === 1) station.transactionId = (answer[2] as { transactionId: number }).transactionId
    latencies.all!.push(tookMs)
    if (isCard) latencies.Authorize!.push(tookMs)
  }
}

function quantiles(latencies: Record<string, number[]>) {
  const at = (sorted: number[], part: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
  return Object.fromEntries(
    Object.entries(latencies).map(([kind, values]) => {
      const sorted = values.sort((a, b) => a - b)
      return [kind, { p50: at(sorted, 0.5), p99: at(sorted, 0.99), max: sorted.at(-1), count: sorted.length }]
    }),
  )
}

const stations: Station[] = []
for (let i = 0; i < connections; i++) stations.push(await open(i))
process.stdout.write('{"ready":true}\n')

if (mode === 'hold') {
  await new Promise(() => {})
} else if (mode === 'flood') {
  await new Promise<void>((resolve) => process.stdin.once('data', () => resolve()))
  const each = Math.ceil(Number(amountText) / connections)
  const from = performance.now()
  await Promise.all(
    stations.map(async (station) => {
      for (let i = 0; i < each; i++) await station.call(nextReading(station, `m${i}`), `m${i}`)
    }),
  )
  process.stdout.write(
    `${JSON.stringify({ messages: each * connections, seconds: (performance.now() - from) / 1000 })}\n`,
  )
} else if (mode === 'paced') {
  const seconds = Number(amountText)
  const rate = Number(rateText)
  const latencies: Record<'Authorize' | 'MeterValues', number[]> = { Authorize: [], MeterValues: [] }
  const from = performance.now()
  const open: Promise<void>[] = []
  for (let n = 0; n < rate * seconds; n++) {
    const due = from + (n * 1000) / rate
    const wait = due - performance.now()
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait))
    const station = stations[n % connections]!
    const kind = n % 10 === 0 ? 'Authorize' : 'MeterValues'
    const id = `p${n}`
    const text = kind === 'Authorize' ? authorize(id) : nextReading(station, id)
    // latency counts from when the message was due, so that a stall is seen by all that waited
    open.push(
      station
        .call(text, id)
        .then(() => void latencies[kind].push(performance.now() - Math.min(due, performance.now()))),
    )
  }
  await Promise.all(open)
  process.stdout.write(
    `${JSON.stringify({ ...quantiles(latencies), seconds: (performance.now() - from) / 1000 })}\n`,
  )
} else if (mode === 'busy') {
  const latencies: Record<string, number[]> = { Authorize: [], all: [] }
  const from = performance.now()
  const until = from + Number(amountText) * 1_000
  await Promise.all(stations.map((station, index) => beBusy(station, index, until, latencies)))
  process.stdout.write(
    `${JSON.stringify({ ...quantiles(latencies), seconds: (performance.now() - from) / 1000 })}\n`,
  )
}
process.exit(0)
