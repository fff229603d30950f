/** A clock that stands still until a test moves it, with its timers. */
export class VirtualClock {
  private timers: { atMs: number; action: () => void }[] = []
  private ms = 1_000_000

  readonly nowMs = (): number => this.ms

  readonly after = (delayMs: number, action: () => void): (() => void) => {
    const timer = { atMs: this.ms + delayMs, action }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter((other) => other !== timer)
    }
  }

  /** Runs what falls due, in order. */
  advance(byMs: number): void {
    const endMs = this.ms + byMs
    for (;;) {
      const next = this.timers.toSorted((a, b) => a.atMs - b.atMs)[0]
      if (!next || next.atMs > endMs) break
      this.timers = this.timers.filter((other) => other !== next)
      this.ms = next.atMs
      next.action()
    }
    this.ms = endMs
  }
}

/** Lets promises that are ready run on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  await new Promise((resolve) => setImmediate(resolve))
}
