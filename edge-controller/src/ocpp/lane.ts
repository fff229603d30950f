/** One station's turn: whatever decides about it (its messages, documents, timers) runs one after the other, never interleaved. */
export class Lane {
  #tail: Promise<unknown> = Promise.resolve()

  /** Runs `work` after all that was given before it; a failure is its caller's, and stops nothing behind it. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work)
    this.#tail = result.catch(() => undefined)
    return result
  }
}
