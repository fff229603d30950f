/** Gathers what facts touched and invalidates it in one go, so that a burst of facts makes one round of reads. */
import type { QueryKey } from '@tanstack/react-query'

/** Quiet time that is waited for after a fact. */
export const QUIET_MS = 200
/** In a steady stream of facts the page is brought up to date at least this often. */
export const MAX_WAIT_MS = 1_000
/** More different keys than this are read as "everything". */
export const MAX_KEYS = 64

export interface InvalidationPorts {
  /** An empty key means everything. */
  invalidate(key: QueryKey): void
  nowMs(): number
  after(delayMs: number, action: () => void): () => void
}

export class InvalidationQueue {
  private readonly ports: InvalidationPorts
  private readonly waiting = new Map<string, QueryKey>()
  private firstMs: number | undefined
  private cancel: (() => void) | undefined

  constructor(ports: InvalidationPorts) {
    this.ports = ports
  }

  add(touched: readonly QueryKey[]): void {
    if (touched.length === 0) return
    for (const key of touched) this.waiting.set(JSON.stringify(key), key)
    const now = this.ports.nowMs()
    this.firstMs ??= now
    const delayMs = Math.max(0, Math.min(QUIET_MS, this.firstMs + MAX_WAIT_MS - now))
    this.cancel?.()
    this.cancel = this.ports.after(delayMs, () => this.flush())
  }

  /** Everything may have changed. */
  addAll(): void {
    this.add([[]])
  }

  close(): void {
    this.cancel?.()
    this.waiting.clear()
    this.firstMs = undefined
  }

  private flush(): void {
    const gathered = [...this.waiting.values()]
    this.close()
    if (gathered.length > MAX_KEYS || gathered.some((key) => key.length === 0)) this.ports.invalidate([])
    else for (const key of gathered) this.ports.invalidate(key)
  }
}
