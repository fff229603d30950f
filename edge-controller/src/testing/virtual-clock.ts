/** Time that passes only when a test says so. */
import type { ClockQuality } from '@switchyard/protocol/site/fact.ts'
import type { Clock } from '../ports.ts'

export class VirtualClock implements Clock {
  #monoMs = 1_000
  #startMs: number
  #quality: ClockQuality = 'synced'
  readonly #timers = new Set<{ atMs: number; work: () => void }>()

  constructor(start: string) {
    this.#startMs = Date.parse(start) - this.#monoMs
  }

  now(): number {
    return this.#startMs + this.#monoMs
  }

  mono(): number {
    return this.#monoMs
  }

  quality(): ClockQuality {
    return this.#quality
  }

  after(delayMs: number, work: () => void): () => void {
    const timer = { atMs: this.#monoMs + Math.max(0, delayMs), work }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Lets time pass, timers firing in order on the way. */
  advance(byMs: number): void {
    const endMs = this.#monoMs + byMs
    for (;;) {
      let next: { atMs: number; work: () => void } | undefined
      for (const timer of this.#timers)
        if (timer.atMs <= endMs && (next === undefined || timer.atMs < next.atMs)) next = timer
      if (!next) break
      this.#timers.delete(next)
      this.#monoMs = Math.max(this.#monoMs, next.atMs)
      next.work()
    }
    this.#monoMs = endMs
  }

  /** Moves to an instant that is not before now. */
  advanceTo(instant: string): void {
    this.advance(Date.parse(instant) - this.now())
  }

  /** Sets the wall clock, as a time server or a hand does. */
  set(instant: string): void {
    this.#startMs = Date.parse(instant) - this.#monoMs
  }

  setQuality(quality: ClockQuality): void {
    this.#quality = quality
  }
}
