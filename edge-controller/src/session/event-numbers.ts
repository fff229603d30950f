/**
 * Numbers of the events of a 2.x transaction (`seqNo`, use cases E01 to E04, E14): each is one higher than the one before. Those that
 * are missing among what has come are told; they may still come out of the station's queue. A number that comes again says nothing
 * (stations repeat them, and count anew after a reboot), and where a count begins is the station's own affair.
 */
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Draft } from '../draft.ts'
import { putSession, type Session } from './session.ts'

/** Runs of numbers of one session that are kept; where there are more, the first two become one, with what lies between. */
export const RUNS_MAX = 32
/** A station is asked for missing events so often, where it says that messages wait. */
export const ASKS_MAX = 3

export interface EventNumbers {
  /** What has come, in order: from and to of each run of numbers. */
  seen: [from: number, to: number][]
  /** What was told to be missing, as told. */
  told?: string
  /** How often the station was asked what waits. */
  asked?: number
  /** It says that nothing waits: what is missing does not come. */
  lost?: boolean
}

type Range = FactData<'session.gap'>['missing'][number]

export function missingOf({ events }: Session): Range[] {
  const seen = events?.seen ?? []
  return seen.slice(1).map(([from], index) => ({ from: seen[index]![1] + 1, to: from - 1 }))
}

/** An event has come; `isLast`: the session ends with it. Tells when the first is missing, when none is any more, and what is at the end. */
export function noteEvent(draft: Draft, session: Session, seqNo: number, isLast: boolean): Session {
  const before = session.events
  const seen = withNumber(before?.seen ?? [], seqNo)
  if (seen === before?.seen && !isLast) return session
  const noted: Session = { ...session, events: { ...before, seen } }
  const missing = missingOf(noted)
  const wasMissing = before !== undefined && missingOf(session).length > 0
  const isNews = missing.length > 0 !== wasMissing || (isLast && missing.length > 0)
  return isNews ? tell(draft, noted, missing) : put(draft, noted)
}

/** What a station says of the messages of a transaction that wait (E14). */
export function noteStatus(draft: Draft, session: Session, messagesInQueue: boolean | undefined): Session {
  const missing = missingOf(session)
  if (!session.events || missing.length === 0) return session
  const asked = (session.events.asked ?? 0) + 1
  // One that cannot say is not asked again.
  const events = { ...session.events, asked: messagesInQueue === true ? asked : ASKS_MAX }
  if (messagesInQueue !== false) return put(draft, { ...session, events })
  return tell(draft, { ...session, events: { ...events, lost: true } }, missing)
}

function tell(draft: Draft, session: Session, missing: Range[]): Session {
  const { lost, ...events } = session.events!
  const isLost = missing.length > 0 && lost === true
  const data = { missing, ...(isLost ? { lost: true } : {}) }
  const told = JSON.stringify(data)
  if (told === events.told) return put(draft, session)
  draft.fact({ kind: 'session.gap', stationId: session.stationId, sessionId: session.sessionId, data })
  return put(draft, { ...session, events: { ...events, told, ...(isLost ? { lost: true } : {}) } })
}

function put(draft: Draft, session: Session): Session {
  putSession(draft, session)
  return session
}

/** The runs with one number more; the same object where it was there. */
function withNumber(seen: EventNumbers['seen'], seqNo: number): EventNumbers['seen'] {
  if (!Number.isSafeInteger(seqNo) || seen.some(([from, to]) => from <= seqNo && seqNo <= to)) return seen
  const runs: EventNumbers['seen'] = []
  const all = [...seen, [seqNo, seqNo] as [number, number]].sort((a, b) => a[0] - b[0])
  for (const [from, to] of all) {
    const last = runs.at(-1)
    if (last && from === last[1] + 1) last[1] = to
    else runs.push([from, to])
  }
  return runs.length <= RUNS_MAX ? runs : [[runs[0]![0], runs[1]![1]], ...runs.slice(2)]
}
