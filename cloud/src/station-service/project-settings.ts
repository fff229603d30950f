/** What stations tell of their settings: what came of what is wanted, what they report, and whether a reboot is required. */
import { isSecretSetting } from '@switchyard/protocol/command/secrets.ts'
import { MAX_SETTING_CHARS } from '@switchyard/protocol/site/setting.ts'
import type { TransactionSql } from 'postgres'
import type { Reading } from '../platform/event-log/entry.ts'
import { HeldRows, type RowTable } from '../platform/event-log/held-rows.ts'
import { asksForReboot, type Reported, reportedIn } from './said-settings.ts'

/** Settings that are kept of what one station reports; further ones are left out. */
export const MAX_REPORTED_SETTINGS = 5_000
const MAX_NAME_CHARS = 220

interface ToldRow {
  tenant_id: string
  station_id: string
  site_id: string
  told: string | null
  told_at: Date | null
  monitors_told: string | null
  monitors_told_at: Date | null
  reboot_required: boolean
  position: number
  received_at: Date
}
const TOLD: RowTable = {
  name: 'station.settings_told',
  key: { tenant_id: 'text', station_id: 'text' },
  columns: [
    'site_id',
    'told',
    'told_at',
    'monitors_told',
    'monitors_told_at',
    'reboot_required',
    'position',
    'received_at',
  ],
}

export interface ReportedRow {
  tenant_id: string
  station_id: string
  name: string
  evse_id: number
  connector_id: number
  attribute_type: string
  value: string | null
  mutability: string | null
  reported_at: Date
}
const REPORTED: RowTable = {
  name: 'station.reported_setting',
  key: {
    tenant_id: 'text',
    station_id: 'text',
    name: 'text',
    evse_id: 'int',
    connector_id: 'int',
    attribute_type: 'text',
  },
  columns: ['value', 'mutability', 'reported_at'],
}

const KINDS: readonly string[] = [
  'station.settings',
  'station.monitors',
  'station.settings-read',
  'station.report',
  'station.booted',
  'station.removed',
  'command.outcome',
]

export async function projectSettings(tx: TransactionSql, all: readonly Reading[]): Promise<void> {
  const readings = all.filter(
    ({ entry: { journal }, read }) =>
      journal?.stream === 'ledger' &&
      journal.authority &&
      read.stationId !== undefined &&
      KINDS.includes(read.kind),
  )
  if (readings.length === 0) return
  const told = await HeldRows.of<ToldRow>(tx, TOLD, readings.map(keyOf))
  for (const reading of readings) told.change(keyOf(reading), (before) => toldAfter(before, reading))
  await told.write(tx)
  await projectReported(tx, readings)
  for (const { entry, read } of readings) {
    if (read.kind === 'station.removed') await forgetSettings(tx, entry.tenantId, read.stationId!)
  }
}

/** The station was removed: nothing that it has told is kept. */
export async function forgetSettings(tx: TransactionSql, tenantId: string, stationId: string): Promise<void> {
  await tx`delete from station.settings_told where tenant_id = ${tenantId} and station_id = ${stationId}`
  await tx`delete from station.reported_monitor where tenant_id = ${tenantId} and station_id = ${stationId}`
  await tx`delete from station.reported_setting where tenant_id = ${tenantId} and station_id = ${stationId}`
}

function keyOf({ entry, read }: Reading) {
  return { tenant_id: entry.tenantId, station_id: read.stationId! }
}

const NO_MONITORS = { monitors_told: null, monitors_told_at: null }

function toldAfter(row: ToldRow | undefined, reading: Reading): ToldRow | undefined {
  const { entry, read } = reading
  const { siteId, position, receivedAt } = entry
  const isNewer = !row || (row.site_id === siteId ? row.position < position : row.received_at < receivedAt)
  if (!isNewer) return row
  const moved: ToldRow = {
    ...(row ?? { ...keyOf(reading), told: null, told_at: null, ...NO_MONITORS, reboot_required: false }),
    site_id: siteId ?? '',
    position,
    received_at: receivedAt,
  }
  switch (read.kind) {
    case 'station.settings': {
      const { applied, deviations } = read.data
      const asks = [...applied, ...deviations].some((it) => it.rebootRequired)
      const reboot_required = moved.reboot_required || asks
      return { ...moved, told: JSON.stringify({ applied, deviations }), told_at: receivedAt, reboot_required }
    }
    case 'station.monitors':
      return { ...moved, monitors_told: JSON.stringify(read.data), monitors_told_at: receivedAt }
    case 'station.booted':
      return row?.reboot_required ? { ...moved, reboot_required: false } : row
    case 'command.outcome':
      return asksForReboot(read.data.reply) ? { ...moved, reboot_required: true } : row
    default:
      return row
  }
}

async function projectReported(tx: TransactionSql, readings: readonly Reading[]): Promise<void> {
  const reported = readings.flatMap((reading) => {
    const { tenant_id, station_id } = keyOf(reading)
    return reportedIn(reading.read).map((it) =>
      rowOf(it, { tenant_id, station_id, reported_at: reading.entry.receivedAt }),
    )
  })
  if (reported.length === 0) return
  const rows = await HeldRows.of<ReportedRow>(tx, REPORTED, reported.map(reportedKey))
  const counts = new Map<string, number>()
  for (const row of reported) {
    const station = JSON.stringify([row.tenant_id, row.station_id])
    if (!counts.has(station)) {
      const [found] = await tx<{ n: number }[]>`
        select count(*)::int as n from station.reported_setting
        where tenant_id = ${row.tenant_id} and station_id = ${row.station_id}`
      counts.set(station, found?.n ?? 0)
    }
    const before = rows.get(reportedKey(row))
    if (!before) {
      const count = counts.get(station)!
      if (count >= MAX_REPORTED_SETTINGS) continue
      counts.set(station, count + 1)
    }
    if (!before || before.reported_at <= row.reported_at) rows.put(row)
  }
  await rows.write(tx)
}

function reportedKey({ tenant_id, station_id, name, evse_id, connector_id, attribute_type }: ReportedRow) {
  return { tenant_id, station_id, name, evse_id, connector_id, attribute_type }
}

function rowOf(
  { name, evseId = -1, connectorId = -1, attributeType = 'Actual', value, mutability }: Reported,
  of: Pick<ReportedRow, 'tenant_id' | 'station_id' | 'reported_at'>,
): ReportedRow {
  const isShown = typeof value === 'string' && !isSecretSetting(name)
  return {
    ...of,
    name: name.slice(0, MAX_NAME_CHARS),
    evse_id: evseId,
    connector_id: connectorId,
    attribute_type: attributeType,
    value: isShown ? value.slice(0, MAX_SETTING_CHARS) : null,
    mutability: typeof mutability === 'string' ? mutability.slice(0, 20) : null,
  }
}
