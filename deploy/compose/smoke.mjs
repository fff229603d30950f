// The smoke test of bluegreen.sh. Runs within an api-gateway that knows the new services alone, and asks through it what each of
// them has to answer; the arguments are their own addresses. Reads, changes nothing. Ends with 1 at the first wrong answer.
import { readFileSync } from 'node:fs'

const TIMEOUT_MS = 10_000
const GATEWAY = 'http://127.0.0.1:3000'
/** One read of each service, and what a site needs. */
const READS = [
  '/sites?limit=1',
  '/stations?limit=1',
  '/tokens?limit=1',
  '/sessions?limit=1',
  '/cdrs?limit=1',
  '/alerts?limit=1',
]

const key = readFileSync(process.env.BOOTSTRAP_API_KEY_FILE, 'utf8').trim()
const { build } = await ask(`${GATEWAY}/health`)
for (const url of process.argv.slice(2)) {
  await ask(`${url}/ready`)
  const health = await ask(`${url}/health`)
  if (health.build !== build) fail(`${health.service} is build ${health.build}, and the gateway ${build}`)
}
for (const path of READS) {
  const { items } = await ask(`${GATEWAY}/api/v1${path}`, { authorization: `Bearer ${key}` })
  if (!Array.isArray(items)) fail(`${path} gives no list`)
}
console.log(`build ${build}: ${process.argv.length - 2} replicas ready, ${READS.length} reads answered`)

async function ask(url, headers = {}) {
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch((it) =>
    fail(`${url}: ${it.message}`),
  )
  if (answer.status !== 200)
    fail(`${url} was answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`)
  return await answer.json()
}

function fail(why) {
  console.error(why)
  process.exit(1)
}
