/** How a gateway under load slows its sites: whom it sheds, and how long each answer asks a site to wait. Pure; chance is an input. */
import type { Stream } from '@switchyard/protocol/site/fact.ts'

/** What waits for one log partition. */
export interface Load {
  batches: number
  bytes: number
}

/** Batches that wait for one log partition, and their bytes as sent; more are shed before they are inflated. */
export const MAX_QUEUED_BATCHES = 512
export const MAX_QUEUED_BYTES = 8 * 1024 * 1024
/** Telemetry finds the queue full here already: the rest is the ledger's. */
export const TELEMETRY_SHARE = 0.75
/** Up to here nobody is slowed. */
export const EASY_SHARE = 0.25
/** When a shed site shall try again; what is taken from a queue just short of full waits as long, so that all have the same chance. */
export const SHED_RETRY_MS = 5_000

/** Hellos under way that ask nobody to wait. */
export const EASY_HELLOS = 20
/** What each more adds to the time over which sites begin to send. */
const MS_PER_HELLO = 20
/** Longest such time. */
export const MAX_BACKOFF_MS = 30_000

/** 0: nothing waits. 1: full. */
export function fillOf({ batches, bytes }: Load): number {
  return Math.min(1, Math.max(batches / MAX_QUEUED_BATCHES, bytes / MAX_QUEUED_BYTES))
}

export function isShed(stream: Stream, load: Load): boolean {
  return fillOf(load) >= fullFor(stream)
}

/** How long a site waits before its next batch of this stream; `fraction` in [0, 1) spreads those who hear the same. */
export function retryAfterMs(stream: Stream, load: Load, fraction: number): number {
  const strain = (fillOf(load) - EASY_SHARE) / (fullFor(stream) - EASY_SHARE)
  return Math.round(SHED_RETRY_MS * Math.min(1, Math.max(0, strain)) * (0.5 + fraction))
}

/** Over how long sites that come back begin to send; each takes a random part of it. */
export function backoffMs(hellosUnderWay: number, load: Load): number {
  const storm = MS_PER_HELLO * Math.max(0, hellosUnderWay - EASY_HELLOS)
  return Math.min(MAX_BACKOFF_MS, storm + Math.round(SHED_RETRY_MS * fillOf(load)))
}

function fullFor(stream: Stream): number {
  return stream === 'ledger' ? 1 : TELEMETRY_SHARE
}
