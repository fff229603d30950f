/** A parking bay with a charging station: the car that stands there, and what its driver does. */
import { Car, type CarState } from '../car/car.ts'
import type { Charger } from '../charger/charger.ts'
import type { Clock } from '../clock.ts'
import type { Random } from '../random.ts'
import type { Visit } from './visit.ts'

/** A driver takes so long at most from plugging in to presenting the token, before waits are shortened. */
const SWIPE_MAX_MS = 20_000
/** A driver who is refused tries again after so long, before waits are shortened, until it is time to leave. */
const RETRY_MS = 15_000
/** However much waits are shortened. */
const RETRY_MIN_MS = 1_000
/** A car whose driver nobody remembers leaves after so long. */
const STRAY_STAY_MS = 60_000

/** A visit under way; plain JSON, kept over restarts. */
export interface Stay {
  idToken: string
  leavesAtMs: number
  swipesToLeave: boolean
  /** A session has begun in it. */
  charged: boolean
}

export interface BayOptions {
  charger: Charger
  clock: Clock
  random: Random
  speed: number
  /** The stay has changed and is to be kept. */
  onChange: () => void
  /** The car has left. */
  onFree: (charged: boolean) => void
  say: (line: string) => void
}

export class Bay {
  readonly charger: Charger
  readonly #options: BayOptions
  #stay: Stay | undefined
  #cancelSwipe: (() => void) | undefined
  #cancelLeave: (() => void) | undefined

  constructor(options: BayOptions, stay: Stay | undefined) {
    this.#options = options
    this.charger = options.charger
    this.#stay = stay
    this.charger.events.on('session-started', () => {
      if (!this.#stay) return
      this.#stay.charged = true
      options.onChange()
    })
  }

  get stay(): Readonly<Stay> | undefined {
    return this.#stay
  }

  get free(): boolean {
    return this.#stay === undefined
  }

  /** Goes on after a restart: with the car that still stands there, or free. */
  resume(): void {
    const { clock } = this.#options
    if (!this.charger.car()) this.#stay = undefined
    else
      this.#stay ??= {
        idToken: '',
        leavesAtMs: clock.now() + STRAY_STAY_MS,
        swipesToLeave: false,
        charged: true,
      }
    if (!this.#stay) return
    this.#leaveLater()
    if (!this.#stay.charged) this.#swipeLater()
  }

  /** A car comes: it is plugged in, and its driver will present the token. */
  arrive(visit: Visit): void {
    const { clock, onChange, say } = this.#options
    this.#stay = {
      idToken: visit.idToken,
      leavesAtMs: clock.now() + visit.stayMs,
      swipesToLeave: visit.swipesToLeave,
      charged: false,
    }
    onChange()
    this.charger.plugIn(new Car(visit.car))
    say(
      `${this.charger.id} a ${visit.car.spec.name} arrives: ${describeWish(visit.car)}, stays ${describeMs(visit.stayMs)}`,
    )
    this.#leaveLater()
    this.#swipeLater()
  }

  /** Nothing more is done here. */
  stop(): void {
    this.#cancelSwipe?.()
    this.#cancelLeave?.()
  }

  #swipeLater(): void {
    const { clock, random, speed } = this.#options
    const delayMs = Math.max(500, Math.round((random.fraction() * SWIPE_MAX_MS) / speed))
    this.#cancelSwipe = clock.after(delayMs, () => this.#swipe())
  }

  #swipe(): void {
    const { clock, say, speed } = this.#options
    const stay = this.#stay
    if (!stay || this.charger.connector().session) return
    this.charger.authorise(stay.idToken).then((status) => {
      if (status === 'Accepted' || this.#stay !== stay) return
      say(`${this.charger.id} ${stay.idToken} is refused: ${status}`)
      this.#cancelSwipe = clock.after(Math.max(RETRY_MIN_MS, RETRY_MS / speed), () => this.#swipe())
    })
  }

  #leaveLater(): void {
    const { clock } = this.#options
    const delayMs = Math.max(0, this.#stay!.leavesAtMs - clock.now())
    this.#cancelLeave = clock.after(delayMs, () => {
      this.#leave().catch((error: unknown) => this.#options.say(`${this.charger.id} ${String(error)}`))
    })
  }

  async #leave(): Promise<void> {
    const stay = this.#stay
    if (!stay) return
    this.#cancelSwipe?.()
    const { session } = this.charger.connector()
    if (session && stay.swipesToLeave) await this.charger.authorise(session.idToken)
    this.charger.unplug()
    this.#stay = undefined
    this.#options.onChange()
    this.#options.onFree(stay.charged)
  }
}

function describeWish(car: CarState): string {
  return `${((car.targetMilliWh ?? 0) / 1_000_000).toFixed(3)} kWh`
}

function describeMs(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`
}
