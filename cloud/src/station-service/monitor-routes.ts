/** `/v1/stations/{stationId}/monitors`: monitors of variables that are wanted of a station for good (2.x), and what came of it. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { monitorsPut, type StationMonitors, stationMonitors } from '@switchyard/protocol/api/monitors.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import { MONITOR_TYPES, monitorKey, type WantedMonitor } from '@switchyard/protocol/site/monitor.ts'
import type { SettingRef } from '@switchyard/protocol/site/setting.ts'
import type { Sql } from 'postgres'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { foundStation } from './found-station.ts'
import { sayWish } from './say-wish.ts'

const params = z.object({ stationId: z.string() })
const get = createRoute({
  method: 'get',
  path: '/v1/stations/{stationId}/monitors',
  summary: 'Monitors of variables that are wanted of a station, and what came of it',
  description:
    'Those wanted of the station, and of its model. What the station has of monitors, whoever set them, stands at /settings/monitors.',
  request: { params },
  responses: { 200: answers('Wanted, actual and drift', stationMonitors), ...problems },
})
const put = createRoute({
  method: 'put',
  path: '/v1/stations/{stationId}/monitors',
  summary: 'Replaces the monitors that are wanted of a station',
  description:
    'Its site sets what is missing or differs, at once and after every boot, and clears those that it has set and that are wanted no more. Monitors that others have set, or that are built in, are left as they are.',
  request: { params, body: jsonBody(monitorsPut) },
  responses: { 200: answers('Wanted, actual and drift', stationMonitors), ...problems },
})

export function monitorRoutes(app: OpenAPIHono<ServiceEnv>, context: ServiceContext): void {
  const { sql } = context

  app.openapi(get, async (c) => {
    const { stationId } = c.req.valid('param')
    const { tenantId } = c.var
    await foundStation(sql, tenantId, stationId)
    return c.json(await monitorsOf(sql, tenantId, stationId), 200)
  })

  app.openapi(put, async (c) => {
    const { stationId } = c.req.valid('param')
    const { desired } = c.req.valid('json')
    const { tenantId, trace } = c.var
    const { site_id: siteId } = await foundStation(sql, tenantId, stationId)
    const wanted_monitors = desired.length === 0 ? null : JSON.stringify(desired)
    await sayWish(context, { tenantId, stationId, siteId, trace }, { wanted_monitors }, c.req.raw.signal)
    return c.json(await monitorsOf(sql, tenantId, stationId), 200)
  })
}

type Told = FactData<'station.monitors'>
type Shown = StationMonitors['monitors'][number]

async function monitorsOf(sql: Sql, tenantId: string, stationId: string): Promise<StationMonitors> {
  const [row] = await sql<
    Record<'wanted' | 'of_model' | 'told', string | null>[] & { told_at: Date | null }[]
  >`
    select s.wanted_monitors as wanted, m.monitors as of_model, t.monitors_told as told, t.monitors_told_at as told_at
    from station.station s
      left join station.model_settings m on m.tenant_id = s.tenant_id and m.vendor = s.vendor and m.model = s.model
      left join station.settings_told t on t.tenant_id = s.tenant_id and t.station_id = s.station_id
    where s.tenant_id = ${tenantId} and s.station_id = ${stationId}`
  const listIn = (text: string | null | undefined): WantedMonitor[] => (text ? JSON.parse(text) : [])
  const desired = listIn(row?.wanted)
  const desiredOfModel = listIn(row?.of_model)
  const told: Told = row?.told ? JSON.parse(row.told) : { applied: [], deviations: [] }
  const comparedAt = row?.told_at?.toISOString() ?? null
  return { stationId, desired, desiredOfModel, monitors: compared(desired, desiredOfModel, told), comparedAt }
}

/** Every monitor that is wanted, once, with what its site has told of that very wish; then what it could not clear. */
function compared(
  own: readonly WantedMonitor[],
  ofModel: readonly WantedMonitor[],
  { applied, deviations }: Told,
): Shown[] {
  const toldOf = new Map(
    [...deviations, ...applied].filter((it) => it.source !== undefined).map((it) => [monitorKey(it), it]),
  )
  const shown = new Map<string, Shown>()
  const show = (wish: WantedMonitor, source: Shown['source']) => {
    const key = monitorKey(wish)
    if (shown.has(key)) return
    const told = toldOf.get(key)
    const isOfThis = told !== undefined && isSameWish(told, wish)
    shown.set(key, {
      ...headOf(wish, wish.type),
      source,
      desired: wish.value,
      ...outcomeOf(isOfThis ? told : undefined),
    })
  }
  for (const it of own) show(it, 'station')
  for (const it of ofModel) show(it, 'model')
  const left = deviations.flatMap((it) => {
    const type = MONITOR_TYPES.find((known) => known === it.type)
    if (it.source !== undefined || type === undefined || shown.has(monitorKey(it))) return []
    return [{ ...headOf(it, type), source: null, desired: null, ...outcomeOf(it) }]
  })
  return [...shown.values(), ...left]
}

function headOf(
  { name, evseId, connectorId, severity }: SettingRef & { severity: number },
  type: Shown['type'],
) {
  return { name, evseId: evseId ?? null, connectorId: connectorId ?? null, type, severity }
}

function isSameWish(
  told: Told['applied'][number] | Told['deviations'][number],
  wish: WantedMonitor,
): boolean {
  return told.value === wish.value && (told.transaction ?? false) === (wish.transaction ?? false)
}

function outcomeOf(
  told: Told['applied'][number] | Told['deviations'][number] | undefined,
): Pick<Shown, 'actual' | 'monitorId' | 'status' | 'reason'> {
  if (told === undefined) return { actual: null, monitorId: null, status: 'pending', reason: null }
  if ('reason' in told)
    return { actual: told.found ?? null, monitorId: null, status: 'drift', reason: told.reason }
  return { actual: told.value, monitorId: told.monitorId, status: 'applied', reason: null }
}
