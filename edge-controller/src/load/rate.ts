/** A current limit in the words that a station takes. Never more than the limit, whatever the voltage and the phases in use are. */
import type { Quirk } from '@switchyard/protocol/site/quirks.ts'
import { ampere } from './ampere.ts'

/** chargingRateUnit and limit of a charging profile. */
export interface Rate {
  unit: 'A' | 'W'
  limit: number
}

/** 0.9 of nominal voltage: a station that reckons with what it measures draws no more amperes than it was meant to. */
export const VOLTS = 207
const PHASES = 3

/** `limitMa` per phase. */
export function rateFor(limitMa: number, quirks: ReadonlySet<Quirk>): Rate {
  if (quirks.has('watts-only')) return { unit: 'W', limit: watts(limitMa, 1) }
  if (quirks.has('watts-only-three-phase')) return { unit: 'W', limit: watts(limitMa, PHASES) }
  if (quirks.has('whole-amps')) return { unit: 'A', limit: Math.floor(limitMa / 1_000) }
  return { unit: 'A', limit: ampere(limitMa) }
}

function watts(limitMa: number, phases: number): number {
  return Math.floor((limitMa * VOLTS * phases) / 1_000)
}
