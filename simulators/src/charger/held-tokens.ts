/** Accepted tokens that wait for a car to be plugged in, and lapse (1.6 ConnectionTimeOut; 2.0.1 EVConnectionTimeOut, use case E03). */
import type { Clock } from '../clock.ts'
import type { Connector, HeldToken } from './connector.ts'

export class HeldTokens {
  readonly #clock: Clock
  readonly #timeoutS: () => number
  readonly #onLapsed: (connector: Connector) => void
  readonly #cancels = new Map<number, () => void>()

  constructor(clock: Clock, timeoutS: () => number, onLapsed: (connector: Connector) => void) {
    this.#clock = clock
    this.#timeoutS = timeoutS
    this.#onLapsed = onLapsed
  }

  hold(connector: Connector, token: HeldToken): void {
    this.release(connector)
    connector.token = token
    const cancel = this.#clock.after(this.#timeoutS() * 1000, () => {
      this.release(connector)
      this.#onLapsed(connector)
    })
    this.#cancels.set(connector.id, cancel)
  }

  release(connector: Connector): void {
    this.#cancels.get(connector.id)?.()
    this.#cancels.delete(connector.id)
    connector.token = undefined
  }

  stop(): void {
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }
}
