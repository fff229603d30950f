/** What a person needs to see to decide on a session in review. */
import { type BillPreview, billPreview, type ReviewDetail } from '@switchyard/protocol/api/reviews.ts'
import type { Session } from '@switchyard/protocol/api/shapes.ts'
import { apiEnergyWh } from '@switchyard/protocol/units.ts'
import type { ReviewedValues } from '../platform/event-log/cloud-fact.ts'
import type { LogEntry } from '../platform/event-log/entry.ts'
import { type ReadResult, readEntry } from '../platform/event-log/read-entry.ts'
import {
  factAt,
  factsOfSession,
  readingsOfSession,
  signedOfSession,
} from '../platform/event-log/session-facts.ts'
import type { ServiceVariables } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { neighboursOf } from './review-queries.ts'
import type { ReviewRow } from './review-row.ts'
import { listSessions, sessionResource } from './session-queries.ts'
import type { SessionRow } from './session-row.ts'
import { timeOf } from './time-of.ts'

/** Most facts and most readings that are shown. */
const MAX_FACTS = 200
const MAX_READINGS = 200
/** Readings may come after the end of their session, when the ledger had a backlog. */
const READINGS_LATE_MS = 3_600_000
/** Longest that is looked back for readings from the end of a session. */
const READINGS_WINDOW_MS = 3 * 24 * 3_600_000

type Evidence = ReviewDetail['evidence']

export async function evidenceOf(
  context: ServiceContext,
  row: ReviewRow,
  proposed: BillPreview | null,
): Promise<Evidence> {
  const { sql, clock } = context
  const { tenant_id: tenantId, session_id: sessionId, ended, origin } = row
  const now = new Date(clock.now())
  const [session] = await listSessions(sql, { tenantId, sessionId }, 1)
  const own = await factsOfSession(sql, { tenantId, sessionId }, MAX_FACTS)
  const apart = origin && !own.some((it) => standsAt(it, origin))
  const first = apart ? await factAt(sql, { tenantId, siteId: row.site_id }, origin) : undefined
  const facts = first === undefined ? own : [first, ...own]
  const signed = await signedOfSession(sql, { tenantId, sessionId }, MAX_READINGS)
  const readings = [...(await readingsOf(context, row, facts)), ...signed]
  const from = timeOf(ended.startedAt, row.opened_at)
  const { evseId, connectorId } = ended
  const at = { tenantId, stationId: row.station_id, evseId, connectorId, sessionId, from }
  const { previous, next } = await neighboursOf(sql, at)
  return {
    session: session === undefined ? null : sessionResource(session, undefined, now),
    authorization: ended.authorization,
    reason: ended.reason,
    presumed: ended.presumed,
    profile: ended.profile.map((point) => ({
      at: timeOf(point.at, row.opened_at).toISOString(),
      registerWh: apiEnergyWh(point.registerMilliWh),
    })),
    meter: readings.flatMap(meterOf).sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)),
    previous: previous ? neighbour(previous, now) : null,
    next: next ? neighbour(next, now) : null,
    facts: facts.map(factOf),
    proposed,
  }
}

/** What it comes to if these values are billed; null: billing does not answer now. */
export async function previewOf(
  { client, log }: ServiceContext,
  { tenantId, actor, requestId, trace }: ServiceVariables,
  row: ReviewRow,
  { startedAt, endedAt, durationMs, energyMilliWh }: ReviewedValues,
): Promise<BillPreview | null> {
  const { evseId, connectorId } = row.ended
  try {
    return await client('billing-service').read(
      '/v1/bill-previews',
      { tenantId, actor, requestId, trace },
      billPreview,
      {
        method: 'POST',
        json: {
          sessionId: row.session_id,
          siteId: row.site_id,
          stationId: row.station_id,
          evseId,
          connectorId,
          startedAt,
          endedAt,
          durationMs,
          ...(energyMilliWh === undefined ? {} : { energyMilliWh }),
        },
      },
    )
  } catch (error) {
    log.warn({ reason: (error as Error).message, sessionId: row.session_id }, 'billing gave no preview')
    return null
  }
}

function standsAt({ journal }: LogEntry, place: NonNullable<ReviewRow['origin']>): boolean {
  return (
    journal?.journalId === place.journalId && journal.stream === place.stream && journal.seq === place.seq
  )
}

async function readingsOf(
  { sql }: ServiceContext,
  row: ReviewRow,
  facts: readonly LogEntry[],
): Promise<LogEntry[]> {
  const told = facts.filter((it) => it.journal !== null)
  const [first, last] = [told[0], told.at(-1)]
  if (!first?.journal || !last) return []
  const toMs = last.receivedAt.getTime() + READINGS_LATE_MS
  const fromMs = Math.max(first.receivedAt.getTime(), last.receivedAt.getTime() - READINGS_WINDOW_MS)
  return await readingsOfSession(
    sql,
    { siteId: row.site_id, sessionId: row.session_id, journalId: first.journal.journalId },
    { from: new Date(fromMs), to: new Date(toMs) },
    MAX_READINGS,
  )
}

/** A reading, or signed values, which come in the ledger. */
function meterOf(entry: LogEntry): Evidence['meter'] {
  const result: ReadResult = readEntry(entry)
  if (!result.ok || entry.journal === null) return []
  const { read } = result
  if (read.kind !== 'session.meter' && read.kind !== 'session.signed') return []
  const { at, values } = read.data
  const { registerMilliWh, powerW } =
    read.kind === 'session.meter' ? read.data : ({} as { registerMilliWh?: number; powerW?: number })
  return [
    {
      at,
      receivedAt: entry.receivedAt.toISOString(),
      registerWh: registerMilliWh === undefined ? null : apiEnergyWh(registerMilliWh),
      powerW: powerW ?? null,
      signed: values.flatMap(({ measurand, context = null, signed }) =>
        signed === undefined ? [] : [{ measurand, context, signed }],
      ),
      journalId: entry.journal.journalId,
      seq: entry.journal.seq,
    },
  ]
}

function neighbour(row: SessionRow, now: Date): NonNullable<Evidence['previous']> {
  const { sessionId, startedAt, endedAt, energyWh, status, presumed }: Session = sessionResource(
    row,
    undefined,
    now,
  )
  const start = row.start_register_milli_wh
  const startRegisterWh = start === null ? null : apiEnergyWh(start)
  return { sessionId, startedAt, endedAt, energyWh, status, presumed, startRegisterWh }
}

function factOf(entry: LogEntry): Evidence['facts'][number] {
  const { journal, producer } = entry
  const read = parsed(entry.text)
  return {
    kind: entry.kind,
    journalId: journal?.journalId ?? null,
    seq: journal?.seq ?? null,
    producer: producer?.name ?? null,
    authority: journal?.authority ?? null,
    stationAt: journal === null ? null : stationTime(read.data),
    at: read.at ?? '',
    clock: read.clock ?? null,
    receivedAt: entry.receivedAt.toISOString(),
  }
}

interface Parsed {
  at?: string
  clock?: string
  data?: { endedAt?: string; startedAt?: string; at?: string }
}

/** Facts are shown as they are, also those that cannot be read by their shape. */
function parsed(text: string): Parsed {
  try {
    return JSON.parse(text) as Parsed
  } catch {
    return {}
  }
}

function stationTime(data: Parsed['data']): string | null {
  return data?.endedAt ?? data?.startedAt ?? data?.at ?? null
}
