/** What a station's messages are amended by: its quirks, and the time zone of its site. */
import { appliedDocument } from '../documents.ts'
import type { StateReader } from '../draft.ts'
import type { Clock } from '../ports.ts'
import { quirksAt } from '../station/quirks.ts'
import type { Surroundings } from './amend.ts'

/** Of a message that has passed no schema yet; undefined for a station without a quirk. A boot counts by what it tells itself. */
export function surroundingsOf(
  state: StateReader,
  stationId: string,
  { action, payload }: { action: string; payload: unknown },
  clock: Pick<Clock, 'now'>,
): Surroundings | undefined {
  const quirks = quirksAt(state, stationId, action === 'BootNotification' ? bootWords(payload) : undefined)
  if (quirks.size === 0) return undefined
  return { quirks, timeZone: appliedDocument(state, 'site')?.timeZone, nowMs: clock.now() }
}

/** What a boot of either version tells, before any schema has passed it. */
export function bootWords(payload: unknown): Record<'vendor' | 'model' | 'firmware', string | undefined> {
  const { chargingStation, ...old } = (payload ?? {}) as Record<string, unknown>
  const said = (chargingStation ?? old) as Record<string, unknown>
  return {
    vendor: text(said.vendorName ?? said.chargePointVendor),
    model: text(said.model ?? said.chargePointModel),
    firmware: text(said.firmwareVersion),
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
