/** Judges batches of one log partition by what is held, and appends what is new of all of them in one statement. */
import { accept } from '@switchyard/protocol/site/accept.ts'
import type { Batch, Refusal } from '@switchyard/protocol/site/envelope.ts'
import type { EventLog, LaneAppend } from '../platform/event-log/event-log.ts'

/** Another gateway may have appended between our look and our append; then we look again. */
const MAX_LOOKS = 3

export interface ReadItem {
  siteId: string
  batch: Batch
}

/** Where the lane stands, for addressing the answer. */
interface Standing {
  tenantId: string
  epoch: number
  nonce: string
  authority: boolean
  last: number
  lastId: string
}

export type Verdict =
  | { kind: 'unregistered' }
  | {
      kind: 'refused'
      refusal: Refusal
      reason: string
      epoch: number
      nonce: string
      upTo: number
      rowId: string
    }
  | {
      kind: 'taken'
      tenantId: string
      authority: boolean
      epoch: number
      nonce: string
      upTo: number
      rowId: string
      /** Rows that were not held before. */
      fresh: number
      /** Of these, rows whose text cannot be read. */
      unreadable: number
    }

/** Verdicts in the order of the items, which are of different lanes. Everything taken is committed when it resolves. */
export async function takeGroup(
  eventLog: EventLog,
  partition: number,
  items: readonly ReadItem[],
): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  let open = items.map((item, index) => ({ item, index }))
  for (let look = 1; open.length > 0; look++) {
    const standings = await standingsOf(
      eventLog,
      open.map((it) => it.item),
    )
    const appends: LaneAppend[] = []
    const appending: typeof open = []
    const taken: Extract<Verdict, { kind: 'taken' }>[] = []
    for (const [i, it] of open.entries()) {
      const verdict = await judge(eventLog, it.item, standings[i])
      if ('append' in verdict) {
        appends.push(verdict.append)
        appending.push(it)
        taken.push(verdict.taken)
      } else verdicts[it.index] = verdict
    }
    const results = await eventLog.append(partition, appends)
    open = []
    for (const [i, result] of results.entries()) {
      const it = appending[i] as (typeof appending)[number]
      const verdict = taken[i] as (typeof taken)[number]
      if (result.appended) verdicts[it.index] = { ...verdict, unreadable: result.unreadable }
      else if (look < MAX_LOOKS) open.push(it)
      else
        verdicts[it.index] = {
          kind: 'refused',
          refusal: 'busy',
          reason: 'another gateway takes rows of this lane',
          epoch: verdict.epoch,
          nonce: verdict.nonce,
          upTo: 0,
          rowId: '',
        }
    }
  }
  return verdicts
}

async function judge(
  eventLog: EventLog,
  { siteId, batch }: ReadItem,
  standing: Standing | undefined,
): Promise<Verdict | { append: LaneAppend; taken: Extract<Verdict, { kind: 'taken' }> }> {
  if (!standing) return { kind: 'unregistered' }
  const { tenantId, epoch, nonce, authority, last, lastId } = standing
  const overlaps = batch.from <= last
  const stored = overlaps
    ? await eventLog.rowIds(siteId, batch.journalId, batch.stream, batch.from - 1, Math.min(batch.to, last))
    : undefined
  const result = accept({ last, lastId, epoch, nonce }, batch, (seq) => stored?.get(seq))
  if (!result.accepted)
    return {
      kind: 'refused',
      refusal: result.refusal,
      reason: result.reason,
      epoch,
      nonce,
      upTo: last,
      rowId: lastId,
    }
  const taken = {
    kind: 'taken' as const,
    tenantId,
    authority,
    epoch,
    nonce,
    upTo: result.next.last,
    rowId: result.next.lastId,
    fresh: result.rows.length,
    unreadable: 0,
  }
  if (result.rows.length === 0) return taken
  const append: LaneAppend = {
    tenantId,
    siteId,
    journalId: batch.journalId,
    stream: batch.stream,
    after: last,
    rows: result.rows,
    authority,
    ...(batch.trace === undefined ? {} : { trace: batch.trace }),
  }
  return { append, taken }
}

/** One look for the whole group. A journal that never said hello has epoch -1: no batch of it can be taken. */
async function standingsOf(
  eventLog: EventLog,
  items: readonly ReadItem[],
): Promise<(Standing | undefined)[]> {
  const rows = await eventLog.sql<
    {
      ord: number
      tenant_id: string
      epoch: number
      nonce: string
      authority: boolean
      last: number
      last_id: string
    }[]
  >`
    select w.ord::int as ord, s.tenant_id, coalesce(l.epoch, -1) as epoch, coalesce(l.nonce, '') as nonce,
           coalesce(s.journal_id = w.journal_id, false) as authority, coalesce(h.last, 0) as last,
           coalesce(h.last_id, '') as last_id
      from unnest(${items.map((it) => it.siteId)}::text[], ${items.map((it) => it.batch.journalId)}::text[],
                  ${items.map((it) => it.batch.stream)}::text[]) with ordinality as w(site_id, journal_id, stream, ord)
      join site_gateway.site s on s.site_id = w.site_id
      left join site_gateway.lane l on l.site_id = w.site_id and l.journal_id = w.journal_id
      left join log.lane h on h.site_id = w.site_id and h.journal_id = w.journal_id and h.stream = w.stream`
  const standings: (Standing | undefined)[] = items.map(() => undefined)
  for (const it of rows) {
    standings[it.ord - 1] = {
      tenantId: it.tenant_id,
      epoch: it.epoch,
      nonce: it.nonce,
      authority: it.authority,
      last: it.last,
      lastId: it.last_id,
    }
  }
  return standings
}
