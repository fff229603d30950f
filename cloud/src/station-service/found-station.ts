/** The station that a request names. */
import { notFound } from '../platform/http/problem.ts'
import { type AnySql, listStations, type StationView } from './queries.ts'

export async function findStation(
  sql: AnySql,
  tenantId: string,
  stationId: string,
): Promise<StationView | undefined> {
  return (await listStations(sql, { tenantId, stationId }, 1))[0]
}

/** Throws 404 where the tenant has no such station. */
export async function foundStation(sql: AnySql, tenantId: string, stationId: string): Promise<StationView> {
  const station = await findStation(sql, tenantId, stationId)
  if (station === undefined) throw notFound(`There is no station ${stationId}`)
  return station
}
