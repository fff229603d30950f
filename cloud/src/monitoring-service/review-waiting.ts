/**
 * The rule `review-waiting`: sessions have waited for a person for too long. One alert for a tenant, with how many; it is cleared when
 * none does any more.
 */
import { instant } from '@switchyard/protocol/instant.ts'
import type { TransactionSql } from 'postgres'
import { billVersionOf } from '../platform/event-log/bill-version.ts'
import type { LogEntry, ReadEntry } from '../platform/event-log/entry.ts'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { ServiceContext } from '../platform/service.ts'
import { clear, raise, retell } from './queries.ts'
import { tellCleared, tellRaised } from './tell.ts'

export const REVIEW_WAITING = 'review-waiting'
/** How often is looked. */
const SWEEP_MS = 60_000
const DAY_MS = 24 * 3_600_000

/** What is held waits, what is decided or billed does not; what is older than what is known changes nothing. */
export async function markWaiting(tx: TransactionSql, entry: LogEntry, fact: ReadEntry): Promise<void> {
  const version = billVersionOf(fact)
  if (version === undefined || entry.sessionId === null) return
  const { revision, settlement, rank } = version
  const isHeld = fact.kind === 'session.held'
  // Most bills never waited.
  if (!isHeld) {
    await tx`
      update monitoring.review_waiting set
        open = false, revision = ${revision}, settlement = ${settlement}, rank = ${rank}
      where session_id = ${entry.sessionId} and tenant_id = ${entry.tenantId}
        and (revision, settlement, rank) <= (${revision}, ${settlement}, ${rank})`
    return
  }
  await tx`
    insert into monitoring.review_waiting as w (session_id, tenant_id, since, open, revision, settlement, rank)
    values (${entry.sessionId}, ${entry.tenantId}, ${new Date(fact.at)}, true, ${revision}, ${settlement}, ${rank})
    on conflict (session_id) do update set
      since = case when w.open then w.since else excluded.since end, open = true,
      revision = excluded.revision, settlement = excluded.settlement, rank = excluded.rank
    where w.tenant_id = excluded.tenant_id
      and (w.revision, w.settlement, w.rank) <= (excluded.revision, excluded.settlement, excluded.rank)`
}

/** Raises, tells anew or clears what is due. */
export async function sweepWaiting({ sql, eventLog, clock, config }: ServiceContext): Promise<void> {
  const changed = await sql.begin(async (tx) => {
    // One after the other, each by the time that it has then: an earlier look must not clear what a later one has raised.
    await tx`select pg_advisory_xact_lock(hashtext('monitoring.review-waiting'))`
    const now = new Date(clock.now())
    const before = new Date(now.getTime() - config.reviewWaitingAlertDays * DAY_MS)
    const rows = await tx<{ tenant_id: string; waiting: number; since: Date | null }[]>`
      select t.tenant_id, count(w.session_id)::int as waiting, min(w.since) as since
      from (select tenant_id from monitoring.review_waiting where open and since < ${before}
            union select tenant_id from monitoring.alert where rule = ${REVIEW_WAITING} and cleared_at is null) t
      left join monitoring.review_waiting w on w.tenant_id = t.tenant_id and w.open and w.since < ${before}
      group by t.tenant_id`
    let told = 0
    for (const { tenant_id: tenantId, waiting, since } of rows) {
      const alertId = `${REVIEW_WAITING}:${tenantId}`
      if (since === null) {
        if (!(await clear(tx, tenantId, alertId, now))) continue
        await tellCleared(tx, eventLog, { tenantId, siteId: null, receivedAt: now }, alertId)
      } else {
        const alert = {
          alert_id: alertId,
          tenant_id: tenantId,
          rule: REVIEW_WAITING,
          severity: 'warning' as const,
          site_id: null,
          station_id: null,
          text: textOf(waiting, since, config.reviewWaitingAlertDays),
          raised_at: now,
        }
        if (!(await raise(tx, alert)) && !(await retell(tx, alert))) continue
        await tellRaised(tx, eventLog, alert)
      }
      told++
    }
    return told
  })
  if (changed > 0) eventLog.wake()
}

function textOf(waiting: number, since: Date, days: number): string {
  const sessions = waiting === 1 ? '1 session has' : `${waiting} sessions have`
  return `${sessions} waited in review for more than ${days === 1 ? 'a day' : `${days} days`}, the longest since ${instant(since.getTime())}: accept, correct or waive them.`
}

export function startWaitingSweep(context: ServiceContext): Loop {
  return createLoop({
    clock: context.clock,
    log: context.log,
    name: 'sessions that wait in review',
    pollMs: SWEEP_MS,
    work: async () => {
      await sweepWaiting(context)
      return false
    },
  })
}
