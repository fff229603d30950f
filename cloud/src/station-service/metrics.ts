/** Metrics of station-service: the fleet as it stands. */
import type { Sql } from 'postgres'
import { Gauge, type Registry } from 'prom-client'

/** Stations told by name. */
export const STATIONS_TOLD = 200

/** Without the database there is no figure, and all others are still told. */
export function createStationMetrics(registry: Registry, sql: Sql): void {
  const registers = [registry]
  new Gauge({
    name: 'switchyard_fleet_stations',
    help: 'Stations by whether they are connected',
    labelNames: ['connected'],
    registers,
    async collect() {
      const rows = await sql<{ connected: boolean; n: number }[]>`
        select connected, count(*)::int as n from station.station group by 1`.catch(() => [])
      this.reset()
      for (const { connected, n } of rows) this.set({ connected: String(connected) }, n)
    },
  })
  new Gauge({
    name: 'switchyard_fleet_connectors',
    help: 'Connectors by status',
    labelNames: ['status'],
    registers,
    async collect() {
      const rows = await sql<{ status: string; n: number }[]>`
        select status, count(*)::int as n from station.connector where evse_id > 0 group by 1`.catch(() => [])
      this.reset()
      for (const { status, n } of rows) this.set({ status }, n)
    },
  })
  new Gauge({
    name: 'switchyard_fleet_sessions_running',
    help: 'Sessions that run',
    registers,
    async collect() {
      const [row] = await sql<{ n: number }[]>`
        select count(*)::int as n from station.session where current and ended_at is null`.catch(() => [])
      this.reset()
      if (row) this.set(row.n)
    },
  })
  new Gauge({
    name: 'switchyard_station_faulted',
    help: `Connectors of a station that are faulted; the ${STATIONS_TOLD} that have been for longest`,
    labelNames: ['station'],
    registers,
    async collect() {
      const rows = await sql<{ station_id: string; n: number }[]>`
        select station_id, count(*)::int as n from station.connector where lower(status) = 'faulted'
         group by tenant_id, station_id order by min(since) limit ${STATIONS_TOLD}`.catch(() => [])
      this.reset()
      for (const { station_id, n } of rows) this.set({ station: station_id }, n)
    },
  })
}
