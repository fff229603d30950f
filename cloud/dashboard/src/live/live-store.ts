/**
 * The newest picture of each site, as the stream brings them, and what can be kept of the ones before: the outcomes of
 * commands and the power readings seen since the page was opened.
 */
import type { StreamLive } from '@switchyard/protocol/api/shapes.ts'
import { PowerTrace } from './power-trace.ts'

/** Sites whose picture is kept; past it the one heard least recently is dropped. */
export const MAX_SITES = 500
/** Outcomes of commands kept for who waits for one. */
export const MAX_OUTCOMES = 200

export type LiveOutcome = StreamLive['outcomes'][number]
export interface ReceivedPicture {
  picture: StreamLive
  /** When it came, by the page's clock. */
  receivedMs: number
}

/**
 * Whether `next` is newer than `current`. Within a boot pictures are counted; a new boot of the same journal knows at least
 * as much of the ledger; another journal must have been granted authority later, which its epoch says.
 */
export function supersedes(current: StreamLive, next: StreamLive): boolean {
  if (next.journalId !== current.journalId) return next.epoch > current.epoch
  if (next.epoch !== current.epoch) return next.epoch > current.epoch
  if (next.bootId === current.bootId) return next.n > current.n
  return next.ledgerSeq >= current.ledgerSeq
}

export class LiveStore {
  readonly trace = new PowerTrace()
  private readonly pictures = new Map<string, ReceivedPicture>()
  private readonly outcomes = new Map<string, LiveOutcome>()
  private readonly listeners = new Set<() => void>()
  private changes = 0

  /** Takes a picture; false when it is older than what is shown. */
  accept(picture: StreamLive, receivedMs: number): boolean {
    const current = this.pictures.get(picture.siteId)
    // The snapshot at a reconnect may be the picture that is shown already: that is no news, and no sign of life either.
    if (current && !supersedes(current.picture, picture)) return false
    this.pictures.delete(picture.siteId)
    this.pictures.set(picture.siteId, { picture, receivedMs })
    if (this.pictures.size > MAX_SITES) this.pictures.delete(this.pictures.keys().next().value!)
    for (const outcome of picture.outcomes) {
      this.outcomes.set(outcome.commandId, outcome)
      if (this.outcomes.size > MAX_OUTCOMES) this.outcomes.delete(this.outcomes.keys().next().value!)
    }
    this.trace.add(picture)
    this.changed()
    return true
  }

  picture(siteId: string): ReceivedPicture | undefined {
    return this.pictures.get(siteId)
  }

  outcome(commandId: string): LiveOutcome | undefined {
    return this.outcomes.get(commandId)
  }

  /** Counts changes. */
  readonly version = (): number => this.changes

  /** For React's useSyncExternalStore. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Forgets everything: someone else may sign in. */
  clear(): void {
    this.pictures.clear()
    this.outcomes.clear()
    this.trace.clear()
    this.changed()
  }

  private changed(): void {
    this.changes += 1
    for (const listener of this.listeners) listener()
  }
}
