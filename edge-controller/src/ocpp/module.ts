/** What one OCPP version brings: its handlers, and how the site's intentions are said in its words. */
import type { OutgoingCall } from '@switchyard/protocol/command/define.ts'
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { Tariff } from '@switchyard/protocol/pricing/tariff.ts'
import type { Rate } from '../load/rate.ts'
import type { Session } from '../session/session.ts'
import type { Routes } from './handler.ts'
import type { DefaultTariff } from './reconcile-tariff.ts'
import type { SettingsWords } from './settle-settings.ts'
import type { CostWords } from './tell-cost.ts'

export type { OutgoingCall }

/** A limit for what one connector may draw. */
export interface Limit {
  evseId: number
  rate: Rate
  /** The running session it is for. */
  session: Session
  profileId: number
  /** Where the car has told what it needs: periods from `startsAtMs` on, none above `rate`. */
  plan?: { startsAtMs: number; periods: { startS: number; rate: Rate }[] }
}

export interface OcppModule {
  version: OcppVersion
  routes: Routes
  /** How it says settings, and which the site needs. */
  settings: SettingsWords
  /** How it tells what sessions cost. */
  cost: CostWords
  /** How it says the tariff of a station's sessions, which it may compute with; absent: the version has no such. */
  defaultTariff?(tariff: Tariff): DefaultTariff
  /** A call that changes nothing, and that every station knows. */
  harmless: OutgoingCall
  /** The limit of every session that has none of its own yet: installed after every boot. */
  failsafeProfile(rate: Rate): OutgoingCall
  limitProfile(limit: Limit): OutgoingCall
}

/** `status` of a reply; undefined where it has none. */
export function statusOf(reply: unknown): string | undefined {
  const status = (reply as { status?: unknown } | null)?.status
  return typeof status === 'string' ? status : undefined
}
