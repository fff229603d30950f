/** What a station has been told, and what it is known to hold; lost at a restart of ours, and at every boot of the station. */

/** A station that refused or did not answer is asked again after this time. */
export const RETRY_AFTER_MS = 15_000
/** One that does not know charging profiles at all is asked again after this time, or after its next boot. */
export const UNSUPPORTED_RETRY_MS = 600_000

/** One profile of a station: its failsafe, or the limit of a session. */
export interface HeldLimit {
  /** The last one that was accepted. */
  confirmedMa?: number
  /** The highest that was sent since and not refused: it may have taken effect. */
  unconfirmedMa?: number
  /** It was refused, or not answered, when it was asked last. */
  refuses: boolean
  asking: boolean
  retryAtMs: number
  /** Shall be told again, the last accepted one included: after a refusal, and as some stations lose their profiles with their connection. */
  again: boolean
}

/** What came of asking: the station's word, the code of its error, or why there is no answer. */
export type AskResult = string | { unanswered: 'timeout' | 'connection-lost' | 'not-sent' }

export function nothingHeld(): HeldLimit {
  return { refuses: false, asking: false, retryAtMs: 0, again: false }
}

/** A limit is on its way; returns what to call with the answer, which tells whether it was accepted. */
export function ask(limit: HeldLimit, toMa: number): (result: AskResult, nowMs: number) => boolean {
  const { unconfirmedMa: before } = limit
  limit.asking = true
  limit.unconfirmedMa = Math.max(toMa, before ?? 0)
  return (result, nowMs) => {
    limit.asking = false
    const isAnswer = typeof result === 'string'
    if (result === 'Accepted') {
      limit.confirmedMa = toMa
      delete limit.unconfirmedMa
      limit.refuses = false
      limit.again = false
      return true
    }
    // What was refused or never sent has no effect; what was sent and got no answer may have one.
    if (isAnswer || result.unanswered === 'not-sent') restore(limit, before)
    // A lost connection says nothing about the station's will.
    if (isAnswer || result.unanswered === 'timeout') limit.refuses = true
    limit.again = true
    limit.retryAtMs = nowMs + retryAfterMs(result)
    return false
  }
}

/** The highest that the station may hold; undefined while nothing was accepted. */
export function heldMa(limit: HeldLimit | undefined): number | undefined {
  if (limit?.confirmedMa === undefined) return undefined
  return Math.max(limit.confirmedMa, limit.unconfirmedMa ?? 0)
}

/** The station is back on the line without a boot. */
export function tellAgain(limit: HeldLimit | undefined): void {
  if (!limit) return
  limit.again = true
  limit.retryAtMs = 0
}

function restore(limit: HeldLimit, unconfirmedMa: number | undefined): void {
  if (unconfirmedMa === undefined) delete limit.unconfirmedMa
  else limit.unconfirmedMa = unconfirmedMa
}

function retryAfterMs(result: AskResult): number {
  return result === 'NotSupported' || result === 'NotImplemented' ? UNSUPPORTED_RETRY_MS : RETRY_AFTER_MS
}
