/** GetCompositeSchedule: what the stack gives over a stretch of time (1.6 section 5.7; 2.0.1 use case K08). */
import { VOLTAGE_V } from '../../car/car.ts'
import { MAX_PERIODS } from './profile-store.ts'
import type { Hardware, Until } from './resolve.ts'

export interface CompositePeriod {
  startS: number
  /** A per phase or W, with one decimal at most. */
  limit: number
  numberPhases: number
}

export interface Composite {
  durationS: number
  periods: CompositePeriod[]
}

/**
 * Walks `offerAt` from `fromMs` for `durationS` seconds; periods of the same limit are one. A composite of more than
 * MAX_PERIODS is cut short there, and its duration says so.
 */
export function compositeSchedule(
  offerAt: (atMs: number) => Until<Hardware>,
  fromMs: number,
  durationS: number,
  unit: 'A' | 'W',
): Composite {
  const endMs = fromMs + durationS * 1000
  const periods: CompositePeriod[] = []
  for (let atMs = fromMs; atMs < endMs; ) {
    const { value, untilMs } = offerAt(atMs)
    const limit = limitIn(unit, value)
    const startS = Math.round((atMs - fromMs) / 1000)
    const last = periods.at(-1)
    if (!last || last.limit !== limit || last.numberPhases !== value.phases) {
      if (periods.length === MAX_PERIODS) return { durationS: startS, periods }
      periods.push({ startS, limit, numberPhases: value.phases })
    }
    atMs = Math.max(untilMs, atMs + 1)
  }
  return { durationS, periods }
}

/** Rounded down to one decimal, which is all that the schemas allow. */
function limitIn(unit: 'A' | 'W', { currentMa, phases }: Hardware): number {
  if (unit === 'A') return Math.floor(currentMa / 100) / 10
  return Math.floor((currentMa * VOLTAGE_V * phases) / 100) / 10
}
