/** Wanted and told settings in their tables; every query is scoped by the tenant. */
import type { StationSettings } from '@switchyard/protocol/api/settings.ts'
import type { DocumentBody } from '@switchyard/protocol/site/document.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { WantedMonitor } from '@switchyard/protocol/site/monitor.ts'
import { type SettingRef, settingKey, type WantedSetting } from '@switchyard/protocol/site/setting.ts'
import type { Sql, TransactionSql } from 'postgres'
import { lockSite, type PublishContext, publishText } from './documents.ts'
import type { MonitorRow } from './project-monitors.ts'
import type { ReportedRow } from './project-settings.ts'
import { quirksIn } from './quirk-wishes.ts'

type AnySql = Sql | TransactionSql

export interface ModelRow {
  vendor: string
  model: string
  settings: string
  /** JSON text; null: none are wanted. */
  monitors: string | null
  quirks: string | null
  changed_at: Date
}

export async function listModels(
  sql: AnySql,
  tenantId: string,
  [vendor, model]: readonly string[] = ['', ''],
  limit = 1_000,
): Promise<ModelRow[]> {
  return await sql<ModelRow[]>`
    select vendor, model, settings, monitors, quirks, changed_at from station.model_settings
    where tenant_id = ${tenantId} and (vendor, model) > (${vendor ?? ''}, ${model ?? ''})
    order by vendor, model limit ${limit}`
}

/** One change of a tenant's models at a time, and no new site beside it: a later version never holds an earlier state. */
export async function lockModels(tx: TransactionSql, tenantId: string): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtext('station.model_settings'), hashtext(${tenantId}))`
}

/** The document `models` of these sites. The caller holds the lock of the models. */
export async function publishModels(
  tx: TransactionSql,
  context: Omit<PublishContext, 'siteId'>,
  siteIds: readonly string[],
): Promise<void> {
  const models = (await listModels(tx, context.tenantId)).map(
    ({ vendor, model, settings, monitors, quirks }) => ({
      vendor,
      model,
      settings: JSON.parse(settings) as WantedSetting[],
      ...(monitors === null ? {} : { monitors: JSON.parse(monitors) as WantedMonitor[] }),
      ...(quirks === null ? {} : { quirks: quirksIn(quirks) }),
    }),
  )
  const text = JSON.stringify({ models } satisfies DocumentBody<'models'>)
  for (const siteId of siteIds) {
    await lockSite(tx, siteId)
    await publishText(tx, { ...context, siteId }, 'models', text)
  }
}

interface SettingsRow {
  wanted_settings: string | null
  of_model: string | null
  baseline: boolean | null
  failsafe: boolean | null
  told: string | null
  told_at: Date | null
  reboot_required: boolean | null
}

type Told = FactData<'station.settings'>
type Shown = StationSettings['settings'][number]

/** The station is there. */
export async function settingsOf(sql: AnySql, tenantId: string, stationId: string): Promise<StationSettings> {
  const [row] = await sql<SettingsRow[]>`
    select s.wanted_settings, m.settings as of_model, coalesce(s.wanted_baseline, i.wanted_baseline) as baseline,
           coalesce(s.wanted_failsafe, i.wanted_failsafe) as failsafe, t.told, t.told_at, t.reboot_required
    from station.station s
      left join station.site i on i.site_id = s.site_id
      left join station.model_settings m on m.tenant_id = s.tenant_id and m.vendor = s.vendor and m.model = s.model
      left join station.settings_told t on t.tenant_id = s.tenant_id and t.station_id = s.station_id
    where s.tenant_id = ${tenantId} and s.station_id = ${stationId}`
  const desired = listIn(row?.wanted_settings)
  const desiredOfModel = listIn(row?.of_model)
  const told: Told = row?.told ? JSON.parse(row.told) : { applied: [], deviations: [] }
  return {
    stationId,
    desired,
    desiredOfModel,
    baseline: row?.baseline ?? null,
    failsafe: row?.failsafe ?? null,
    settings: compared(desired, desiredOfModel, told, row?.baseline !== false),
    comparedAt: row?.told_at?.toISOString() ?? null,
    rebootRequired: row?.reboot_required ?? false,
  }
}

function listIn(text: string | null | undefined): WantedSetting[] {
  return text === null || text === undefined ? [] : JSON.parse(text)
}

/** Every setting that is wanted, once, with what its site has told of that very value. */
function compared(
  own: readonly WantedSetting[],
  ofModel: readonly WantedSetting[],
  { applied, deviations }: Told,
  hasBaseline: boolean,
): Shown[] {
  const outcomes = new Map<string, Pick<Shown, 'desired' | 'actual' | 'status' | 'reason'>>()
  for (const it of applied)
    outcomes.set(settingKey(it), { desired: it.value, actual: it.value, status: 'applied', reason: null })
  for (const it of deviations) {
    const { wanted, found = null, reason } = it
    outcomes.set(settingKey(it), { desired: wanted, actual: found, status: 'drift', reason })
  }
  const shown = new Map<string, Shown>()
  const show = (setting: SettingRef, source: Shown['source'], value: string) => {
    const key = settingKey(setting)
    if (shown.has(key)) return
    const outcome = outcomes.get(key)
    const pending = { desired: value, actual: null, status: 'pending', reason: null } as const
    shown.set(key, {
      name: setting.name,
      evseId: setting.evseId ?? null,
      connectorId: setting.connectorId ?? null,
      attributeType: setting.attributeType ?? 'Actual',
      source,
      ...(outcome?.desired === value ? outcome : pending),
    })
  }
  for (const it of own) show(it, 'station', it.value)
  for (const it of ofModel) show(it, 'model', it.value)
  const ofBaseline = [...applied, ...deviations].filter(({ source }) => source === undefined)
  for (const it of hasBaseline ? ofBaseline : []) show(it, 'baseline', outcomes.get(settingKey(it))!.desired)
  return [...shown.values()]
}

export type ReportedView = Omit<ReportedRow, 'tenant_id' | 'station_id'>

/** In the order of their names and places, after a key of such a row. */
export async function listReported(
  sql: AnySql,
  of: {
    tenantId: string
    stationId: string
    name?: string | undefined
    after?: readonly string[] | undefined
  },
  limit: number,
): Promise<ReportedView[]> {
  const [name = '', evse = '-1', connector = '-1', type = ''] = of.after ?? []
  return await sql<ReportedView[]>`
    select name, evse_id, connector_id, attribute_type, value, mutability, reported_at
    from station.reported_setting
    where tenant_id = ${of.tenantId} and station_id = ${of.stationId}
      and (name, evse_id, connector_id, attribute_type) > (${name}, ${Number(evse)}::int, ${Number(connector)}::int, ${type})
      and (${of.name ?? null}::text is null or position(lower(${of.name ?? ''}) in lower(name)) > 0)
    order by name, evse_id, connector_id, attribute_type limit ${limit}`
}

export type MonitorView = Omit<MonitorRow, 'tenant_id' | 'station_id'>

/** In the order of their ids, after one of them. */
export async function listMonitors(
  sql: AnySql,
  of: { tenantId: string; stationId: string; afterId?: string | undefined },
  limit: number,
): Promise<MonitorView[]> {
  return await sql<MonitorView[]>`
    select monitor_id, name, evse_id, connector_id, type, value, severity, transaction, reported_at
    from station.reported_monitor
    where tenant_id = ${of.tenantId} and station_id = ${of.stationId} and monitor_id > ${Number(of.afterId ?? -1)}::int
    order by monitor_id limit ${limit}`
}
