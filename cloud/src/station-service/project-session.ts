/**
 * Charging sessions, keyed by the id that the site minted. A revision of the end replaces the ones before it; what comes
 * later than the end and tells of the running changes nothing.
 */
import { type PresumedEnd, placeEnd } from '@switchyard/protocol/billing/told-end.ts'
import type { TransactionSql } from 'postgres'
import { billVersionOf, isOutdated } from '../platform/event-log/bill-version.ts'
import type { LogEntry, ReadEntry, Reading } from '../platform/event-log/entry.ts'
import { HeldRows } from '../platform/event-log/held-rows.ts'
import { markForgotten } from './forgotten.ts'
import { SESSION, type SessionRow } from './session-row.ts'
import { timeOf } from './time-of.ts'

type Of<K extends ReadEntry['kind']> = Extract<ReadEntry, { kind: K }>

const KINDS: ReadonlySet<string> = new Set([
  'session.started',
  'session.updated',
  'session.meter',
  'session.register',
  'session.gap',
  'session.priority',
  'session.station-cost',
  'session.ended',
  'session.forgotten',
  'session.held',
  'session.reviewed',
  'cdr.issued',
])

export async function projectSessions(tx: TransactionSql, readings: readonly Reading[]): Promise<void> {
  const told = readings.flatMap(({ entry, read }) =>
    read.sessionId !== undefined && KINDS.has(read.kind)
      ? { entry, read, key: { session_id: read.sessionId } }
      : [],
  )
  const sessions = await HeldRows.of<SessionRow>(
    tx,
    SESSION,
    told.map((it) => it.key),
  )
  for (const { entry, read, key } of told)
    sessions.change(key, (before) =>
      before ? sessionAfter(before, entry, read) : firstOf(entry, read, key.session_id),
    )
  await sessions.write(tx)
  await markForgotten(tx, readings)
}

/** The row that a fact makes where there is none; readings of a session whose start is not here make none. */
function firstOf(entry: LogEntry, fact: ReadEntry, sessionId: string): SessionRow | undefined {
  switch (fact.kind) {
    case 'session.started':
      return entry.journal === null ? undefined : rowOf(entry, fact.data, sessionId, entry.journal)
    case 'session.ended': {
      const row = entry.journal === null ? undefined : rowOf(entry, fact.data, sessionId, entry.journal)
      return row && ended(row, entry, fact)
    }
    case 'session.held': {
      // Of a stop that fits no session nothing was told but that it waits.
      const data = fact.data.ended
      const row = data && rowOf(entry, data, sessionId, NOT_TOLD)
      return row && data && held(endedRow(row, data, entry.receivedAt), fact)
    }
    default:
      return undefined
  }
}

/** Where a session stands that no site told of. */
const NOT_TOLD = { journalId: '', seq: 0, authority: false }

function rowOf(
  entry: LogEntry,
  data: Of<'session.started'>['data'] | Of<'session.ended'>['data'],
  sessionId: string,
  journal: { journalId: string; seq: number; authority: boolean },
): SessionRow | undefined {
  const { siteId, stationId } = entry
  if (siteId === null || stationId === null) return undefined
  return {
    session_id: sessionId,
    tenant_id: entry.tenantId,
    site_id: siteId,
    station_id: stationId,
    evse_id: data.evseId,
    connector_id: data.connectorId,
    journal_id: journal.journalId,
    current: journal.authority,
    transaction_id: data.transactionId,
    id_token: data.idToken?.value ?? null,
    id_token_type: data.idToken?.type ?? null,
    authorization: data.authorization,
    command_id: 'commandId' in data ? (data.commandId ?? null) : null,
    started_at: timeOf(data.startedAt, entry.receivedAt),
    ended_at: null,
    duration_ms: null,
    start_register_milli_wh: data.startRegisterMilliWh ?? null,
    energy_milli_wh: data.startRegisterMilliWh === undefined ? null : 0,
    power_w: null,
    current_ma: null,
    soc_percent: null,
    read_at: null,
    missing_events: null,
    priority_charging: null,
    station_cost: null,
    charging_state: null,
    reason: null,
    presumed: false,
    presumed_revision: 0,
    told_shift: null,
    revision: 0,
    review: [],
    held: [],
    waived: false,
    bill_revision: 0,
    bill_settlement: 0,
    bill_rank: 0,
    cdr_id: null,
    cost_amount: null,
    cost_currency: null,
    cost_details: null,
    ledger_seq: journal.seq,
    heard_at: entry.receivedAt,
    forgotten_at: null,
  }
}

