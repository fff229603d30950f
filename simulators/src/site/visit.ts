/** A car's visit to a site: what it brings, what it asks for, how long it stays. */
import type { CarState } from '../car/car.ts'

export interface Visit {
  car: CarState
  idToken: string
  /** From plugging in to driving away. */
  stayMs: number
  /** The driver presents the token again before taking the cable out; otherwise just takes it out. */
  swipesToLeave: boolean
}

/** No stay is shorter: a session takes some seconds to begin, whatever the speed. */
export const STAY_MIN_MS = 10_000
/** No wish is smaller. */
export const ENERGY_MIN_MILLI_WH = 1_000
