/** What flows through one connector: exact, in whole milli-watts and milliseconds, counted in milli-Wh. */

const VOLTS = 230
/** mW times ms in a milli-Wh. */
const MILLIWATT_MS_PER_MILLI_WH = 3_600_000
/** IEC 61851: below 6 A a car does not charge. */
const LEAST_MA = 6_000

export class Outlet {
  registerMilliWh: number
  readonly phases: number
  readonly hardwareMa: number
  /** What the car would take, mA; 0: none is there or none charges. */
  wantedMa = 0
  /** What the charger lets flow at most. */
  offeredMa: number
  #rest = 0
  #countedAtMs: number

  constructor(registerMilliWh: number, phases: number, hardwareMa: number, nowMs: number) {
    this.registerMilliWh = registerMilliWh
    this.phases = phases
    this.hardwareMa = hardwareMa
    this.offeredMa = hardwareMa
    this.#countedAtMs = nowMs
  }

  /** Per phase, now. */
  get currentMa(): number {
    const ma = Math.min(this.wantedMa, this.offeredMa, this.hardwareMa)
    return ma < LEAST_MA ? 0 : ma
  }

  get powerMw(): number {
    return VOLTS * this.currentMa * this.phases
  }

  /** To be called before anything that changes the current, and before the register is read. */
  count(nowMs: number): void {
    this.#rest += this.powerMw * (nowMs - this.#countedAtMs)
    this.#countedAtMs = nowMs
    const whole = Math.floor(this.#rest / MILLIWATT_MS_PER_MILLI_WH)
    this.registerMilliWh += whole
    this.#rest -= whole * MILLIWATT_MS_PER_MILLI_WH
  }
}
