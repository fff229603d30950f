/**
 * Charging sessions, keyed by the id that the site minted. A revision of the end replaces the ones before it; what comes
 * later than the end and tells of the running changes nothing.
 */
import type { TransactionSql } from 'postgres'
import type { LogEntry, ReadEntry } from '../platform/event-log/entry.ts'
import { timeOf } from './time-of.ts'

type Of<K extends ReadEntry['kind']> = Extract<ReadEntry, { kind: K }>

export async function projectSession(tx: TransactionSql, entry: LogEntry, fact: ReadEntry): Promise<void> {
  if (fact.sessionId === undefined) return
  switch (fact.kind) {
    case 'session.started':
      return started(tx, entry, fact, fact.sessionId)
    case 'session.updated':
      return updated(tx, entry, fact, fact.sessionId)
    case 'session.meter':
    case 'session.register':
      return metered(tx, entry, fact, fact.sessionId)
    case 'session.ended':
      return ended(tx, entry, fact, fact.sessionId)
    case 'session.held':
      await tx`
        update station.session set held = ${fact.data.reasons}, held_revision = ${fact.data.revision}
        where session_id = ${fact.sessionId} and tenant_id = ${entry.tenantId}
          and held_revision <= ${fact.data.revision} and cdr_revision < ${fact.data.revision}`
      return
    case 'cdr.issued':
      return billed(tx, entry, fact, fact.sessionId)
    default:
      return
  }
}

async function started(
  tx: TransactionSql,
  entry: LogEntry,
  { stationId, data }: Of<'session.started'>,
  sessionId: string,
): Promise<void> {
  const { journal } = entry
  if (journal === null || stationId === undefined) return
  await tx`
    insert into station.session
      (session_id, tenant_id, site_id, station_id, evse_id, connector_id, journal_id, current, transaction_id,
       id_token, id_token_type, "authorization", started_at, start_register_milli_wh, energy_milli_wh, ledger_seq)
    values (${sessionId}, ${entry.tenantId}, ${entry.siteId}, ${stationId}, ${data.evseId}, ${data.connectorId},
            ${journal.journalId}, ${journal.authority}, ${data.transactionId}, ${data.idToken?.value ?? null},
            ${data.idToken?.type ?? null}, ${data.authorization}, ${timeOf(data.startedAt, entry.receivedAt)},
            ${data.startRegisterMilliWh ?? null}, ${data.startRegisterMilliWh === undefined ? null : 0}, ${journal.seq})
    on conflict (session_id) do nothing`
}

async function updated(
  tx: TransactionSql,
  entry: LogEntry,
  { data }: Of<'session.updated'>,
  sessionId: string,
): Promise<void> {
  if (entry.journal === null) return
  await tx`
    update station.session set
      id_token = coalesce(${data.idToken?.value ?? null}, id_token),
      id_token_type = coalesce(${data.idToken?.type ?? null}, id_token_type),
      "authorization" = coalesce(${data.authorization ?? null}, "authorization"),
      start_register_milli_wh = coalesce(${data.startRegisterMilliWh ?? null}, start_register_milli_wh),
      charging_state = coalesce(${data.chargingState ?? null}, charging_state),
      started_at = coalesce(${data.startedAt === undefined ? null : timeOf(data.startedAt, entry.receivedAt)}::timestamptz, started_at),
      ledger_seq = ${entry.journal.seq}, journal_id = ${entry.journal.journalId}
    where session_id = ${sessionId} and site_id = ${entry.siteId} and revision = 0
      and (ledger_seq < ${entry.journal.seq} or journal_id <> ${entry.journal.journalId})`
}