function sessionAfter(row: SessionRow, entry: LogEntry, fact: ReadEntry): SessionRow {
  // What is minted at one site, or told to one tenant, is never changed by another.
  const ownSite = row.site_id === entry.siteId
  const ownTenant = row.tenant_id === entry.tenantId
  switch (fact.kind) {
    case 'session.updated':
      return ownSite && row.revision === 0 ? updated(row, entry, fact) : row
    case 'session.gap':
      return ownSite ? noted(row, entry, { missing_events: gapText(fact) }) : row
    case 'session.priority':
      return ownSite ? noted(row, entry, { priority_charging: fact.data.activated }) : row
    case 'session.station-cost':
      return ownSite ? noted(row, entry, { station_cost: costText(row, fact) }) : row
    case 'session.meter':
    case 'session.register':
      return ownSite && row.revision === 0 ? metered(row, entry, fact) : row
    case 'session.ended':
    case 'session.forgotten':
      return ownSite ? ended(row, entry, fact) : row
    case 'session.held':
      return ownTenant ? held(row, fact) : row
    case 'session.reviewed':
      return ownTenant ? reviewed(row, fact) : row
    case 'cdr.issued':
      return ownTenant ? billed(row, fact) : row
    default:
      return row
  }
}

function updated(
  row: SessionRow,
  { journal, receivedAt }: LogEntry,
  { data }: Of<'session.updated'>,
): SessionRow {
  if (journal === null) return row
  if (row.ledger_seq >= journal.seq && row.journal_id === journal.journalId) return row
  return {
    ...row,
    id_token: data.idToken?.value ?? row.id_token,
    id_token_type: data.idToken?.type ?? row.id_token_type,
    authorization: data.authorization ?? row.authorization,
    command_id: data.commandId ?? row.command_id,
    start_register_milli_wh: data.startRegisterMilliWh ?? row.start_register_milli_wh,
    charging_state: data.chargingState ?? row.charging_state,
    started_at: data.startedAt === undefined ? row.started_at : timeOf(data.startedAt, receivedAt),
    heard_at: receivedAt,
    ledger_seq: journal.seq,
    journal_id: journal.journalId,
  }
}

/** What may be told after the end, too; a fact that the row shows already, or something newer, changes nothing. */
function noted(row: SessionRow, { journal, receivedAt }: LogEntry, news: Partial<SessionRow>): SessionRow {
  if (journal === null) return row
  if (row.ledger_seq >= journal.seq && row.journal_id === journal.journalId) return row
  return { ...row, ...news, heard_at: receivedAt, ledger_seq: journal.seq, journal_id: journal.journalId }
}

function gapText({ data }: Of<'session.gap'>): string | null {
  return data.missing.length === 0 ? null : JSON.stringify(data)
}

/** An event of the running that comes after the end says less than the end did. */
function costText({ station_cost }: SessionRow, { data }: Of<'session.station-cost'>): string | null {
  const { details: _, ...cost } = data
  const isFinal = station_cost !== null && JSON.parse(station_cost).final
  return isFinal && !cost.final ? station_cost : JSON.stringify(cost)
}

/** Energy is the register less the one at the start; a batch without a register leaves it as it was. */
function metered(
  row: SessionRow,
  { journal, receivedAt }: LogEntry,
  { kind, data }: Of<'session.meter'> | Of<'session.register'>,
): SessionRow {
  if (journal === null) return row
  const at = timeOf(data.at, receivedAt)
  if (row.read_at !== null && row.read_at.getTime() > at.getTime()) return row
  const register = data.registerMilliWh
  const start = row.start_register_milli_wh ?? register ?? null
  const reading = kind === 'session.meter' ? data : undefined
  const seq = journal.stream === 'ledger' ? journal.seq : 0
  return {
    ...row,
    start_register_milli_wh: start,
    energy_milli_wh:
      register !== undefined && start !== null && register >= start ? register - start : row.energy_milli_wh,
    power_w: reading?.powerW ?? row.power_w,
    current_ma: reading?.currentMa ?? row.current_ma,
    soc_percent: reading?.socPercent ?? row.soc_percent,
    read_at: at,
    ledger_seq: row.journal_id === journal.journalId ? Math.max(row.ledger_seq, seq) : row.ledger_seq,
    heard_at: receivedAt,
  }
}

