/**
 * The sum of what every connector may be drawing never exceeds the limit by a command of ours: a raise is given only out of
 * what is not reserved, and a reservation falls only when its station has confirmed the lower limit. Pure.
 */
import { mutated } from '@switchyard/protocol/mutation.ts'

/** Steps smaller than this are not worth a message, unless the limit asks for them; a pause and its end always are. */
export const STEP_MA = 1_000
/** What a session draws whose station has confirmed no limit at all: the usual rating of an AC connector. */
export const UNCONFIRMED_MA = 32_000

/** One connector as load control knows it. */
export interface Reservation {
  /** Last limit that the station accepted for the running session. */
  confirmedMa?: number
  /** The highest that was sent since, and not refused: it may have taken effect. */
  unconfirmedMa?: number
  /** What its meter showed after the last confirmation. */
  measuredMa?: number
  /** Failsafe that the station may hold: accepted, or sent and not refused. Absent: it has accepted none. */
  failsafeMa?: number
  /** The station took no failsafe, or not yet: whatever starts there draws what it likes. */
  unlimited?: boolean
  /** Whether a session runs there. */
  inUse: boolean
}

/** The most that a connector may be drawing now, mA per phase. */
export function reservedMa(r: Reservation, wantedFailsafeMa: number): number {
  if (!r.inUse) return r.unlimited ? UNCONFIRMED_MA : (r.failsafeMa ?? wantedFailsafeMa)
  const known = r.confirmedMa ?? r.failsafeMa
  if (known === undefined) return Math.max(UNCONFIRMED_MA, r.unconfirmedMa ?? 0, r.measuredMa ?? 0)
  return Math.max(known, r.unconfirmedMa ?? 0, r.measuredMa ?? 0)
}

/**
 * Failsafe current of every connector: as configured, or 0 where all of them together would exceed the limit.
 */
export function failsafeFor(limitMa: number, connectors: number, configuredMa: number): number {
  return connectors * configuredMa <= limitMa ? configuredMa : 0
}

export interface Step {
  id: string
  toMa: number
}

/**
 * The limits to send now: every decrease (however small, where what is reserved is over the limit), and the increases for
 * which there is room while the decreases are not confirmed.
 * `reserved` holds every connector of the site, in use or not; `targets` the sessions.
 */
export function nextSteps(
  limitMa: number,
  reserved: ReadonlyMap<string, number>,
  current: ReadonlyMap<string, number | undefined>,
  targets: ReadonlyMap<string, number>,
  failsafeMa: number,
): { decreases: Step[]; increases: Step[] } {
  const decreases: Step[] = []
  const increases: Step[] = []
  let roomMa = limitMa
  for (const ma of reserved.values()) roomMa -= ma
  const isOver = roomMa < 0
  for (const [id, toMa] of targets) {
    const fromMa = current.get(id)
    if (fromMa !== undefined && toMa < fromMa) {
      if (isOver || isWorthwhile(fromMa, toMa)) decreases.push({ id, toMa })
      continue
    }
    // A limit within what is reserved for it takes nothing from anybody; but of one whose limit is not known it may be a raise, and
    // it gets what is left if all others draw what is reserved for them, or its failsafe.
    const ownMa = reserved.get(id) ?? 0
    const mostMa = fromMa === undefined ? Math.max(failsafeMa, ownMa + roomMa) : ownMa + Math.max(0, roomMa)
    const grantedMa = mutated('raise-before-decrease') ? toMa : Math.min(toMa, mostMa)
    if (fromMa !== undefined && grantedMa < fromMa) continue
    if (fromMa !== undefined && !isWorthwhile(fromMa, grantedMa)) continue
    if (grantedMa < toMa && grantedMa < MIN_USEFUL_MA && fromMa !== undefined) continue
    const givenMa = grantedMa < MIN_USEFUL_MA ? 0 : grantedMa
    roomMa -= Math.max(0, givenMa - ownMa)
    increases.push({ id, toMa: givenMa })
  }
  return { decreases, increases }
}

/** Below it a car does not charge: such a raise waits until there is room for more. */
const MIN_USEFUL_MA = 6_000

function isWorthwhile(fromMa: number, toMa: number): boolean {
  return Math.abs(toMa - fromMa) >= STEP_MA || (fromMa === 0) !== (toMa === 0)
}
