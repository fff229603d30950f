/** Times that something took, of which quantiles are asked; a bounded sample of them when there are many. */
const MOST_KEPT = 50_000

export class Latencies {
  readonly #kept: number[] = []
  #count = 0

  add(ms: number): void {
    this.#count++
    if (this.#kept.length < MOST_KEPT) this.#kept.push(ms)
    // Each one has the same chance to be among those kept (Vitter's algorithm R).
    else if (Math.random() * this.#count < MOST_KEPT) this.#kept[Math.floor(Math.random() * MOST_KEPT)] = ms
  }

  get count(): number {
    return this.#count
  }

  /** `p50 3.1 ms, p95 ...`; said so where there were none. */
  told(): string {
    if (this.#count === 0) return 'none'
    const sorted = this.#kept.toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
    return [0.5, 0.95, 0.99].map((it) => `p${it * 100} ${at(it).toFixed(1)} ms`).join(', ')
  }
}
