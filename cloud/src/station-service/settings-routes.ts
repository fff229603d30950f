/** Settings of stations: what is wanted of one station (`/v1/stations/{stationId}/settings`) or of a model (`/v1/settings-profiles`). */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  reportedMonitor,
  reportedQuery,
  reportedSetting,
  settingsProfile,
  settingsProfileInput,
  settingsPut,
  stationSettings,
} from '@switchyard/protocol/api/settings.ts'
import { page, pageQuery } from '@switchyard/protocol/api/shapes.ts'
import { MAX_WANTED_MODELS } from '@switchyard/protocol/site/document.ts'
import { ATTRIBUTE_TYPES } from '@switchyard/protocol/site/setting.ts'
import { isStorable } from '../platform/event-log/storable.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { conflict, invalid } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { foundStation } from './found-station.ts'
import { quirksIn, quirksText } from './quirk-wishes.ts'
import { sayWish } from './say-wish.ts'
import {
  listModels,
  listMonitors,
  listReported,
  lockModels,
  type ModelRow,
  type MonitorView,
  publishModels,
  type ReportedView,
  settingsOf,
} from './settings-queries.ts'

const params = z.object({ stationId: z.string() })

const get = createRoute({
  method: 'get',
  path: '/v1/stations/{stationId}/settings',
  summary: 'What is wanted of the settings of a station, and what came of it',
  description:
    'Everything that is wanted: of the station, of its model, and the metering baseline, in this order of precedence. `drift` tells the reason that the station gave; `rebootRequired` stands until its next boot.',
  request: { params },
  responses: { 200: answers('Wanted, actual and drift', stationSettings), ...problems },
})
const put = createRoute({
  method: 'put',
  path: '/v1/stations/{stationId}/settings',
  summary: 'Replaces what is wanted of the settings of a station',
  description:
    'Its site sets what differs, at once and after every boot, and reads it back. An empty list takes all wishes back; the station keeps the values that it has. Where the site has a limit, settings that would go round load management are not sent, and show as drift.',
  request: { params, body: jsonBody(settingsPut) },
  responses: { 200: answers('Wanted, actual and drift', stationSettings), ...problems },
})
const reported = createRoute({
  method: 'get',
  path: '/v1/stations/{stationId}/settings/reported',
  summary: 'Settings as the station has reported them, by name',
  description:
    'From a 1.6 station after each boot where something is wanted of it; else from GetSettings, GetBaseReport and GetReport as they are asked for. Values of secrets are not kept.',
  request: { params, query: reportedQuery },
  responses: { 200: answers('Reported settings', page(reportedSetting)), ...problems },
})
const monitors = createRoute({
  method: 'get',
  path: '/v1/stations/{stationId}/settings/monitors',
  summary: 'Monitors of variables as the station has told them (2.x)',
  description:
    'From GetMonitoringReport, and from what SetVariableMonitoring and ClearVariableMonitoring were answered.',
  request: { params, query: pageQuery },
  responses: { 200: answers('Monitors, by id', page(reportedMonitor)), ...problems },
})
const listProfiles = createRoute({
  method: 'get',
  path: '/v1/settings-profiles',
  summary: 'Models of stations of which settings are wanted',
  request: { query: pageQuery },
  responses: { 200: answers('Profiles, by vendor and model', page(settingsProfile)), ...problems },
})
const putProfile = createRoute({
  method: 'put',
  path: '/v1/settings-profiles',
  summary:
    'Replaces what is wanted and said of all stations of a model; empty lists without quirks remove it',
  description:
    'Vendor and model as the stations tell them when they boot. A wish of a single station goes before one of its model, and so does what is said of its quirks.',
  request: { body: jsonBody(settingsProfileInput) },
  responses: { 200: answers('The profile', settingsProfile), ...problems },
})

