/** 1 milli-Wh is 3.6 J, and a milliwatt for a millisecond is a microjoule. */
export const MICROJOULES_PER_MILLI_WH = 3_600_000

/** Longest step that is counted at once; keeps power times time a safe integer (100 kW for a day is 8.6e15). */
const LONGEST_STEP_MS = 3_600_000

/**
 * Counts energy exactly: whole milli-Wh, and what is left of one in microjoules. Power in whole mW held for whole ms
 * adds up without loss, in whatever pieces it comes.
 */
export class EnergyCounter {
  #milliWh: number
  #restMicrojoules: number

  constructor(milliWh = 0, restMicrojoules = 0) {
    this.#milliWh = milliWh
    this.#restMicrojoules = restMicrojoules
  }

  get milliWh(): number {
    return this.#milliWh
  }

  /** Less than one milli-Wh, 0 to 3,599,999. */
  get restMicrojoules(): number {
    return this.#restMicrojoules
  }

  /** Counts `powerMw` held for `durationMs`, both whole and not negative. */
  add(powerMw: number, durationMs: number): void {
    for (let leftMs = durationMs; leftMs > 0; leftMs -= LONGEST_STEP_MS) {
      this.#restMicrojoules += powerMw * Math.min(leftMs, LONGEST_STEP_MS)
      const whole = Math.floor(this.#restMicrojoules / MICROJOULES_PER_MILLI_WH)
      this.#milliWh += whole
      this.#restMicrojoules -= whole * MICROJOULES_PER_MILLI_WH
    }
  }

  /** Goes on from a higher reading that is known to have been reached. */
  raiseTo(milliWh: number): void {
    if (milliWh <= this.#milliWh) return
    this.#milliWh = milliWh
    this.#restMicrojoules = 0
  }

  /** Shortest time after which at least `milliWh` are counted at this power; Infinity at no power. */
  msUntil(milliWh: number, powerMw: number): number {
    if (powerMw <= 0) return Number.POSITIVE_INFINITY
    const missing = (milliWh - this.#milliWh) * MICROJOULES_PER_MILLI_WH - this.#restMicrojoules
    return Math.max(0, Math.ceil(missing / powerMw))
  }
}
