/** `npm run bench`: figures, not verdicts. Each is a ratio to a baseline of the same run where there is one, because machines are noisy. */
import { parseArgs } from 'node:util'
import { backlog } from './backlog.ts'
import { documents } from './documents.ts'
import { ingest } from './ingest.ts'
import { latency, memory, throughput } from './ocpp.ts'
import { reconnect } from './reconnect.ts'
import { slowDisk } from './slow-disk.ts'
import { storm } from './storm.ts'

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string' } },
})
const minutes = values.minutes === undefined ? undefined : Number(values.minutes)
if (minutes !== undefined && !(minutes > 0)) {
  console.error(`--minutes ${values.minutes}: a number of minutes is needed`)
  process.exit(2)
}
const benchmarks: Record<string, () => Promise<void>> = {
  throughput,
  latency,
  memory,
  'slow-disk': slowDisk,
  storm,
  ingest: () => ingest(minutes),
  backlog,
  reconnect,
  documents,
}
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