export function settingsRoutes(app: OpenAPIHono<ServiceEnv>, context: ServiceContext): void {
  const { sql, clock, eventLog } = context

  app.openapi(get, async (c) => {
    const { stationId } = c.req.valid('param')
    const { tenantId } = c.var
    await foundStation(sql, tenantId, stationId)
    return c.json(await settingsOf(sql, tenantId, stationId), 200)
  })

  app.openapi(put, async (c) => {
    const { stationId } = c.req.valid('param')
    const { desired } = c.req.valid('json')
    const { tenantId, trace } = c.var
    const { site_id: siteId } = await foundStation(sql, tenantId, stationId)
    const wanted_settings = desired.length === 0 ? null : JSON.stringify(desired)
    await sayWish(context, { tenantId, stationId, siteId, trace }, { wanted_settings }, c.req.raw.signal)
    return c.json(await settingsOf(sql, tenantId, stationId), 200)
  })

  app.openapi(reported, async (c) => {
    const { stationId } = c.req.valid('param')
    const { limit, cursor, name } = c.req.valid('query')
    const { tenantId } = c.var
    await foundStation(sql, tenantId, stationId)
    const after = decodeCursor(cursor, 'text', 'number', 'number', 'text')
    const rows = await listReported(sql, { tenantId, stationId, name, after }, limit + 1)
    const keyOf = (row: ReportedView) => [
      row.name,
      String(row.evse_id),
      String(row.connector_id),
      row.attribute_type,
    ]
    return c.json(pageOf(rows, limit, reportedResource, keyOf), 200)
  })

  app.openapi(monitors, async (c) => {
    const { stationId } = c.req.valid('param')
    const { limit, cursor } = c.req.valid('query')
    const { tenantId } = c.var
    await foundStation(sql, tenantId, stationId)
    const afterId = decodeCursor(cursor, 'number')?.[0]
    const rows = await listMonitors(sql, { tenantId, stationId, afterId }, limit + 1)
    return c.json(
      pageOf(rows, limit, monitorResource, (row) => [String(row.monitor_id)]),
      200,
    )
  })

  app.openapi(listProfiles, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const rows = await listModels(sql, c.var.tenantId, decodeCursor(cursor, 'text', 'text'), limit + 1)
    return c.json(
      pageOf(rows, limit, profileResource, (row) => [row.vendor, row.model]),
      200,
    )
  })

  app.openapi(putProfile, async (c) => {
    const { vendor, model, desired, desiredMonitors = [], assignedQuirks = {} } = c.req.valid('json')
    for (const [path, text] of Object.entries({ vendor, model }))
      if (!isStorable(text)) throw invalid([{ path, message: 'holds characters that no name has' }])
    const { tenantId, trace } = c.var
    const at = new Date(clock.now())
    const quirks = quirksText(assignedQuirks)
    const monitors = desiredMonitors.length === 0 ? null : JSON.stringify(desiredMonitors)
    const row = { vendor, model, settings: JSON.stringify(desired), monitors, quirks, changed_at: at }
    const isNothing = desired.length === 0 && monitors === null && quirks === null
    await sql.begin(async (tx) => {
      await lockModels(tx, tenantId)
      const models = await listModels(tx, tenantId)
      const isNew = !models.some((it) => it.vendor === vendor && it.model === model)
      if (isNew && !isNothing && models.length >= MAX_WANTED_MODELS)
        throw conflict(`There are ${MAX_WANTED_MODELS} profiles already, the most there may be`)
      if (isNothing)
        await tx`
          delete from station.model_settings
          where tenant_id = ${tenantId} and vendor = ${vendor} and model = ${model}`
      else
        await tx`
          insert into station.model_settings ${tx({ tenant_id: tenantId, ...row })}
          on conflict (tenant_id, vendor, model) do update set
            settings = excluded.settings, monitors = excluded.monitors, quirks = excluded.quirks, changed_at = excluded.changed_at`
      const sites = await tx<{ site_id: string }[]>`
        select site_id from station.site where tenant_id = ${tenantId} order by site_id`
      await publishModels(
        tx,
        { eventLog, tenantId, at, trace },
        sites.map((it) => it.site_id),
      )
    })
    eventLog.wake()
    return c.json(profileResource(row), 200)
  })
}

function profileResource({ vendor, model, settings, monitors, quirks, changed_at }: ModelRow) {
  const desired = JSON.parse(settings)
  const desiredMonitors = monitors === null ? [] : JSON.parse(monitors)
  return {
    vendor,
    model,
    desired,
    desiredMonitors,
    assignedQuirks: quirksIn(quirks),
    changedAt: changed_at.toISOString(),
  }
}

function placeOf(row: { evse_id: number; connector_id: number }) {
  return {
    evseId: row.evse_id < 0 ? null : row.evse_id,
    connectorId: row.connector_id < 0 ? null : row.connector_id,
  }
}

function monitorResource(row: MonitorView) {
  const { monitor_id: monitorId, name, type, value, severity, transaction, reported_at } = row
  const reportedAt = reported_at.toISOString()
  return { monitorId, name, ...placeOf(row), type, value, severity, transaction, reportedAt }
}

function reportedResource(row: ReportedView) {
  return {
    name: row.name,
    ...placeOf(row),
    attributeType: ATTRIBUTE_TYPES.find((it) => it === row.attribute_type) ?? 'Actual',
    value: row.value,
    mutability: row.mutability,
    reportedAt: row.reported_at.toISOString(),
  }
}
