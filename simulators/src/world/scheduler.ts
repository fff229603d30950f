/** Time of a world: events in order of their time, and of their arming at the same time. Nothing else moves it. */

interface Event {
  atMs: number
  n: number
  /** Undefined: it was cancelled. */
  work: (() => void) | undefined
}

export class Scheduler {
  #heap: Event[] = []
  #n = 0
  #nowMs = 0
  /** Events that have happened. */
  events = 0

  /** Whole ms since the world began. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Runs `work` once, so much later; returns how to cancel it. */
  after(delayMs: number, work: () => void): () => void {
    const event: Event = { atMs: this.#nowMs + Math.max(0, Math.ceil(delayMs)), n: this.#n++, work }
    this.#push(event)
    return () => {
      event.work = undefined
    }
  }

  /**
   * Lets time pass until `isOver` says so after an event, or nothing is left to happen. Between two events everything that
   * was promised is done: a tick that was asked for by a microtask comes when no microtask is left.
   */
  run(isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          if (isOver() || !this.#happens()) resolve()
          else queueMicrotask(() => process.nextTick(step))
        } catch (error) {
          reject(error)
        }
      }
      process.nextTick(step)
    })
  }

  /** The next event; false: there is none. */
  #happens(): boolean {
    const event = this.#pop()
    if (!event) return false
    this.#nowMs = event.atMs
    this.events++
    event.work?.()
    return true
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  /** The next event that was not cancelled. */
  #pop(): Event | undefined {
    for (;;) {
      const heap = this.#heap
      const first = heap[0]
      const last = heap.pop()
      if (!first || !last) return undefined
      if (heap.length > 0) this.#sink(last)
      if (first.work) return first
    }
  }

  #sink(event: Event): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, event)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = event
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.n < b.n)
}
