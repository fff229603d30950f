/** What an operator wants of one station: kept, sent down to its site, and awaited there for a while. */
import type { ServiceContext } from '../platform/service.ts'
import { awaitSiteHas } from './applied.ts'
import { lockSite, publishStations } from './documents.ts'
import { type StationWish, type WantedStation, wishOfStation } from './wanted.ts'

/** Resolves when the site has it, or has not said so in time; `signal`: whoever asked is gone. */
export async function sayWish(
  context: ServiceContext,
  station: WantedStation & { trace: string | undefined },
  wish: StationWish,
  signal: AbortSignal,
): Promise<void> {
  const { sql, clock, eventLog } = context
  const { tenantId, siteId, trace } = station
  const at = new Date(clock.now())
  await sql.begin(async (tx) => {
    await lockSite(tx, siteId)
    await wishOfStation(tx, station, wish, at)
    await publishStations(tx, { eventLog, tenantId, siteId, at, trace })
  })
  eventLog.wake()
  await awaitSiteHas(context, { tenantId, siteId, name: 'stations' }, signal)
}