/** Energy is the register less the one at the start; a batch without a register leaves it as it was. */
async function metered(
  tx: TransactionSql,
  entry: LogEntry,
  { kind, data }: Of<'session.meter'> | Of<'session.register'>,
  sessionId: string,
): Promise<void> {
  const { journal } = entry
  if (journal === null) return
  const register = data.registerMilliWh ?? null
  const reading = kind === 'session.meter' ? data : undefined
  const seq = journal.stream === 'ledger' ? journal.seq : 0
  const at = timeOf(data.at, entry.receivedAt)
  await tx`
    update station.session set
      start_register_milli_wh = coalesce(start_register_milli_wh, ${register}),
      energy_milli_wh = case
        when ${register}::bigint >= coalesce(start_register_milli_wh, ${register})
        then ${register} - coalesce(start_register_milli_wh, ${register}) else energy_milli_wh end,
      power_w = coalesce(${reading?.powerW ?? null}, power_w),
      current_ma = coalesce(${reading?.currentMa ?? null}::int[], current_ma),
      soc_percent = coalesce(${reading?.socPercent ?? null}, soc_percent),
      read_at = ${at},
      ledger_seq = case when journal_id = ${journal.journalId} then greatest(ledger_seq, ${seq}) else ledger_seq end
    where session_id = ${sessionId} and site_id = ${entry.siteId} and revision = 0
      and (read_at is null or read_at <= ${at})`
}

async function ended(
  tx: TransactionSql,
  entry: LogEntry,
  { stationId, data }: Of<'session.ended'>,
  sessionId: string,
): Promise<void> {
  const { journal } = entry
  if (journal === null || stationId === undefined) return
  const startedAt = timeOf(data.startedAt, entry.receivedAt)
  const endedAt = timeOf(data.endedAt, entry.receivedAt)
  await tx`
    insert into station.session as s
      (session_id, tenant_id, site_id, station_id, evse_id, connector_id, journal_id, current, transaction_id,
       id_token, id_token_type, "authorization", started_at, ended_at, duration_ms, start_register_milli_wh,
       energy_milli_wh, power_w, current_ma, read_at, reason, presumed, revision, review, ledger_seq)
    values (${sessionId}, ${entry.tenantId}, ${entry.siteId}, ${stationId}, ${data.evseId}, ${data.connectorId},
            ${journal.journalId}, ${journal.authority}, ${data.transactionId}, ${data.idToken?.value ?? null},
            ${data.idToken?.type ?? null}, ${data.authorization}, ${startedAt}, ${endedAt},
            ${data.durationMs}, ${data.startRegisterMilliWh ?? null}, ${data.energyMilliWh ?? null}, null, null,
            ${endedAt}, ${data.reason}, ${data.presumed}, ${data.revision}, ${data.review}, ${journal.seq})
    on conflict (session_id) do update set
      id_token = coalesce(excluded.id_token, s.id_token), id_token_type = coalesce(excluded.id_token_type, s.id_token_type),
      "authorization" = excluded."authorization", started_at = excluded.started_at, ended_at = excluded.ended_at,
      duration_ms = excluded.duration_ms, start_register_milli_wh = excluded.start_register_milli_wh,
      energy_milli_wh = excluded.energy_milli_wh, power_w = null, current_ma = null, read_at = excluded.read_at,
      reason = excluded.reason, presumed = excluded.presumed, revision = excluded.revision, review = excluded.review,
      ledger_seq = excluded.ledger_seq, journal_id = excluded.journal_id
    where s.site_id = excluded.site_id and s.revision < excluded.revision`
}

/** Shows the newest CDR that was not taken back. */
async function billed(
  tx: TransactionSql,
  entry: LogEntry,
  { data: { cdr } }: Of<'cdr.issued'>,
  sessionId: string,
): Promise<void> {
  if (cdr.credit) {
    await tx`
      update station.session set cdr_id = null, cost_amount = null, cost_currency = null, cost_details = null
      where session_id = ${sessionId} and tenant_id = ${entry.tenantId} and cdr_id = ${cdr.credits}`
    return
  }
  await tx`
    update station.session set
      cdr_id = ${cdr.cdrId}, cdr_revision = ${cdr.revision}, cost_amount = ${cdr.cost.amount},
      cost_currency = ${cdr.cost.currency}, cost_details = ${tx.json(cdr.costDetails)},
      held = case when held_revision <= ${cdr.revision} then '{}' else held end
    where session_id = ${sessionId} and tenant_id = ${entry.tenantId} and cdr_revision <= ${cdr.revision}`
}
