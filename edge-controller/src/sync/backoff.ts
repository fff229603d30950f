/** Waiting times that spread: after an outage a thousand sites must not come back in the same second. */
import type { Random } from '../ports.ts'

/** Full jitter: anything between 0 and first * 2^attempt, at most the cap. `attempt` counts from 0. */
export function fullJitterMs(attempt: number, firstMs: number, capMs: number, random: Random): number {
  return Math.round(random.fraction() * doubledMs(attempt, firstMs, capMs))
}

/** first * 2^attempt up to the cap, longer by up to a quarter. */
export function stretchedMs(attempt: number, firstMs: number, capMs: number, random: Random): number {
  return Math.round(doubledMs(attempt, firstMs, capMs) * (1 + random.fraction() / 4))
}

function doubledMs(attempt: number, firstMs: number, capMs: number): number {
  return Math.min(capMs, firstMs * 2 ** Math.min(attempt, 30))
}
