/**
 * A car and its battery behind the plug. The car decides how much of the offered current it takes: by its on-board
 * charger, its battery's state and its own ramp, and never more than is offered (IEC 61851-1: 6 A or nothing).
 */
import { EnergyCounter } from './energy-counter.ts'

/** Nominal voltage of a phase to neutral. */
export const VOLTAGE_V = 230
/** IEC 61851-1: the smallest current that a control pilot can offer. */
export const MIN_CURRENT_MA = 6_000
/** How fast a car raises its current; lowering is immediate (the standard asks for 5 s at most). */
export const RAMP_MA_PER_MS = 3
/** Time from an offer to the first current: contactors and the car's own checks. */
export const WAKE_MS = 2_000
/** From this state of charge on the battery takes less, down to MIN_CURRENT_MA when full. */
const TAPER_FROM_PERMILLE = 800
/** Share of the metered energy that ends up in the battery. */
const EFFICIENCY_PERCENT = 92

export interface CarSpec {
  name: string
  /** Usable capacity of the battery. */
  capacityMilliWh: number
  /** Largest current per phase of the on-board charger. */
  maxCurrentMa: number
  phases: 1 | 3
}

/** What a station offers: the pilot's current, on each of so many phases. */
export interface Offer {
  currentMa: number
  phases: number
}

/** All that changes in a car; plain JSON, so that a plugged-in car outlives its simulator's process. */
export interface CarState {
  spec: CarSpec
  /** Stored when it arrived. */
  initialMilliWh: number
  /** Metered energy after which the car wants no more; absent: until it is full. */
  targetMilliWh?: number
  takenMilliWh: number
  takenRestMicrojoules: number
}

export class Car {
  readonly spec: CarSpec
  readonly #initialMilliWh: number
  readonly #targetMilliWh: number
  readonly #taken: EnergyCounter
  #currentMa = 0
  #phases = 0
  /** Time for which at least the minimum has been offered. */
  #offeredMs = 0

  constructor(state: CarState) {
    this.spec = state.spec
    this.#initialMilliWh = state.initialMilliWh
    // The energy at which the battery is full, rounded up; a wish beyond it cannot be met.
    const roomMilliWh = Math.ceil(
      ((state.spec.capacityMilliWh - state.initialMilliWh) * 100) / EFFICIENCY_PERCENT,
    )
    this.#targetMilliWh = Math.min(state.targetMilliWh ?? roomMilliWh, roomMilliWh)
    this.#taken = new EnergyCounter(state.takenMilliWh, state.takenRestMicrojoules)
  }

  /** Current per phase that it draws. */
  get currentMa(): number {
    return this.#currentMa
  }

  /** Phases that it draws on, 0 while it draws nothing. */
  get phases(): number {
    return this.#currentMa === 0 ? 0 : this.#phases
  }

  get powerMw(): number {
    return VOLTAGE_V * this.#currentMa * this.phases
  }

  /** Energy metered into it. */
  get takenMilliWh(): number {
    return this.#taken.milliWh
  }

  get targetMilliWh(): number {
    return this.#targetMilliWh
  }

  /** Whether it would take energy if there were an offer. */
  get wantsEnergy(): boolean {
    return this.#taken.milliWh < this.#targetMilliWh
  }

  /** State of charge, 0 to 1000. */
  get socPermille(): number {
    const stored = this.#initialMilliWh + Math.floor((this.#taken.milliWh * EFFICIENCY_PERCENT) / 100)
    return Math.min(1000, Math.floor((stored * 1000) / this.spec.capacityMilliWh))
  }

  /** Chooses the current for what comes, `elapsedMs` after it was last asked. Holds until asked again. */
  respond(offer: Offer, elapsedMs: number): void {
    const phases = Math.min(offer.phases, this.spec.phases)
    const ceilingMa = Math.min(offer.currentMa, this.#acceptanceMa())
    if (!this.wantsEnergy || phases < 1 || ceilingMa < MIN_CURRENT_MA) {
      this.#currentMa = 0
      if (offer.currentMa < MIN_CURRENT_MA) this.#offeredMs = 0
      return
    }
    this.#offeredMs += elapsedMs
    if (this.#offeredMs < WAKE_MS) {
      this.#currentMa = 0
      return
    }
    const rampedMa = Math.max(MIN_CURRENT_MA, this.#currentMa + RAMP_MA_PER_MS * elapsedMs)
    this.#phases = phases
    this.#currentMa = Math.min(ceilingMa, rampedMa)
  }

  /** Takes what it drew for `durationMs` at its present current. */
  take(durationMs: number): void {
    this.#taken.add(this.powerMw, durationMs)
  }

  /** For how long it draws its present current at most, before its wish is met. */
  contentInMs(): number {
    return this.#taken.msUntil(this.#targetMilliWh, this.powerMw)
  }

  state(): CarState {
    return {
      spec: this.spec,
      initialMilliWh: this.#initialMilliWh,
      targetMilliWh: this.#targetMilliWh,
      takenMilliWh: this.#taken.milliWh,
      takenRestMicrojoules: this.#taken.restMicrojoules,
    }
  }

  /** What the battery takes at most, by its state of charge. */
  #acceptanceMa(): number {
    const { maxCurrentMa } = this.spec
    const above = this.socPermille - TAPER_FROM_PERMILLE
    if (above <= 0) return maxCurrentMa
    const range = Math.max(0, maxCurrentMa - MIN_CURRENT_MA)
    return maxCurrentMa - Math.ceil((range * above) / (1000 - TAPER_FROM_PERMILLE))
  }
}

/** A car that arrives with a share of its battery full and a wish; without one it wants to be full. */
export function arrivingCar(spec: CarSpec, arrival: { socPermille: number; targetMilliWh?: number }): Car {
  return new Car({
    spec,
    initialMilliWh: Math.floor((spec.capacityMilliWh * arrival.socPermille) / 1000),
    ...(arrival.targetMilliWh === undefined ? {} : { targetMilliWh: arrival.targetMilliWh }),
    takenMilliWh: 0,
    takenRestMicrojoules: 0,
  })
}
