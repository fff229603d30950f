/**
 * The line between one charger and its site: a WebSocket over TCP. What is sent arrives late, in order, once; or the line is
 * cut and what is on its way is lost; or it is half-open: nothing arrives any more and nobody is told.
 */
import type { Socket } from '@switchyard/edge-controller/site-controller.ts'
import type { Random } from '../../random.ts'
import type { Stage } from '../stage.ts'

const FASTEST_MS = 2
export const SLOWEST_MS = 60
/** A cut is noticed within this. */
const NOTICED_MS = 2_000

/** What the charger holds of the line. */
export interface LineEnd {
  send(text: string): void
  /** Ends it as a station does: with a close frame, or without. */
  close(abruptly: boolean): void
}

export interface LineEvents {
  onText(text: string): void
  /** Once. */
  onClose(): void
}

export class Line {
  readonly #stage: Stage
  readonly #random: Random
  readonly #charger: LineEvents
  #isOpen = true
  #isHalfOpen = false
  #onText = (_text: string): void => {}
  #onClose = (_code: number, _reason: string): void => {}
  #onPong = (): void => {}
  readonly #lastAtMs = { up: 0, down: 0 }
  #isSiteTold = false
  #isChargerTold = false

  constructor(stage: Stage, random: Random, charger: LineEvents) {
    this.#stage = stage
    this.#random = random
    this.#charger = charger
  }

  readonly chargerEnd: LineEnd = {
    send: (text) => this.#carry('up', () => this.#onText(text)),
    close: (abruptly) => {
      this.#isChargerTold = true
      if (abruptly) this.cut()
      else this.#carry('up', () => this.#ended(1000, 'station closes'))
      this.#isOpen = false
    },
  }

  readonly siteEnd: Socket = {
    remote: '10.0.0.1',
    send: (text) => this.#carry('down', () => this.#charger.onText(text)),
    close: () => {
      this.#isSiteTold = true
      this.#carry('down', () => this.#ended(1000, 'closed by the site'))
      this.#isOpen = false
    },
    pause() {},
    resume() {},
    ping: () => this.#carry('down', () => this.#carry('up', () => this.#onPong())),
    onText: (handler) => {
      this.#onText = handler
    },
    onPong: (handler) => {
      this.#onPong = handler
    },
    onClose: (handler) => {
      this.#onClose = handler
    },
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** What is on its way is lost; each side hears of it within a while. */
  cut(): void {
    this.#isOpen = false
    this.#isHalfOpen = true
    const { fraction } = this.#random
    this.#stage.after(fraction() * NOTICED_MS, () => this.#tellSite(1006, 'cut'))
    this.#stage.after(fraction() * NOTICED_MS, () => this.#tellCharger())
  }

  /** Nothing arrives from now on, and nobody is told. */
  halfOpen(): void {
    this.#isHalfOpen = true
  }

  /** The site's process is gone: only the charger can hear of it. */
  siteDied(): void {
    this.#isSiteTold = true
    this.cut()
  }

  #carry(way: 'up' | 'down', arrive: () => void): void {
    if (!this.#isOpen || this.#isHalfOpen) return
    const latencyMs = this.#random.int(FASTEST_MS, SLOWEST_MS)
    const atMs = Math.max(this.#lastAtMs[way], this.#stage.nowMs + latencyMs)
    this.#lastAtMs[way] = atMs
    this.#stage.after(atMs - this.#stage.nowMs, () => {
      if (!this.#isHalfOpen) arrive()
    })
  }

  #ended(code: number, reason: string): void {
    this.#isOpen = false
    this.#tellSite(code, reason)
    this.#tellCharger()
  }

  #tellSite(code: number, reason: string): void {
    if (this.#isSiteTold) return
    this.#isSiteTold = true
    this.#onClose(code, reason)
  }

  #tellCharger(): void {
    if (this.#isChargerTold) return
    this.#isChargerTold = true
    this.#charger.onClose()
  }
}
