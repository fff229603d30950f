/**
 * What a site risks on tokens that nobody could be asked about: how many sessions it has on trust at a time, and how much energy each
 * of them may take. Named by the site document; without bounds there, all that the offline policy lets in may charge.
 */
import { isSameToken } from '@switchyard/protocol/site/emaid.ts'
import type { IdToken } from '@switchyard/protocol/site/fact.ts'
import { appliedDocument } from '../documents.ts'
import type { StateReader } from '../draft.ts'
import { tokenEntry } from '../tokens.ts'
import { runningSessions, type Session } from './session.ts'

/** A station that goes on though it was told to stop is told again after so long. */
export const STOP_AGAIN_MS = 60_000

/** Whether one more token may charge on trust; one that has a session on trust is no further one. `stationIds`: the site's. */
export function hasRoomForTrust(state: StateReader, stationIds: readonly string[], token: IdToken): boolean {
  const max = appliedDocument(state, 'site')?.authorization?.offlineMaxSessions
  if (max === undefined) return true
  const others = stationIds.flatMap((id) =>
    runningSessions(state, id).filter((it) => it.onTrust && !(it.idToken && isSameToken(it.idToken, token))),
  )
  return others.length < max
}

/** A session on trust has taken what it may; not so one whose token the tokens document has come to accept. */
export function hasTakenItsTrust(state: StateReader, session: Session): boolean {
  const maxWh = appliedDocument(state, 'site')?.authorization?.offlineMaxWh
  const { onTrust, register, startRegisterMilliWh, idToken, end } = session
  if (maxWh === undefined || !onTrust || end || register === undefined || startRegisterMilliWh === undefined)
    return false
  if (register.milliWh - startRegisterMilliWh < maxWh * 1_000) return false
  return idToken === undefined || tokenEntry(state, idToken)?.status !== 'Accepted'
}

/** Says which sessions are to be stopped now: each when it is first found, and again while it goes on. */
export class TrustStops {
  #toldMs = new Map<string, number>()

  due(taken: readonly Session[], monoMs: number): Session[] {
    const before = this.#toldMs
    // What runs no more is forgotten.
    this.#toldMs = new Map()
    return taken.filter(({ sessionId }) => {
      const toldMs = before.get(sessionId)
      const isDue = toldMs === undefined || monoMs - toldMs >= STOP_AGAIN_MS
      this.#toldMs.set(sessionId, isDue ? monoMs : toldMs)
      return isDue
    })
  }
}
