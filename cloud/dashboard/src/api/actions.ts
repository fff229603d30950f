/** What the page can change. Every POST carries an idempotency key made when the person acted, so a retry acts once. */

import type { CommandInput } from '@switchyard/protocol/api/commands.ts'
import type { ReviewDetail } from '@switchyard/protocol/api/reviews.ts'
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
