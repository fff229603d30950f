// Writes over the API without a pause and remembers what was acknowledged: how long nothing was taken, and whether all of it is there.
//
//   probe.mjs write URL KEY_FILE LOG        until it is ended: a token every 200 ms, each in LOG once it is acknowledged
//   probe.mjs outage LOG FROM_MS [TO_MS]    the longest time between two acknowledgements that ended after FROM_MS, ms
//   probe.mjs held URL KEY_FILE LOG         how many acknowledged tokens there are, and how many are not there: `acknowledged=N missing=N`
import { appendFileSync, readFileSync } from 'node:fs'

const EVERY_MS = 200
const MOST_AT_ONCE = 50
const TIMEOUT_MS = 30_000
const [mode, ...args] = process.argv.slice(2)

const entries = (log) =>
  readFileSync(log, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((it) => JSON.parse(it))
const client = (url, keyFile) => {
  const authorization = `Bearer ${readFileSync(keyFile, 'utf8').trim()}`
  return (path, init = {}) =>
    fetch(`${url}/api/v1${path}`, {
      ...init,
      headers: { authorization, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
}

if (mode === 'write') {
  const [url, keyFile, log] = args
  const ask = client(url, keyFile)
  let n = 0
  let open = 0
  const write = async () => {
    if (open >= MOST_AT_ONCE) return
    open++
    const idToken = `PROBE-${process.pid}-${++n}`
    try {
      const body = JSON.stringify({ idToken, type: 'ISO14443', valid: true })
      const response = await ask('/tokens', { method: 'POST', body })
      if (response.ok) appendFileSync(log, `${JSON.stringify({ idToken, at: Date.now() })}\n`)
    } catch {
      // Not acknowledged; the next one is on its way.
    } finally {
      open--
    }
  }
  setInterval(write, EVERY_MS)
} else if (mode === 'outage') {
  const [log, from, to = Date.now()] = args
  const times = entries(log).map((it) => it.at)
  const within = times.filter((it) => it >= Number(from) && it <= Number(to))
  const before = times.filter((it) => it < Number(from)).at(-1) ?? Number(from)
  let longest = 0
  let last = before
  for (const at of [...within, Number(to)].sort((a, b) => a - b)) {
    longest = Math.max(longest, at - last)
    last = at
  }
  console.log(longest)
} else if (mode === 'held') {
  const [url, keyFile, log] = args
  const ask = client(url, keyFile)
  const there = new Set()
  let cursor = ''
  do {
    const page = await (await ask(`/tokens?limit=200${cursor && `&cursor=${cursor}`}`)).json()
    for (const it of page.items) there.add(it.idToken)
    cursor = page.next ? encodeURIComponent(page.next) : ''
  } while (cursor)
  const acknowledged = entries(log).map((it) => it.idToken)
  console.log(
    `acknowledged=${acknowledged.length} missing=${acknowledged.filter((it) => !there.has(it)).length}`,
  )
} else throw new Error(`no such mode: ${mode}`)
