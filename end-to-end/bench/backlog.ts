/**
 * Seven days offline at a site with 50 stations, then the link is back, 100 ms long: how fast the backlog drains, whether the
 * ledger goes first, and how old the live picture gets meanwhile.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Live, live } from '@switchyard/protocol/site/live.ts'
import postgres, { type Sql } from 'postgres'
import { boot, connect, status } from '../src/stations.ts'
import { type System, startSystem } from '../src/system.ts'
import { cpuSeconds, perFact } from './cpu.ts'
import { yard } from './yard.ts'

const STATIONS = 50
const DAYS = 7
const ROUND_TRIP_MS = 100
const WRITE_JOURNAL = new URL('../../edge-controller/dist/write-journal.js', import.meta.url).pathname
/** A station that is there changes its status so often, for the picture to have something to tell. */
const CHANGE_EVERY_MS = 500
const LOOK_EVERY_MS = 100

type Heads = Record<'ledger' | 'telemetry', { seq: number; rowId: string }>

export async function backlog(): Promise<void> {
  let written: { journalId: string; heads: Heads } | undefined
  const system = await startSystem({
    broker: 'embedded',
    cloudEnv: { LOG_LEVEL: 'error' },
    async beforeController(journalFile, link) {
      written = await writeJournal(journalFile)
      link.delay(ROUND_TRIP_MS / 2)
    },
  })
  const sql = postgres(system.databaseUrl, { max: 1, onnotice: () => {} })
  const over = new AbortController()
  try {
    const from = performance.now()
    const { journalId, heads } = written!
    const facts = heads.ledger.seq + heads.telemetry.seq
    const before = await cpuSeconds(system, sql)
    const ages = watchPictures(system, over.signal)
    const station = keepChanging(system, over.signal)
    const drained = await drain(sql, journalId, heads, from)
    over.abort()
    await station
    const { worst, pictures } = await ages
    console.log(
      `${DAYS} days of ${STATIONS} stations offline, ${facts} facts over a link of ${ROUND_TRIP_MS} ms: drained in ${drained.all.toFixed(0)} s, ` +
        `the ledger (${heads.ledger.seq} facts) in ${drained.ledger.toFixed(0)} s with ${drained.telemetryThen} of ${heads.telemetry.seq} telemetry; ` +
        `live picture at most ${(worst / 1_000).toFixed(1)} s old (${pictures} pictures). ${perFact(before, await cpuSeconds(system, sql), facts)}`,
    )
  } finally {
    over.abort()
    await sql.end()
    await system.stop()
  }
}

async function writeJournal(file: string): Promise<{ journalId: string; heads: Heads }> {
  const child = spawn(process.execPath, [WRITE_JOURNAL, file], { stdio: ['pipe', 'pipe', 'inherit'] })
  let told = ''
  child.stdout.on('data', (data: Buffer) => {
    told += data.toString()
  })
  const ended = once(child, 'exit')
  let minutes = DAYS * 24 * 60
  for (const { ledger, telemetry } of yard('site-1', STATIONS, Date.now() - DAYS * 86_400_000)) {
    const lines = [...ledger, ...telemetry].map((row) => `${row.fact}\n`).join('')
    if (lines !== '' && !child.stdin.write(lines)) await once(child.stdin, 'drain')
    if (--minutes === 0) break
  }
  child.stdin.end()
  const [code] = await ended
  if (code !== 0) throw new Error(`write-journal ended with ${code}`)
  return JSON.parse(told)
}

/** Until the cloud holds what was written before; rows of today come after it. */
async function drain(sql: Sql, journalId: string, heads: Heads, from: number) {
  let ledger: number | undefined
  let telemetryThen = 0
  for (;;) {
    const rows = await sql<{ stream: string; last: string }[]>`
      select stream, last from log.lane where journal_id = ${journalId}`
    const held = (stream: string) => Number(rows.find((it) => it.stream === stream)?.last ?? 0)
    const seconds = (performance.now() - from) / 1_000
    if (ledger === undefined && held('ledger') >= heads.ledger.seq) {
      ledger = seconds
      telemetryThen = Math.min(held('telemetry'), heads.telemetry.seq)
    }
    if (ledger !== undefined && held('telemetry') >= heads.telemetry.seq)
      return { all: seconds, ledger, telemetryThen }
    await sleep(LOOK_EVERY_MS)
  }
}

/** How old the newest picture got before the next one replaced it, as somebody at a browser has it. */
async function watchPictures(
  system: System,
  over: AbortSignal,
): Promise<{ worst: number; pictures: number }> {
  let newest: Live | undefined
  let worst = 0
  let pictures = 0
  try {
    let text = ''
    const decoder = new TextDecoder()
    const { body } = await system.api.stream(undefined, over)
    for await (const bytes of body ?? []) {
      text += decoder.decode(bytes, { stream: true })
      const events = text.split('\n\n')
      text = events.pop() ?? ''
      for (const event of events) {
        if (!event.startsWith('event: live')) continue
        const picture = live.parse(JSON.parse(event.slice(event.indexOf('data: ') + 'data: '.length)))
        if (newest) worst = Math.max(worst, Date.now() - Date.parse(newest.at))
        newest = picture
        pictures++
      }
    }
  } catch (error) {
    if (!over.aborted) throw error
  }
  return { worst, pictures }
}

async function keepChanging(system: System, over: AbortSignal): Promise<void> {
  const station = await connect(system.ocppUrl, 'live-1', '1.6')
  await boot(station)
  for (let n = 0; !over.aborted; n++) {
    await status(station, n % 2 === 0 ? 'Available' : 'Preparing', new Date().toISOString())
    await sleep(CHANGE_EVERY_MS)
  }
  await station.client.close()
}
