/** `npm run bench`: figures, not verdicts. Each is a ratio to a baseline of the same run where there is one, because machines are noisy. */
import { ingest } from './ingest.ts'
import { latency, memory, throughput } from './ocpp.ts'

const benchmarks: Record<string, () => Promise<void>> = { throughput, latency, memory, ingest }
const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in benchmarks))
if (unknown.length > 0) {
  console.error(`unknown benchmark ${unknown.join(', ')}; there are ${Object.keys(benchmarks).join(', ')}`)
  process.exit(2)
}
console.log(`Node ${process.versions.node}`)
for (const [name, run] of Object.entries(benchmarks)) {
  if (wanted.length === 0 || wanted.includes(name)) await run()
}
process.exit(0)
