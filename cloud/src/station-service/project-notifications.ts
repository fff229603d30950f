/** Battery swaps, payments, energy resources and event streams of 2.1 stations, as the lane in authority tells them; see notified.ts. */
import type { TransactionSql } from 'postgres'
import type { Reading } from '../platform/event-log/entry.ts'
import { HeldRows, type RowTable } from '../platform/event-log/held-rows.ts'
import { sanitised } from '../platform/event-log/rows.ts'
import { type NotifiedKind, type Told, toldIn } from './notified.ts'

/** Things of one kind that are kept of one station; of more, those that it told of longest ago go. */
export const MAX_NOTIFIED = 1_000
/** Longest key, characters: an index has no room for any text. */
const MAX_KEY_CHARS = 255

export interface NotificationRow {
  tenant_id: string
  station_id: string
  kind: NotifiedKind
  key: string
  site_id: string
  session_id: string | null
  at: Date
  data: string
  position: number
  received_at: Date
}
const NOTIFICATION: RowTable = {
  name: 'station.notification',
  key: { tenant_id: 'text', station_id: 'text', kind: 'text', key: 'text' },
  columns: ['site_id', 'session_id', 'at', 'data', 'position', 'received_at'],
}

/** Of a station that is removed. */
const FORGOTTEN: NotifiedKind[] = ['tariff', 'der-alarm', 'der-control', 'event-stream']

type Key = Pick<NotificationRow, 'tenant_id' | 'station_id' | 'kind' | 'key'>

export async function projectNotifications(tx: TransactionSql, readings: readonly Reading[]): Promise<void> {
  const removals = await forgetRemoved(tx, readings)
  const all = readings.flatMap((reading, index) => {
    const { entry, read } = reading
    if (!entry.journal?.authority || entry.siteId === null || read.stationId === undefined) return []
    const of = { tenant_id: entry.tenantId, station_id: read.stationId }
    const removedLater = removals.get(stationKey(reading)) ?? -1
    return toldIn(read, entry.receivedAt).flatMap((told) => {
      if (index < removedLater && FORGOTTEN.includes(told.kind)) return []
      const key: Key = { ...of, kind: told.kind, key: sanitised(told.key.slice(0, MAX_KEY_CHARS)) }
      return [{ reading, told, key }]
    })
  })
  if (all.length === 0) return
  const rows = await HeldRows.of<NotificationRow>(
    tx,
    NOTIFICATION,
    all.map(({ key }) => key),
  )
  const grown = new Map<string, Key>()
  for (const { reading, told, key } of all)
    rows.change(key, (before) => {
      if (!before) grown.set(JSON.stringify([key.tenant_id, key.station_id, key.kind]), key)
      return rowAfter(before, key, told, reading)
    })
  await rows.write(tx)
  for (const key of grown.values()) await dropOldest(tx, key)
}

function rowAfter(
  before: NotificationRow | undefined,
  key: Key,
  told: Told,
  { entry, read }: Reading,
): NotificationRow | undefined {
  const { siteId, position, receivedAt } = entry
  // Facts of one thing in one position (a list that names it twice) are all its newest.
  const isNewer =
    !before || (before.site_id === siteId ? before.position <= position : before.received_at < receivedAt)
  if (!isNewer) return undefined
  const data = told.becomes(before && JSON.parse(before.data))
  return {
    ...key,
    site_id: siteId ?? '',
    session_id: read.sessionId ?? before?.session_id ?? null,
    at: receivedAt,
    data: JSON.stringify(data),
    position,
    received_at: receivedAt,
  }
}

async function dropOldest(tx: TransactionSql, { tenant_id, station_id, kind }: Key): Promise<void> {
  await tx`
    delete from station.notification n using (
      select key from station.notification
      where tenant_id = ${tenant_id} and station_id = ${station_id} and kind = ${kind}
      order by at desc, key desc offset ${MAX_NOTIFIED}) old
    where n.tenant_id = ${tenant_id} and n.station_id = ${station_id} and n.kind = ${kind} and n.key = old.key`
}

/** Where in the list a station was removed last; what it was until then is forgotten, what was swapped and paid at it stays. */
async function forgetRemoved(
  tx: TransactionSql,
  readings: readonly Reading[],
): Promise<ReadonlyMap<string, number>> {
  const removals = new Map<string, number>()
  for (const [index, reading] of readings.entries()) {
    const { entry, read } = reading
    if (read.kind !== 'station.removed' || !entry.journal?.authority) continue
    removals.set(stationKey(reading), index)
    await tx`
      delete from station.notification
      where tenant_id = ${entry.tenantId} and station_id = ${read.stationId ?? ''} and kind = any(${FORGOTTEN})`
  }
  return removals
}

function stationKey({ entry, read }: Reading): string {
  return JSON.stringify([entry.tenantId, read.stationId])
}
