/** What the page can change. Every POST carries an idempotency key made when the person acted, so a retry acts once. */

import type { CommandInput } from '@switchyard/protocol/api/commands.ts'
import type { AssignedQuirks } from '@switchyard/protocol/api/quirks.ts'
import type { ReviewDetail } from '@switchyard/protocol/api/reviews.ts'
import type { Rollout, RolloutWish } from '@switchyard/protocol/api/rollouts.ts'
import type { DriverInput, TokenInput } from '@switchyard/protocol/api/shapes.ts'
import { request } from './client.ts'

export function signIn(email: string, password: string): Promise<unknown> {
  return request('/sign-in', { method: 'POST', body: { email, password } })
}

export function signOut(): Promise<unknown> {
  return request('/sign-out', { method: 'POST' })
}

export function sendCommand(
  stationId: string,
  command: CommandInput,
  idempotencyKey: string,
): Promise<{ commandId: string }> {
  return request(`/stations/${encodeURIComponent(stationId)}/commands`, {
    method: 'POST',
    body: command,
    idempotencyKey,
  })
}

/** Lets a station charge that waits for approval. */
export function approveStation(stationId: string): Promise<unknown> {
  return request(`/stations/${encodeURIComponent(stationId)}`, { method: 'PATCH', body: { approved: true } })
}

/** Makes it so that certificates of these serial numbers, and no others, are refused. */
export function setRevokedCertificates(stationId: string, revokedCertificates: string[]): Promise<unknown> {
  return request(`/stations/${encodeURIComponent(stationId)}`, {
    method: 'PATCH',
    body: { revokedCertificates },
  })
}

/** What is said of one quirk of a station; null takes it back. `assigned` is what is said of all. */
export function sayQuirk(
  stationId: string,
  assigned: AssignedQuirks,
  name: string,
  has: boolean | null,
): Promise<unknown> {
  const assignedQuirks = Object.fromEntries(
    Object.entries({ ...assigned, [name]: has }).filter(([, said]) => said !== null),
  )
  return request(`/stations/${encodeURIComponent(stationId)}`, { method: 'PATCH', body: { assignedQuirks } })
}

export function createRollout(rollout: RolloutWish, idempotencyKey: string): Promise<Rollout> {
  return request('/rollouts', { method: 'POST', body: rollout, idempotencyKey })
}

export type RolloutDecision = 'pause' | 'resume' | 'retry' | 'cancel'

/** `retry` goes on, and the stations that failed take their turn again. */
export function decideRollout(
  rolloutId: string,
  decision: RolloutDecision,
  idempotencyKey: string,
): Promise<Rollout> {
  const action = decision === 'retry' ? 'resume' : decision
  return request(`/rollouts/${encodeURIComponent(rolloutId)}/${action}`, {
    method: 'POST',
    ...(action === 'resume' ? { body: { retryFailed: decision === 'retry' } } : {}),
    idempotencyKey,
  })
}

/** This journal speaks for the site from now on. */
export function giveAuthority(siteId: string, journalId: string, idempotencyKey: string): Promise<unknown> {
  const path = `/sites/${encodeURIComponent(siteId)}/lanes/${encodeURIComponent(journalId)}/authority`
  return request(path, { method: 'POST', idempotencyKey })
}

export interface ReviewDecision {
  action: 'accept' | 'correct' | 'waive'
  /** The revision that the person saw, and what the action needs. */
  body: { revision: number; note?: string } & Record<string, unknown>
}

export function decideReview(
  reviewId: string,
  { action, body }: ReviewDecision,
  idempotencyKey: string,
): Promise<ReviewDetail> {
  const path = `/reviews/${encodeURIComponent(reviewId)}/${action}`
  return request(path, { method: 'POST', body, idempotencyKey })
}

export function addToken(token: TokenInput, idempotencyKey: string): Promise<unknown> {
  return request('/tokens', { method: 'POST', body: token, idempotencyKey })
}

export function addDriver(driver: DriverInput, idempotencyKey: string): Promise<unknown> {
  return request('/drivers', { method: 'POST', body: driver, idempotencyKey })
}
