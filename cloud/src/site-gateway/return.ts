/** After a restore: the alert is over once every site that was heard before has been greeted in this life of the log. */
import { instant } from '@switchyard/protocol/instant.ts'
import { declareOver } from '../platform/event-log/generation.ts'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { ServiceContext } from '../platform/service.ts'

/** How often is looked, until it is over. */
const LOOK_MS = 30_000

export function awaitReturn(context: ServiceContext): Loop {
  const { clock, log } = context
  let over = false
  return createLoop({
    clock,
    log,
    name: 'return of the sites',
    pollMs: LOOK_MS,
    work: async () => {
      if (!over) over = await allReturned(context)
      return false
    },
  })
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
