/** What each session of a site shall have, when some of them do not listen. Pure. */
import { allocate } from './allocator.ts'

export interface Charging {
  sessionId: string
  /** The most that it may be drawing now, mA per phase. */
  reservedMa: number
  /** Its station can be told. */
  reachable: boolean
  /** It took its last limit, and draws no more. */
  heeds: boolean
}

/**
 * Shares what the idle connectors leave, oldest first. Sessions that cannot be told, refuse their limit or do not keep it stay
 * with what they reserve, and the others share the rest. Who can be told and does not listen is told its part all the same.
 */
export function shares(limitMa: number, idleMa: number, sessions: readonly Charging[]): Map<string, number> {
  const told = sessions.filter((s) => s.reachable)
  const leftMa = limitMa - idleMa - sum(sessions.filter((s) => !s.reachable))
  const forAll = among(leftMa, told)
  const forHeeding = among(
    leftMa - sum(told.filter((s) => !s.heeds)),
    told.filter((s) => s.heeds),
  )
  return new Map([...forAll, ...forHeeding])
}

function among(budgetMa: number, sessions: readonly Charging[]): Map<string, number> {
  return allocate(
    Math.max(0, budgetMa),
    sessions.map((s) => s.sessionId),
  )
}

function sum(sessions: readonly Charging[]): number {
  return sessions.reduce((ma, s) => ma + s.reservedMa, 0)
}
