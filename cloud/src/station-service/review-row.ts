/** The tables of the review queue: what waits, and what persons decided. */
import type { Ended } from '@switchyard/protocol/billing/settle.ts'
import type { ReviewedValues } from '../platform/event-log/cloud-fact.ts'
import type { RowTable } from '../platform/event-log/held-rows.ts'
import type { JournalPlace } from '../platform/event-log/session-facts.ts'

export interface ReviewRow {
  session_id: string
  tenant_id: string
  site_id: string
  station_id: string
  status: 'open' | 'settled'
  revision: number
  reasons: string[]
  /** As billing holds it. */
  ended: Ended
  /** Where in which journal that stands. */
  origin: JournalPlace | null
  opened_at: Date
  settled_at: Date | null
  /** With `revision` its version, as in bill-version.ts. */
  settlement: number
  rank: number
}

export const REVIEW: RowTable = {
  name: 'station.review',
  key: { session_id: 'text' },
  columns: [
    'tenant_id',
    'site_id',
    'station_id',
    'status',
    'revision',
    'reasons',
    'ended',
    'origin',
    'opened_at',
    'settled_at',
    'settlement',
    'rank',
  ],
  onlyAtFirst: ['tenant_id', 'site_id', 'station_id'],
}

/** A decision of a person. */
export interface SettlementRow {
  session_id: string
  settlement: number
  tenant_id: string
  revision: number
  action: 'accept' | 'correct' | 'waive'
  by_actor: string
  by_name: string
  note: string | null
  override: boolean
  before: ReviewedValues
  after: ReviewedValues | null
  settled_at: Date
}
