/** Who comes in at ocpp-gateway: known stations with their password, each led to its controller, which is brought here if need be. */
import {
  type Admission,
  admit,
  DOCUMENT_KIND,
  type Knock,
  type PasswordCheck,
  type SiteController,
} from '@switchyard/edge-controller/site-controller.ts'
import { sleep } from '../platform/clock.ts'
import { faultOf } from '../platform/log.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { Host } from './host.ts'

/** Longest that a station waits at the door until its controller has its newest settings. */
const SETTINGS_WAIT_MS = 5_000
const SETTINGS_LOOK_MS = 25
/** A station that is not let in may have been made or changed a moment ago: so long it waits at the door for that to come here. */
const CHANGE_WAIT_MS = 1_000
const CHANGE_LOOK_MS = 50
/** Most that wait so; others are turned away at once. */
const MAX_WAITING = 100

interface StationRow {
  site_id: string
  tenant_id: string
  entry: string
  generation: string
  n: number
}

export interface Door {
  admit(knock: Knock): Promise<Admission>
  /** The controller of a station that was admitted; undefined: it went elsewhere meanwhile. */
  controllerOf(stationId: string): SiteController | undefined
}

export function createDoor(context: ServiceContext, passwords: PasswordCheck, host: Host): Door {
  const { sql, clock, log } = context
  /** Sites of the stations that came in; as many as are hosted. */
  const siteOf = new Map<string, string>()

  async function stationRow(stationId: string): Promise<StationRow | undefined> {
    if (stationId.includes('\0')) return undefined
    const [row] = await sql<StationRow[]>`
      select site_id, tenant_id, entry, generation, n from ocpp_gateway.station where station_id = ${stationId}`
    return row
  }

  let waiting = 0
  /** By the newest that is known of the station here, before anything is loaded or taken over for it. */
  async function firstWord(knock: Knock): Promise<{ admission: Admission; row: StationRow | undefined }> {
    let row = await stationRow(knock.stationId)
    let admission = await admit(stateOf(row), 'closed', passwords, knock)
    const mayChange = !admission.ok && (admission.status === 401 || admission.status === 404)
    if (!mayChange || waiting >= MAX_WAITING) return { admission, row }
    waiting++
    try {
      const until = clock.mono() + CHANGE_WAIT_MS
      while (!admission.ok && clock.mono() < until) {
        await sleep(clock, CHANGE_LOOK_MS)
        const now = await stationRow(knock.stationId)
        if (now?.entry === row?.entry) continue
        row = now
        admission = await admit(stateOf(row), 'closed', passwords, knock)
      }
      return { admission, row }
    } finally {
      waiting--
    }
  }

  return {
    async admit(given) {
      const knock = context.config.ocppBehindTls ? { ...given, tls: {} } : given
      try {
        const { admission: first, row } = await firstWord(knock)
        if (!first.ok || !row) return first
        const it = await host.open(row.site_id, row.tenant_id)
        if (!it) return { ok: false, status: 503, reason: 'this gateway has as many stations as it takes' }
        await settled(it.controller, row)
        const admission = await it.controller.admit(knock)
        if (!admission.ok) return admission
        siteOf.set(knock.stationId, row.site_id)
        forgetGone()
        return admission
      } catch (error) {
        log.warn({ ...faultOf(error), stationId: knock.stationId }, 'a station could not be let in')
        return { ok: false, status: 503, reason: 'not now: try again' }
      }
    },
    controllerOf(stationId) {
      const siteId = siteOf.get(stationId)
      return siteId === undefined ? undefined : host.get(siteId)?.controller
    },
  }

  /** What an operator changed while nobody hosted the station is on its way to the controller. */
  async function settled(controller: SiteController, { generation, n }: StationRow): Promise<void> {
    const until = clock.mono() + SETTINGS_WAIT_MS
    while (clock.mono() < until) {
      const applied = controller.appliedVersion('stations')
      if (applied?.generation === generation && applied.n >= n) return
      await sleep(clock, SETTINGS_LOOK_MS)
    }
  }

  function forgetGone(): void {
    if (siteOf.size <= 2 * host.size) return
    for (const [stationId, siteId] of siteOf) if (!host.get(siteId)) siteOf.delete(stationId)
  }
}

/** The state of a site of which only this is known: its document `stations`. */
function stateOf(row: StationRow | undefined) {
  const document = row && { version: null, body: { stations: [JSON.parse(row.entry) as unknown] } }
  return {
    get: <T>(kind: string, id: string): T | undefined =>
      kind === DOCUMENT_KIND && id === 'stations' ? (document as T | undefined) : undefined,
  }
}
