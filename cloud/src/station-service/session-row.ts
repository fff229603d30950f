/** The table station.session: what its projection writes and the API reads. */
import type { Session } from '@switchyard/protocol/api/shapes.ts'
import type { RowTable } from '../platform/event-log/held-rows.ts'

export interface SessionRow {
  session_id: string
  tenant_id: string
  site_id: string
  station_id: string
  evse_id: number
  connector_id: number
  journal_id: string
  current: boolean
  transaction_id: string
  id_token: string | null
  id_token_type: string | null
  authorization: string
  /** The remote start that it was started by. */
  command_id: string | null
  started_at: Date
  ended_at: Date | null
  duration_ms: number | null
  start_register_milli_wh: number | null
  energy_milli_wh: number | null
  power_w: number | null
  current_ma: number[] | null
  soc_percent: number | null
  read_at: Date | null
  /** JSON: what the site told last of missing events; null: none is missing. */
  missing_events: string | null
  /** OCPP 2.1: whether it charges with priority; null: nothing was told. */
  priority_charging: boolean | null
  /** JSON: what its station says that it costs (2.1); null: nothing was told. */
  station_cost: string | null
  /** OCPP 2.x; 1.6 tells it with the connector. */
  charging_state: string | null
  reason: string | null
  presumed: boolean
  /** The newest end that was presumed, 0 for none; what is added to told revisions, null before one was told. */
  presumed_revision: number
  told_shift: number | null
  revision: number
  review: string[]
  held: string[]
  /** Nothing is to be paid, a person said so. */
  waived: boolean
  /** How new what is known of its bill is, as in bill-version.ts. */
  bill_revision: number
  bill_settlement: number
  bill_rank: number
  cdr_id: string | null
  cost_amount: string | null
  cost_currency: string | null
  cost_details: Session['costDetails']
  ledger_seq: number
  /** When a fact of it came last. */
  heard_at: Date
  /** Since when it is known that its site has forgotten it; see forgotten.ts. */
  forgotten_at: Date | null
}

export const SESSION: RowTable = {
  name: 'station.session',
  key: { session_id: 'text' },
  columns: [
    'tenant_id',
    'site_id',
    'station_id',
    'evse_id',
    'connector_id',
    'journal_id',
    'current',
    'transaction_id',
    'id_token',
    'id_token_type',
    'authorization',
    'command_id',
    'started_at',
    'ended_at',
    'duration_ms',
    'start_register_milli_wh',
    'energy_milli_wh',
    'power_w',
    'current_ma',
    'soc_percent',
    'read_at',
    'missing_events',
    'priority_charging',
    'station_cost',
    'charging_state',
    'reason',
    'presumed',
    'presumed_revision',
    'told_shift',
    'revision',
    'review',
    'held',
    'waived',
    'bill_revision',
    'bill_settlement',
    'bill_rank',
    'cdr_id',
    'cost_amount',
    'cost_currency',
    'cost_details',
    'ledger_seq',
    'heard_at',
    'forgotten_at',
  ],
  onlyAtFirst: ['tenant_id', 'site_id', 'station_id', 'evse_id', 'connector_id', 'current', 'transaction_id'],
}
