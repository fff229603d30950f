/** The table station.station: what its projection writes and the API reads. */
import type { RowTable } from '../platform/event-log/held-rows.ts'

export interface StationRow {
  tenant_id: string
  station_id: string
  site_id: string
  created_at: Date
  ocpp: string | null
  vendor: string | null
  model: string | null
  serial: string | null
  firmware: string | null
  approved: boolean
  connected: boolean
  connected_since: Date | null
  booted_at: Date | null
  registered_after: string | null
  proved_rotation: string | null
  given_up_rotation: string | null
  security_profile: number | null
  certificate_serial: string | null
  certificate_not_after: Date | null
  /** JSON: what the site told last of its local list, and when. */
  local_list: string | null
  ledger_seq: number
  position: number
  received_at: Date
}

export const STATION: RowTable = {
  name: 'station.station',
  key: { tenant_id: 'text', station_id: 'text' },
  columns: [
    'site_id',
    'created_at',
    'ocpp',
    'vendor',
    'model',
    'serial',
    'firmware',
    'approved',
    'connected',
    'connected_since',
    'booted_at',
    'registered_after',
    'proved_rotation',
    'given_up_rotation',
    'security_profile',
    'certificate_serial',
    'certificate_not_after',
    'local_list',
    'ledger_seq',
    'position',
    'received_at',
  ],
  onlyAtFirst: ['created_at'],
}
