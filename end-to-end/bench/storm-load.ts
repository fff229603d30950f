/**
 * The load of `npm run bench -- storm`, a process of its own: stations in session that lose their connection all at once, come back as soon
 * as they can, and boot, twice: with the controller that was killed, and with one that runs. Then they end their sessions. Prints lines of JSON.
 */
import { type BareStation, connectBare } from './bare-station.ts'
import { boot, startTransaction, stopTransaction } from './frames.ts'

const [url, countText, password] = process.argv.slice(2) as [string, string, string?]
/** A station that is refused tries again after this. */
const RETRY_MS = 200

async function connect(index: number): Promise<BareStation> {
  const stationId = `STORM-${index}`
  const auth = password === undefined ? undefined : `${stationId}:${password}`
  for (;;) {
    const station = await connectBare(`${url}/${stationId}`, auth)
    if (station) return station
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

/** All at once; tells how long each BootNotification took, and how long it was until then. */
async function comeBack(): Promise<BareStation[]> {
  const from = performance.now()
  const bootMs: number[] = []
  const sinceMs: number[] = []
  const back = await Promise.all(
    transactions.map(async (_, index) => {
      const link = await connect(index)
      const sentAt = performance.now()
      await link.call(boot('boot'), 'boot')
      bootMs.push(performance.now() - sentAt)
      sinceMs.push(performance.now() - from)
      return link
    }),
  )
  process.stdout.write(`${JSON.stringify({ bootMs, sinceMs })}\n`)
  return back
}

const isTold = () => new Promise<void>((resolve) => process.stdin.once('data', () => resolve()))

const links: BareStation[] = []
const transactions: number[] = []
for (let i = 0; i < Number(countText); i++) {
  const link = await connect(i)
  await link.call(boot('boot'), 'boot')
  const answer = await link.call(startTransaction('start', new Date().toISOString()), 'start')
  transactions.push((answer[2] as { transactionId: number }).transactionId)
  links.push(link)
}
process.stdout.write('{"ready":true}\n')

await Promise.all(links.map((link) => link.lost))
process.stdout.write('{"lost":true}\n')
await isTold()
const first = await comeBack()
await isTold()
for (const link of first) link.cut()
const back = await comeBack()
const answers = await Promise.all(
  back.map((link, i) =>
    link.call(stopTransaction('stop', new Date().toISOString(), transactions[i]!, 2_000), 'stop'),
  ),
)
process.stdout.write(`${JSON.stringify({ ended: answers.filter((answer) => answer[0] === 3).length })}\n`)
process.exit(0)
