/** One life of a process: what it has planned dies with it. */
import type { Stage } from '../stage.ts'

export class Life {
  readonly #stage: Stage
  readonly bornMs: number
  isAlive = true

  constructor(stage: Stage) {
    this.#stage = stage
    this.bornMs = stage.nowMs
  }

  get nowMs(): number {
    return this.#stage.nowMs
  }

  after(delayMs: number, work: () => void): () => void {
    return this.#stage.after(delayMs, () => {
      if (this.isAlive) work()
    })
  }
}
