/** Monitors of a station's variables (N02 to N06): as its reports tell them, and as its answers to commands say that they were set or cleared. */
import type { TransactionSql } from 'postgres'
import type { ReadEntry, Reading } from '../platform/event-log/entry.ts'
import { HeldRows, type RowTable } from '../platform/event-log/held-rows.ts'
import { listOf, numberOf, refOf, repliesIn, type Said } from './said-settings.ts'

/** Monitors that are kept of one station; further ones are left out. */
export const MAX_REPORTED_MONITORS = 1_000
const MAX_NAME_CHARS = 220
const MAX_WORD_CHARS = 40

export interface MonitorRow {
  tenant_id: string
  station_id: string
  monitor_id: number
  name: string
  evse_id: number
  connector_id: number
  type: string
  value: string | null
  severity: number | null
  transaction: boolean | null
  reported_at: Date
}
const MONITOR: RowTable = {
  name: 'station.reported_monitor',
  key: { tenant_id: 'text', station_id: 'text', monitor_id: 'int' },
  columns: ['name', 'evse_id', 'connector_id', 'type', 'value', 'severity', 'transaction', 'reported_at'],
}

type Key = Pick<MonitorRow, 'tenant_id' | 'station_id' | 'monitor_id'>
/** What is said of a monitor: what it is, or that it is gone. */
type SaidMonitor = { id: number; is: Omit<MonitorRow, keyof Key | 'reported_at'> | undefined }

export async function projectMonitors(tx: TransactionSql, readings: readonly Reading[]): Promise<void> {
  /** By key; the last word counts. */
  const last = new Map<string, { key: Key; row: MonitorRow | undefined }>()
  for (const { entry, read } of readings) {
    const { journal, tenantId, receivedAt } = entry
    if (journal?.stream !== 'ledger' || !journal.authority || read.stationId === undefined) continue
    for (const { id, is } of monitorsIn(read)) {
      const key = { tenant_id: tenantId, station_id: read.stationId, monitor_id: id }
      last.set(JSON.stringify(key), { key, row: is && { ...key, ...is, reported_at: receivedAt } })
    }
  }
  if (last.size === 0) return
  const rows = await HeldRows.of<MonitorRow>(
    tx,
    MONITOR,
    [...last.values()].map(({ key }) => key),
  )
  const counts = new Map<string, number>()
  for (const { key, row } of last.values()) {
    const { tenant_id, station_id, monitor_id } = key
    const before = rows.get(key)
    if (!row) {
      if (before)
        await tx`
          delete from station.reported_monitor
          where tenant_id = ${tenant_id} and station_id = ${station_id} and monitor_id = ${monitor_id}`
      continue
    }
    const station = JSON.stringify([tenant_id, station_id])
    const count = counts.get(station) ?? (await countOf(tx, key))
    const isLeftOut = !before && count >= MAX_REPORTED_MONITORS
    counts.set(station, before || isLeftOut ? count : count + 1)
    if (isLeftOut) continue
    rows.put(row)
  }
  await rows.write(tx)
}

async function countOf(tx: TransactionSql, { tenant_id, station_id }: Key): Promise<number> {
  const [found] = await tx<{ n: number }[]>`
    select count(*)::int as n from station.reported_monitor
    where tenant_id = ${tenant_id} and station_id = ${station_id}`
  return found?.n ?? 0
}

function monitorsIn(read: ReadEntry): SaidMonitor[] {
  if (read.kind === 'station.event')
    return read.data.events.flatMap((event) => {
      const { action, monitor } = (event ?? {}) as Record<string, unknown>
      return action === 'NotifyMonitoringReport' ? listOf(monitor).flatMap(inReport) : []
    })
  if (read.kind !== 'command.outcome') return []
  return repliesIn(read.data.reply).flatMap((reply) => {
    const { setMonitoringResult, clearMonitoringResult } = reply as Record<string, unknown>
    return [
      ...listOf(setMonitoringResult).flatMap(asSet),
      ...listOf(clearMonitoringResult).flatMap(asCleared),
    ]
  })
}

function inReport(entry: unknown): SaidMonitor[] {
  const said = (entry ?? {}) as Said & { variableMonitoring?: unknown }
  return listOf(said.variableMonitoring).flatMap((it) => monitorOf(said, it))
}

function asSet(result: unknown): SaidMonitor[] {
  const { status } = (result ?? {}) as Record<string, unknown>
  return status === 'Accepted' ? monitorOf(result as Said, result) : []
}

/** One that the station does not know (NotFound) is gone as well. */
function asCleared(result: unknown): SaidMonitor[] {
  const { id, status } = (result ?? {}) as Record<string, unknown>
  const known = numberOf(id)
  if (known === undefined || (status !== 'Accepted' && status !== 'NotFound')) return []
  return [{ id: known, is: undefined }]
}

function monitorOf(said: Said, monitoring: unknown): SaidMonitor[] {
  const { id, type, value, severity, transaction } = (monitoring ?? {}) as Record<string, unknown>
  const ref = refOf(said, undefined)
  const known = numberOf(id)
  if (!ref || known === undefined || typeof type !== 'string') return []
  return [
    {
      id: known,
      is: {
        name: ref.name.slice(0, MAX_NAME_CHARS),
        evse_id: ref.evseId ?? -1,
        connector_id: ref.connectorId ?? -1,
        type: type.slice(0, MAX_WORD_CHARS),
        value: typeof value === 'number' ? String(value).slice(0, MAX_WORD_CHARS) : null,
        severity: numberOf(severity) ?? null,
        transaction: typeof transaction === 'boolean' ? transaction : null,
      },
    },
  ]
}
