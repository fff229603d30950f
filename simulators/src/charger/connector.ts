/** One connector (1.6) or EVSE with one connector (2.0.1): the plug, the contactor, the meter, and the session on it. */
import { Car, type CarState, MIN_CURRENT_MA, type Offer } from '../car/car.ts'
import { EnergyCounter } from '../car/energy-counter.ts'
import type { Random } from '../random.ts'
import type { Profile } from './limits/profile.ts'
import type { Hardware, Until } from './limits/resolve.ts'
import type { ChargingState, Session, StartTrigger } from './session.ts'

/** A car's current is chosen anew at least so often. */
export const STEP_MS = 1_000

/** A token that was accepted for a connector, until a session starts with it. */
export interface HeldToken {
  idToken: string
  /** 2.0.1's type of the token, where it came with one (a remote start); absent: a card. */
  tokenType?: string
  remoteStartId?: number
  trigger: StartTrigger
  /** Came with a remote start, for its session. */
  profile?: Profile
}

/** 1.6's words; 2.0.1 knows the first, `Occupied` for the next five, and the last two. */
export type ConnectorStatus =
  | 'Available'
  | 'Preparing'
  | 'Charging'
  | 'SuspendedEV'
  | 'SuspendedEVSE'
  | 'Finishing'
  | 'Unavailable'

/** What outlives a process. */
export interface ConnectorState {
  registerMilliWh: number
  registerRestMicrojoules: number
  operative: boolean
  operativeAfterwards?: boolean
  finishing: boolean
  car?: CarState
  session?: Session
}

const NOTHING: Offer = { currentMa: 0, phases: 0 }

export class Connector {
  readonly id: number
  readonly hardware: Hardware
  readonly meter: EnergyCounter
  car: Car | undefined
  token: HeldToken | undefined
  session: Session | undefined
  operative: boolean
  /** What ChangeAvailability asked for, once the session has ended. */
  operativeAfterwards: boolean | undefined
  /** A session has ended and its car is still plugged in. */
  finishing: boolean
  offer: Offer = NOTHING
  #sinceRespondedMs = 0

  constructor(id: number, hardware: Hardware, state: ConnectorState, car: Car | undefined) {
    this.id = id
    this.hardware = hardware
    this.meter = new EnergyCounter(state.registerMilliWh, state.registerRestMicrojoules)
    this.car = car
    this.session = state.session
    this.operative = state.operative
    this.operativeAfterwards = state.operativeAfterwards
    this.finishing = state.finishing
  }

  /** Lets `elapsedMs` pass, up to `toMs` of wall time: the car takes what it is offered, the meter counts. */
  run(toMs: number, elapsedMs: number, offerAt: (atMs: number) => Until<Offer>): void {
    let atMs = toMs - elapsedMs
    while (atMs < toMs) {
      const untilMs = this.#respond(atMs, offerAt)
      const untilContentMs = this.car?.contentInMs() ?? Number.POSITIVE_INFINITY
      // At least a millisecond, so that time goes on whatever the bounds say.
      const stepMs = Math.max(1, Math.min(toMs - atMs, STEP_MS, untilMs - atMs, untilContentMs))
      if (this.car) {
        this.meter.add(this.car.powerMw, stepMs)
        this.car.take(stepMs)
      }
      this.#sinceRespondedMs += stepMs
      atMs += stepMs
    }
    this.#respond(toMs, offerAt)
  }

  /** The charging state of the session now; keeps the state before while the car wakes up. */
  chargingState(): ChargingState {
    if (this.offer.currentMa < MIN_CURRENT_MA) return 'SuspendedEVSE'
    if ((this.car?.currentMa ?? 0) > 0) return 'Charging'
    if (this.car?.wantsEnergy) return this.session?.state ?? 'EVConnected'
    return 'SuspendedEV'
  }

  status(): ConnectorStatus {
    if (this.session) return this.session.state === 'EVConnected' ? 'Preparing' : this.session.state
    if (!this.operative) return 'Unavailable'
    if (this.car && this.finishing) return 'Finishing'
    return this.car || this.token ? 'Preparing' : 'Available'
  }

  state(): ConnectorState {
    return {
      registerMilliWh: this.meter.milliWh,
      registerRestMicrojoules: this.meter.restMicrojoules,
      operative: this.operative,
      ...(this.operativeAfterwards === undefined ? {} : { operativeAfterwards: this.operativeAfterwards }),
      finishing: this.finishing,
      ...(this.car ? { car: this.car.state() } : {}),
      ...(this.session ? { session: this.session } : {}),
    }
  }

  /** Offers what applies at `atMs`; returns until when nothing else can apply. */
  #respond(atMs: number, offerAt: (atMs: number) => Until<Offer>): number {
    const { value, untilMs } = this.session
      ? offerAt(atMs)
      : { value: NOTHING, untilMs: Number.POSITIVE_INFINITY }
    this.offer = value
    this.car?.respond(value, this.#sinceRespondedMs)
    this.#sinceRespondedMs = 0
    return untilMs
  }
}

/** Meters start anywhere in a life of up to 50 MWh: nobody may count on a start at zero. */
const LIFETIME_MAX_MILLI_WH = 50_000_000_000

/** A station's connectors, as they were (`kept`) or new. Throws when a session would be left without its connector. */
export function makeConnectors(
  hardware: readonly Hardware[],
  kept: readonly ConnectorState[],
  random: Random,
): Connector[] {
  const orphan = kept.slice(hardware.length).findIndex((it) => it.session)
  if (orphan >= 0) {
    throw new Error(`a session runs on connector ${hardware.length + orphan + 1}, which is to exist no more`)
  }
  return hardware.map((it, index) => {
    const state = kept[index] ?? {
      registerMilliWh: random.int(1_000_000, LIFETIME_MAX_MILLI_WH),
      registerRestMicrojoules: 0,
      operative: true,
      finishing: false,
    }
    return new Connector(index + 1, it, state, state.car ? new Car(state.car) : undefined)
  })
}
