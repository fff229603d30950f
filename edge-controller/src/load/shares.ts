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
 * with what they reserve, and the others share the rest. Who can be told and does not listen is told the part that it would
 * have if it alone began to.
 */
export function shares(limitMa: number, idleMa: number, sessions: readonly Charging[]): Map<string, number> {
  const told = sessions.filter((s) => s.reachable)
  const heeding = told.filter((s) => s.heeds)
  const leftMa = limitMa - idleMa - sum(sessions.filter((s) => !heeding.includes(s)))
  const given = among(leftMa, heeding)
  for (const deaf of told.filter((s) => !s.heeds)) {
    const asIfHeeding = among(
      leftMa + deaf.reservedMa,
      told.filter((s) => s.heeds || s === deaf),
    )
    given.set(deaf.sessionId, asIfHeeding.get(deaf.sessionId)!)
  }
  return given
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
