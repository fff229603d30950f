/**
 * After a restore: sites that are heard go on in the conversation of before, and learn of it only by a new hello, which they are asked for.
 * The alert is over once every site that was heard before has been greeted in this life of the log.
 */
import { instant } from '@switchyard/protocol/instant.ts'
import { declareOver } from '../platform/event-log/generation.ts'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { Send } from './down.ts'
import { recallLanes } from './recall.ts'

/** How often is looked, until it is over. */
const LOOK_MS = 30_000
/** Sites that one look asks, at random; the next asks others. */
const MAX_ASKED = 500

export function awaitReturn(context: ServiceContext, send: Send): Loop {
  const { clock, log } = context
  let over = false
  return createLoop({
    clock,
    log,
    name: 'return of the sites',
    pollMs: LOOK_MS,
    work: async () => {
      if (!over) over = await allReturned(context)
      if (!over) await askForHello(context, send)
      return false
    },
  })
}

async function askForHello({ sql, eventLog }: ServiceContext, send: Send): Promise<void> {
  const due = await sql<{ site_id: string; journal_id: string; epoch: number; nonce: string }[]>`
    select l.site_id, l.journal_id, l.epoch, l.nonce from site_gateway.site s
      join site_gateway.lane l on l.site_id = s.site_id and l.journal_id = s.journal_id
     where s.online and s.generation is distinct from ${eventLog.generation}
     order by random() limit ${MAX_ASKED}`
  recallLanes(send, due, 'the cloud was restored')
}

/** True once it is over, whoever said so. */
export async function allReturned({ sql, eventLog, clock }: ServiceContext): Promise<boolean> {
  const { generation } = eventLog
  const [missing] = await sql`
    select 1 from site_gateway.site where journal_id is not null and generation is distinct from ${generation} limit 1`
  if (missing) return false
  await sql.begin(async (tx) => {
    if (!(await declareOver(tx, generation))) return
    const tenants = await tx<{ tenant_id: string }[]>`select distinct tenant_id from site_gateway.site`
    for (const { tenant_id: tenantId } of tenants)
      await eventLog.publish(tx, {
        tenantId,
        siteId: null,
        kind: 'alert.cleared',
        at: instant(clock.now()),
        data: { alertId: `cloud-restored:${generation}` },
      })
  })
  eventLog.wake()
  return true
}
