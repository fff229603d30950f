/** Reset: ends sessions, goes away, and boots anew (1.6 section 5.14; 2.0.1 use cases B11 and B12). */
import type { Clock } from '../clock.ts'
import type { Connector } from './connector.ts'
import type { StopReason } from './session.ts'

/** A reset that is not hard waits so long for its last messages to be answered. */
const DELIVERY_PATIENCE_MS = 5_000
const DELIVERY_LOOK_MS = 50

export interface RestartOptions {
  clock: Clock
  connectors: readonly Connector[]
  rebootMs: number
  endSession: (connector: Connector, reason: StopReason) => void
  /** Nothing waits to be delivered, or nothing can be. */
  delivered: () => boolean
  goDown: () => void
  comeUp: () => void
}

export class Restart {
  readonly #options: RestartOptions
  #whenIdle = false
  #cancel: (() => void) | undefined

  constructor(options: RestartOptions) {
    this.#options = options
  }

  /** `Soft` and `Hard` end what runs, the first with its messages delivered; `OnIdle` waits until nothing runs. */
  reset(kind: 'Soft' | 'Hard' | 'OnIdle'): void {
    const { connectors, endSession, clock, goDown } = this.#options
    if (kind === 'OnIdle' && connectors.some((it) => it.session)) {
      this.#whenIdle = true
      return
    }
    // A hard reset leaves no time to tell: the ends of sessions wait for the next boot.
    if (kind === 'Hard') goDown()
    for (const connector of connectors) {
      if (connector.session) endSession(connector, kind === 'Hard' ? 'HardReset' : 'SoftReset')
      connector.token = undefined
    }
    if (kind === 'Hard') this.#comeUpLater()
    else this.#rebootOnceDelivered(clock.mono() + DELIVERY_PATIENCE_MS)
  }

  /** A session has ended: a reset may have waited for that. */
  sessionEnded(): void {
    if (!this.#whenIdle || this.#options.connectors.some((it) => it.session)) return
    this.#whenIdle = false
    this.reset('OnIdle')
  }

  stop(): void {
    this.#cancel?.()
  }

  #rebootOnceDelivered(latestMs: number): void {
    const { clock, delivered } = this.#options
    this.#cancel?.()
    if (delivered() || clock.mono() >= latestMs) this.#reboot()
    else this.#cancel = clock.after(DELIVERY_LOOK_MS, () => this.#rebootOnceDelivered(latestMs))
  }

  #reboot(): void {
    this.#options.goDown()
    this.#comeUpLater()
  }

  #comeUpLater(): void {
    const { clock, comeUp, rebootMs } = this.#options
    this.#cancel?.()
    this.#cancel = clock.after(rebootMs, comeUp)
  }
}
