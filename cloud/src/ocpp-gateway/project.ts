/** Direct sites and their stations, from the log: what decides whether a station may come in before anything is loaded for it. */
import { stationsDocument } from '@switchyard/protocol/site/document.ts'
import type { TransactionSql } from 'postgres'
import { type LogEntry, oneByOne, type Projection } from '../platform/event-log/entry.ts'

export const hostedStations: Projection = {
  consumer: 'ocpp-gateway',
  kinds: ['site.registered', 'document.published'],
  apply: oneByOne(async (tx, entry, read) => {
    const { siteId, tenantId } = entry
    if (siteId === null) return
    if (read.kind === 'site.registered' && read.data.connection === 'direct')
      await tx`insert into ocpp_gateway.site (site_id, tenant_id) values (${siteId}, ${tenantId}) on conflict do nothing`
    if (read.kind === 'document.published' && read.data.name === 'stations')
      await keepStation(tx, siteId, entry, read.data)
  }),
}

/** Only of sites that are direct. A version that is older than the one that is here changes nothing. */
async function keepStation(
  tx: TransactionSql,
  siteId: string,
  { tenantId, position }: LogEntry,
  { version, body }: { version: { generation: string; n: number }; body: string },
): Promise<void> {
  const [site] =
    await tx`select 1 from ocpp_gateway.site where site_id = ${siteId} and tenant_id = ${tenantId}`
  if (!site) return
  const document: unknown = JSON.parse(body)
  const { stations } = stationsDocument.parse(document)
  const at = stations.findIndex((it) => !it.removed)
  const entry = stations[at]
  if (!entry) {
    await tx`delete from ocpp_gateway.station where site_id = ${siteId} and position < ${position}`
    return
  }
  // Whole, also what only a newer version of this program knows.
  const whole = (document as { stations: object[] }).stations[at]
  await tx`delete from ocpp_gateway.station where station_id = ${entry.stationId} and site_id <> ${siteId}`
  await tx`
    insert into ocpp_gateway.station as s (station_id, site_id, tenant_id, entry, generation, n, position)
    values (${entry.stationId}, ${siteId}, ${tenantId}, ${JSON.stringify(whole)}, ${version.generation}, ${version.n},
            ${position})
    on conflict (site_id) do update set
      station_id = excluded.station_id, entry = excluded.entry, generation = excluded.generation, n = excluded.n,
      position = excluded.position
    where s.position < excluded.position`
}