function ended(
  row: SessionRow,
  { journal, receivedAt }: LogEntry,
  { data }: Of<'session.ended'> | Of<'session.forgotten'>,
): SessionRow {
  const isKnown = row.revision > 0
  const presumed = row.presumed_revision === 0 ? undefined : presumedOf(row)
  const placed = placeEnd(data, presumed, isKnown)
  if (!placed || row.revision >= placed.ended.revision) return row
  return {
    ...endedRow(row, placed.ended, receivedAt),
    presumed_revision: placed.presumed?.revision ?? 0,
    told_shift: placed.presumed?.shift ?? null,
    ...(journal === null ? {} : { ledger_seq: journal.seq, journal_id: journal.journalId }),
  }
}

function presumedOf({ presumed_revision: revision, told_shift }: SessionRow): PresumedEnd {
  return { revision, shift: told_shift ?? undefined }
}

function endedRow(row: SessionRow, data: Of<'session.ended'>['data'], receivedAt: Date): SessionRow {
  const endedAt = timeOf(data.endedAt, receivedAt)
  return {
    ...row,
    id_token: data.idToken?.value ?? row.id_token,
    id_token_type: data.idToken?.type ?? row.id_token_type,
    authorization: data.authorization,
    started_at: timeOf(data.startedAt, receivedAt),
    ended_at: endedAt,
    duration_ms: data.durationMs,
    start_register_milli_wh: data.startRegisterMilliWh ?? null,
    energy_milli_wh: data.energyMilliWh ?? null,
    power_w: null,
    current_ma: null,
    read_at: endedAt,
    reason: data.reason,
    presumed: data.presumed,
    revision: data.revision,
    review: data.review,
  }
}

/** The row with what is newer of its bill; undefined where it is not. */
function newer(row: SessionRow, fact: ReadEntry): SessionRow | undefined {
  const version = billVersionOf(fact)
  const shown = { revision: row.bill_revision, settlement: row.bill_settlement, rank: row.bill_rank }
  if (version === undefined || isOutdated(version, shown)) return undefined
  const { revision, settlement, rank } = version
  return { ...row, bill_revision: revision, bill_settlement: settlement, bill_rank: rank }
}

function held(row: SessionRow, fact: Of<'session.held'>): SessionRow {
  const after = newer(row, fact)
  return after ? { ...after, held: fact.data.reasons, waived: false } : row
}

/** What a person corrected is shown from then on; what the site told stands in the audit trail. */
function reviewed(row: SessionRow, fact: Of<'session.reviewed'>): SessionRow {
  const after = newer(row, fact)
  if (after === undefined) return row
  const { action, after: values } = fact.data
  const decided = { ...after, held: [], waived: action === 'waive' }
  if (action !== 'correct' || values === null) return decided
  return {
    ...decided,
    started_at: timeOf(values.startedAt, row.started_at),
    ended_at: timeOf(values.endedAt, row.started_at),
    duration_ms: values.durationMs,
    start_register_milli_wh: values.startRegisterMilliWh ?? null,
    energy_milli_wh: values.energyMilliWh ?? null,
    id_token: values.idToken?.value ?? null,
    id_token_type: values.idToken?.type ?? null,
  }
}

/** Shows the newest CDR that was not taken back. */
function billed(row: SessionRow, fact: Of<'cdr.issued'>): SessionRow {
  const { cdr } = fact.data
  if (cdr.credit) {
    if (row.cdr_id !== cdr.credits) return row
    return { ...row, cdr_id: null, cost_amount: null, cost_currency: null, cost_details: null }
  }
  const after = newer(row, fact)
  if (after === undefined) return row
  return {
    ...after,
    cdr_id: cdr.cdrId,
    cost_amount: cdr.cost.amount,
    cost_currency: cdr.cost.currency,
    cost_details: cdr.costDetails,
    held: [],
    waived: false,
  }
}
