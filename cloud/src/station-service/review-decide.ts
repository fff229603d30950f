/**
 * A person's decision on a session in review: checked, written with who, when and why, and told to billing, in one transaction. A
 * revision is settled once; who comes second is told by whom.
 */
import type {
  ReviewCorrectInput,
  reviewAcceptInput,
  reviewWaiveInput,
} from '@switchyard/protocol/api/reviews.ts'
import { DEFAULT_MAX_POWER_W } from '@switchyard/protocol/billing/plausible.ts'
import { impossible } from '@switchyard/protocol/billing/settle.ts'
import type { z } from 'zod'
import type { CloudFact, ReviewedValues } from '../platform/event-log/cloud-fact.ts'
import { conflict, invalid, notFound, unavailable } from '../platform/http/problem.ts'
import type { ServiceVariables } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { correct, valuesOf } from './review-correct.ts'
import { previewOf } from './review-evidence.ts'
import {
  findReview,
  insertSettlement,
  lockReview,
  settlementsOf,
  settleReview,
  wantedMaxPowerW,
} from './review-queries.ts'
import type { ReviewRow, SettlementRow } from './review-row.ts'
import { reasonText } from './review-text.ts'

type Reviewed = Extract<CloudFact, { kind: 'session.reviewed' }>['data']

export async function acceptReview(
  context: ServiceContext,
  caller: ServiceVariables,
  id: string,
  { revision, note }: z.infer<typeof reviewAcceptInput>,
): Promise<void> {
  const row = await openReview(context, caller, id, revision)
  const values = valuesOf(row.ended)
  const unknown = impossible(values).map((reason) => reasonText(reason, row.ended))
  if (unknown.length > 0)
    throw invalid([
      { path: '', message: `cannot be billed as it is: ${unknown.join(' ')} Correct or waive it` },
    ])
  await billable(context, caller, row, values)
  await decideReview(context, caller, row, { action: 'accept', after: values, note, override: false })
}

export async function correctReview(
  context: ServiceContext,
  caller: ServiceVariables,
  id: string,
  input: ReviewCorrectInput,
): Promise<void> {
  const row = await openReview(context, caller, id, input.revision)
  const wanted = await wantedMaxPowerW(context.sql, caller.tenantId, row.station_id)
  const limits = { maxPowerW: wanted ?? DEFAULT_MAX_POWER_W, nowMs: context.clock.now() }
  const corrected = correct(row.ended, input, limits)
  if (!corrected.ok) throw invalid(corrected.errors)
  await billable(context, caller, row, corrected.values)
  const { note, override } = input
  await decideReview(context, caller, row, { action: 'correct', after: corrected.values, note, override })
}

export async function waiveReview(
  context: ServiceContext,
  caller: ServiceVariables,
  id: string,
  { revision, note }: z.infer<typeof reviewWaiveInput>,
): Promise<void> {
  const row = await openReview(context, caller, id, revision)
  await decideReview(context, caller, row, { action: 'waive', after: null, note, override: false })
}

/** The item that waits; 404 where there is none, 409 where it was settled or is of another revision than the person saw. */
async function openReview(
  { sql }: ServiceContext,
  { tenantId }: ServiceVariables,
  id: string,
  revision: number | undefined,
): Promise<ReviewRow> {
  const row = await findReview(sql, tenantId, id)
  if (row === undefined) throw notFound(`There is no review of a session ${id}`)
  mayDecide(row, await settlementsOf(sql, tenantId, [id]), revision ?? row.revision)
  return row
}

function mayDecide(row: ReviewRow, settlements: readonly SettlementRow[], revision: number): void {
  if (row.revision !== revision)
    throw conflict(`Revision ${row.revision} of the session waits now, not ${revision}: look at it again`)
  if (row.status === 'open') return
  const by = settlements.findLast((it) => it.revision === revision)
  throw conflict(
    by === undefined
      ? `Revision ${revision} of the session needs no decision any more: it is billed`
      : `Revision ${revision} of the session was settled by ${by.by_name} at ${by.settled_at.toISOString()}: ${by.action}`,
  )
}

/** Billing looks at it again when it bills; here a person is told at once. */
async function billable(
  context: ServiceContext,
  caller: ServiceVariables,
  row: ReviewRow,
  values: ReviewedValues,
): Promise<void> {
  const preview = await previewOf(context, caller, row, values)
  if (preview === null)
    throw unavailable('billing-service does not answer now, so nobody can say whether it can be billed')
  const [other] = preview.overlapping
  if (other !== undefined)
    throw conflict(
      `It overlaps session ${other.sessionId}, billed from ${other.startedAt} to ${other.endedAt} on the same connector: correct its times, or waive it`,
    )
  if (preview.costDetails === null)
    throw conflict('There is no tariff for it: make one, and it is billed, or waive it')
}

async function decideReview(
  { sql, clock, eventLog }: ServiceContext,
  { tenantId, actor, actorName, trace }: ServiceVariables,
  seen: ReviewRow,
  {
    action,
    after,
    note,
    override,
  }: Pick<Reviewed, 'action' | 'after' | 'override'> & { note: string | undefined },
): Promise<void> {
  const at = new Date(clock.now())
  const sessionId = seen.session_id
  await sql.begin(async (tx) => {
    const row = await lockReview(tx, tenantId, sessionId)
    if (row === undefined) throw notFound(`There is no review of a session ${sessionId}`)
    const settlements = await settlementsOf(tx, tenantId, [sessionId])
    mayDecide(row, settlements, seen.revision)
    const decision: Reviewed = {
      revision: row.revision,
      settlement: (settlements.at(-1)?.settlement ?? 0) + 1,
      action,
      evseId: row.ended.evseId,
      connectorId: row.ended.connectorId,
      before: valuesOf(row.ended),
      after,
      by: { actor, name: actorName },
      note: note ?? null,
      override,
    }
    await insertSettlement(tx, { tenantId, sessionId, at }, decision)
    await settleReview(tx, { tenantId, sessionId, at }, decision)
    await eventLog.publish(tx, {
      tenantId,
      siteId: row.site_id,
      stationId: row.station_id,
      sessionId,
      kind: 'session.reviewed',
      at: at.toISOString(),
      data: decision,
      ...(trace === undefined ? {} : { trace }),
    })
  })
  eventLog.wake()
}
