/** Sessions that wait for a tariff are billed once there is one. */
import { NO_TARIFF } from '@switchyard/protocol/billing/settle.ts'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { ServiceContext } from '../platform/service.ts'
import { rebillHeld } from './bill-session.ts'
import type { HeldRow } from './known-session.ts'
import { tariffOf } from './tariffs.ts'

/** The safety net behind the wake-up by a change of tariffs. */
const POLL_MS = 30_000
/** Sessions that one transaction looks at. */
const SESSIONS_AT_ONCE = 100

export function startHeldSweep(context: ServiceContext): Loop {
  const { clock, log, eventLog } = context
  return createLoop({
    clock,
    log,
    name: 'sessions without a tariff',
    pollMs: POLL_MS,
    work: async () => {
      const billed = await billHeld(context)
      if (billed > 0) eventLog.wake()
      return billed === SESSIONS_AT_ONCE
    },
  })
}

/** Bills sessions that had no tariff and have one now; gives how many. */
export async function billHeld({ sql, eventLog, clock }: ServiceContext): Promise<number> {
  return await sql.begin(async (tx) => {
    const rows = await tx<HeldRow[]>`
      select * from billing.held
      where reasons = ${[NO_TARIFF]}
      order by held_at limit ${SESSIONS_AT_ONCE} for update skip locked`
    let billed = 0
    for (const row of rows) {
      const where = { tenantId: row.tenant_id, siteId: row.site_id, stationId: row.station_id }
      const { startedAt } = row.ended
      if ((await tariffOf(tx, { ...where, startedAt })) === undefined) continue
      const session = { ...where, sessionId: row.session_id, trace: null, data: row.ended }
      await rebillHeld(tx, eventLog, session, row, new Date(clock.now()))
      billed++
    }
    return billed
  })
}
