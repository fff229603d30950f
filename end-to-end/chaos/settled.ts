/**
 * Waits until every session that simulated stations had ended is billed or in review, and tells what is lost, doubled or wrong:
 * for deployments whose stations write a ledger and go on. `settled.ts --ledger FILE --api URL --key-file FILE [--wait SECONDS]`
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { readLedger } from '@switchyard/simulators/ledger.ts'
import { Api } from '../src/api.ts'
import { judge } from './oracle.ts'

const LOOK_EVERY_MS = 2_000
const DEFAULT_WAIT_S = '120'

const { values } = parseArgs({
  options: {
    ledger: { type: 'string' },
    api: { type: 'string' },
    'key-file': { type: 'string' },
    wait: { type: 'string', default: DEFAULT_WAIT_S },
  },
})
const { ledger, api: base, 'key-file': keyFile } = values
if (!ledger || !base || !keyFile) throw new Error('--ledger, --api and --key-file are needed')
const api = new Api(base, readFileSync(keyFile, 'utf8').trim())
/** Those that are waited for; more come meanwhile. */
const ended = new Set(readLedger(ledger).map((it) => `${it.stationId} from ${it.startedAt}`))
const until = performance.now() + Number(values.wait) * 1_000
for (;;) {
  // First what is billed, then what was delivered: whatever is billed was delivered before.
  const [cdrs, sessions] = [await api.cdrs(), await api.sessions()]
  const verdict = judge(readLedger(ledger), cdrs, sessions)
  const lost = verdict.lost.filter((it) => [...ended].some((key) => it.startsWith(key)))
  const over = performance.now() > until
  if (lost.length === 0 || over) {
    for (const it of [...lost, ...verdict.doubled, ...verdict.wrong, ...verdict.held]) console.error(it)
    console.log(
      `sessions=${ended.size} lost=${lost.length} doubled=${verdict.doubled.length} wrong=${verdict.wrong.length} held=${verdict.held.length}`,
    )
    process.exit(lost.length + verdict.doubled.length + verdict.wrong.length === 0 ? 0 : 1)
  }
  await sleep(LOOK_EVERY_MS)
}
