/**
 * Sessions that their site has forgotten. A controller tells at its start which sessions it knows to run: one that the same journal had
 * told of, and that is not among them, was lost with a damaged card. One of a journal that does not speak for its site any more
 * (a replaced card) is given up when nothing was heard of it for GIVE_UP_MS. Both get an end that goes to review.
 */
import { endOfForgotten } from '@switchyard/protocol/billing/forgotten.ts'
import type { TransactionSql } from 'postgres'
import type { Reading } from '../platform/event-log/entry.ts'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { SessionRow } from './session-row.ts'

/** A card that was taken out may be read elsewhere for so long before its open sessions go to review. */
export const GIVE_UP_MS = 48 * 3_600_000
/** An end that has not come by the log after so long is made again: the log may have been restored. */
const AGAIN_MS = 3_600_000
/** Sessions that one transaction gives up. */
const AT_ONCE = 100
const POLL_MS = 60_000

/** After the sessions of the same facts are written. */
export async function markForgotten(tx: TransactionSql, readings: readonly Reading[]): Promise<void> {
  for (const { entry, read } of readings) {
    const { journal, siteId } = entry
    if (read.kind !== 'controller.started' || journal === null || siteId === null) continue
    const { running } = read.data
    if (running === undefined) continue
    await tx`
      update station.session set forgotten_at = ${entry.receivedAt}
       where site_id = ${siteId} and revision = 0 and journal_id = ${journal.journalId}
         and ledger_seq < ${journal.seq} and forgotten_at is null and not (session_id = any(${running}))`
  }
}

export function startForgottenSweep(context: ServiceContext): Loop {
  const { clock, log, eventLog } = context
  return createLoop({
    clock,
    log,
    name: 'forgotten sessions',
    pollMs: POLL_MS,
    work: async () => {
      const given = await giveUp(context)
      if (given > 0) eventLog.wake()
      return given === AT_ONCE
    },
  })
}

/** By Postgres' clock, as is when facts were heard. Makes the ends of the next forgotten sessions; gives how many. Several processes may do so at once. */
export async function giveUp({
  sql,
  eventLog,
  clock,
}: Pick<ServiceContext, 'sql' | 'eventLog' | 'clock'>): Promise<number> {
  const now = new Date(clock.now())
  return await sql.begin(async (tx) => {
    const rows = await tx<SessionRow[]>`
      select s.* from station.session s join station.site t using (site_id)
       where s.revision = 0 and (s.given_up_at is null or s.given_up_at < now() - ${AGAIN_MS} * interval '1 ms')
         and (s.forgotten_at is not null
              or (s.journal_id <> t.journal_id and s.heard_at < now() - ${GIVE_UP_MS} * interval '1 ms'))
       order by s.session_id limit ${AT_ONCE} for update of s skip locked`
    for (const row of rows) {
      await tx`update station.session set given_up_at = now() where session_id = ${row.session_id}`
      await eventLog.publish(tx, {
        tenantId: row.tenant_id,
        siteId: row.site_id,
        stationId: row.station_id,
        sessionId: row.session_id,
        kind: 'session.forgotten',
        at: now.toISOString(),
        data: endOfForgotten(openSession(row)),
      })
    }
    return rows.length
  })
}

function openSession(row: SessionRow): Parameters<typeof endOfForgotten>[0] {
  const { read_at: readAt, start_register_milli_wh: start, energy_milli_wh: energy } = row
  return {
    evseId: row.evse_id,
    connectorId: row.connector_id,
    startedAt: row.started_at.toISOString(),
    authorization: row.authorization,
    transactionId: row.transaction_id,
    ...(row.id_token === null
      ? {}
      : { idToken: { value: row.id_token, type: row.id_token_type ?? 'Central' } }),
    ...(start === null ? {} : { startRegisterMilliWh: start }),
    register:
      readAt === null || start === null || energy === null
        ? undefined
        : { at: readAt.toISOString(), milliWh: start + energy },
  }
}
