/** 100,000 tokens from the API to a controller that has them on disk, and then one of them: over real processes and the wire. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres, { type Sql } from 'postgres'
import { type System, startSystem } from '../src/system.ts'

const TOKENS = 100_000
const PER_IMPORT = 5_000
/** Single changes, one after the other. */
const CHANGES = 20
const PATIENCE_MS = 300_000

/** As cards have them: seven bytes in hex, here from a counter that is stirred. */
const idOf = (i: number) =>
  ((BigInt(i) * 0x9e3779b97f4a7n) & 0xffffffffffffffn).toString(16).padStart(14, '0')

/** Version of the tokens that the controller has said to have applied last. */
function applied({ controller }: System): number {
  const said = controller.output.findLast(
    (line) => line.includes('"document":"tokens"') && line.includes('was applied'),
  )
  return said === undefined ? 0 : (JSON.parse(said) as { n: number }).n
}

/** Version that driver-service has published, once nothing is left to publish. */
async function published(sql: Sql): Promise<number | undefined> {
  const [document] = await sql<{ n: number; dirty: boolean }[]>`select n, dirty from driver.document`
  return document && !document.dirty ? document.n : undefined
}

async function untilApplied(system: System, sql: Sql): Promise<number> {
  const from = performance.now()
  for (;;) {
    const n = await published(sql)
    if (n !== undefined && applied(system) >= n) return n
    if (performance.now() - from > PATIENCE_MS)
      throw new Error(`version ${n} was not applied, ${applied(system)} was`)
    await sleep(5)
  }
}

const residentMb = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024

export async function documents(): Promise<void> {
  const system = await startSystem({ broker: 'embedded' })
  const sql = postgres(system.databaseUrl, { max: 2, onnotice: () => {} })
  const seconds = (fromMs: number) => ((performance.now() - fromMs) / 1000).toFixed(1)
  try {
    const pid = system.controller.pid!
    const before = residentMb(pid)
    const from = performance.now()
    for (let i = 0; i < TOKENS; i += PER_IMPORT) {
      const tokens = Array.from({ length: PER_IMPORT }, (_, j) => ({
        idToken: idOf(i + j),
        groupId: `fleet-${i % 7}`,
      }))
      await system.api.post('/api/v1/tokens/import', { tokens })
    }
    const imported = seconds(from)
    await untilApplied(system, sql)
    const all = seconds(from)
    const after = residentMb(pid)

    const [start] = await sql`select coalesce(sum(position), 0)::bigint as at from log.head`
    const latenciesMs: number[] = []
    for (let i = 0; i < CHANGES; i++) {
      const changedAt = performance.now()
      await system.api.post('/api/v1/tokens', { idToken: idOf(i * 4_999), valid: i % 2 === 1 })
      await untilApplied(system, sql)
      latenciesMs.push(performance.now() - changedAt)
    }
    latenciesMs.sort((a, b) => a - b)
    const [log] = await sql`
      select coalesce(max(length(body)), 0)::int as largest from log.entry where kind like 'document.%'`
    const [head] = await sql`select sum(position)::bigint as at from log.head`

    await system.controller.kill()
    system.controller.start()
    const bootedAt = performance.now()
    const healthy = () =>
      fetch(`${system.panelUrl}/health`).then(
        (r) => r.ok,
        () => false,
      )
    while (!(await healthy())) await sleep(10)
    console.log(
      `Documents: ${TOKENS} tokens imported in ${imported} s, on the controller's disk after ${all} s (goal < 60 s); ` +
        `one changed token there after p50 ${latenciesMs[CHANGES / 2]!.toFixed(0)} ms, longest ${latenciesMs.at(-1)!.toFixed(0)} ms; ` +
        `largest fact of a document in the log ${log!.largest} bytes, ${Number(head!.at) - Number(start!.at)} facts for ${CHANGES} changes; ` +
        `controller ${before.toFixed(0)} MB resident before, ${after.toFixed(0)} MB with all tokens, ` +
        `${residentMb(system.controller.pid!).toFixed(0)} MB restarted with them in ${seconds(bootedAt)} s`,
    )
  } finally {
    await sql.end()
    await system.stop()
  }
}
