/** The present, once a second, from one timer for the whole page. */
import { useSyncExternalStore } from 'react'
import { after, nowMs } from '../clock.ts'

const TICK_MS = 1_000

const listeners = new Set<() => void>()
let cancel: (() => void) | undefined
let tickedMs = nowMs()

function tick(): void {
  tickedMs = nowMs()
  cancel = after(TICK_MS, tick)
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  if (!cancel) {
    tickedMs = nowMs()
    cancel = after(TICK_MS, tick)
  }
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    cancel?.()
    cancel = undefined
  }
}

/** Milliseconds since the epoch; renders again every second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => tickedMs)
}
