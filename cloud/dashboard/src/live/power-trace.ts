/** Power readings of running sessions as they were seen in live pictures since the page was opened; nothing is filled in. */
import type { StreamLive } from '@switchyard/protocol/api/shapes.ts'

/** Sessions traced at once; past it the one that began to be traced first is dropped. */
export const MAX_TRACED_SESSIONS = 64
/** Readings kept per session; the oldest go first. Two hours at one reading every 5 s. */
export const MAX_TRACE_POINTS = 1_440

export interface TracePoint {
  /** Time of the reading at the station, ms since the epoch. */
  atMs: number
  powerW: number
}

export class PowerTrace {
  private readonly sessions = new Map<string, TracePoint[]>()

  add(picture: StreamLive): void {
    for (const station of picture.stations) {
      for (const { session } of station.connectors) {
        if (session?.powerW === undefined || session.readAt === undefined) continue
        const atMs = Date.parse(session.readAt)
        if (!Number.isNaN(atMs)) this.point(session.sessionId, { atMs, powerW: session.powerW })
      }
    }
  }

  private point(sessionId: string, point: TracePoint): void {
    const before = this.sessions.get(sessionId) ?? []
    const last = before.at(-1)
    if (last && point.atMs <= last.atMs) return
    // A new array each time, so that a view can tell by identity whether anything changed.
    this.sessions.set(sessionId, [...before.slice(-(MAX_TRACE_POINTS - 1)), point])
    if (this.sessions.size > MAX_TRACED_SESSIONS) {
      this.sessions.delete(this.sessions.keys().next().value!)
    }
  }

  /** Oldest first; the same array as long as nothing came. */
  of(sessionId: string): readonly TracePoint[] {
    return this.sessions.get(sessionId) ?? NO_POINTS
  }

  clear(): void {
    this.sessions.clear()
  }
}

const NO_POINTS: readonly TracePoint[] = []
