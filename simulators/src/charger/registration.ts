/** Boot until accepted, then heartbeats (1.6 sections 4.2 and 4.6; 2.0.1 use cases B01 to B03, G02). */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Clock } from '../clock.ts'
import type { BootReason, Call, Dialect, Nameplate, RegistrationStatus } from './dialect.ts'

/** Pause after a boot that was answered by an error or not at all, or with interval 0. */
export const BOOT_RETRY_MS = 30_000
/** A station's clock is set when it is this far from the central system's: less is the network's delay. */
const CLOCK_TOLERANCE_MS = 2_000

export interface RegistrationOptions {
  dialect: Dialect
  nameplate: Nameplate
  clock: Clock
  call: (call: Call) => Promise<JsonObject>
  heartbeatIntervalS: () => number
  /** The central system gave an interval with its acceptance. */
  setHeartbeatInterval: (intervalS: number) => void
  /** The central system's time, and what the station's clock says: told when they differ. */
  setClock: (epochMs: number) => void
  stationTimeMs: () => number
  onStatus: (status: RegistrationStatus) => void
}

export class Registration {
  readonly #options: RegistrationOptions
  #status: RegistrationStatus | undefined
  #reason: BootReason
  #connected = false
  #cancel: (() => void) | undefined
  #booting = false

  constructor(options: RegistrationOptions, reason: BootReason) {
    this.#options = options
    this.#reason = reason
  }

  get status(): RegistrationStatus | undefined {
    return this.#status
  }

  get accepted(): boolean {
    return this.#status === 'Accepted'
  }

  /** A station that was accepted stays so when it only lost its connection. */
  connected(): void {
    this.#connected = true
    if (this.accepted) this.#heartbeatLater()
    else this.boot()
  }

  disconnected(): void {
    this.#connected = false
    this.#booting = false
    this.#stop()
  }

  /** The station restarts: what was agreed is void. */
  reset(reason: BootReason): void {
    this.#stop()
    this.#status = undefined
    this.#reason = reason
  }

  /** Sends a BootNotification now, as at start, after an interval, or when the central system asks for one. */
  boot(reason = this.#reason): void {
    if (!this.#connected || this.#booting) return
    this.#stop()
    this.#booting = true
    const { call, dialect, nameplate } = this.#options
    call(dialect.boot(nameplate, reason)).then(
      (answer) => {
        this.#booting = false
        this.#answered(answer)
      },
      () => {
        this.#booting = false
        if (this.#connected) this.#later(BOOT_RETRY_MS, () => this.boot())
      },
    )
  }

  /** Sends a heartbeat now; its answer sets the clock. */
  heartbeat(): void {
    const { call } = this.#options
    call({ action: 'Heartbeat', payload: {} }).then(
      (answer) => this.#setClock(String(answer.currentTime)),
      // A heartbeat that fails is not repeated: the next one comes anyway.
      () => {},
    )
  }

  /** The interval has changed: it counts from now. */
  rearm(): void {
    if (this.accepted && this.#connected) this.#heartbeatLater()
  }

  #answered(answer: JsonObject): void {
    const { dialect, setHeartbeatInterval, onStatus } = this.#options
    const { status, currentTime, intervalS } = dialect.readBoot(answer)
    this.#status = status
    this.#setClock(currentTime)
    if (status === 'Accepted') {
      if (intervalS > 0) setHeartbeatInterval(intervalS)
      this.#heartbeatLater()
    } else {
      this.#later(intervalS > 0 ? intervalS * 1000 : BOOT_RETRY_MS, () => this.boot())
    }
    onStatus(status)
  }

  #heartbeatLater(): void {
    this.#later(this.#options.heartbeatIntervalS() * 1000, () => {
      this.heartbeat()
      this.#heartbeatLater()
    })
  }

  #setClock(text: string): void {
    const epochMs = parseInstant(text)
    if (epochMs === undefined) return
    if (Math.abs(epochMs - this.#options.stationTimeMs()) > CLOCK_TOLERANCE_MS)
      this.#options.setClock(epochMs)
  }

  #later(delayMs: number, work: () => void): void {
    this.#stop()
    this.#cancel = this.#options.clock.after(delayMs, work)
  }

  #stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
