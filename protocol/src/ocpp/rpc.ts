import type { CallErrorFrame, CallFrame, CallResultFrame, MalformedFrame } from './frame.ts'

/**
 * Our own calls on one connection: one is outstanding at a time (1.6-J section 4.1.1; 2.x part 4, section 4.1), the
 * rest wait in a bounded queue. Pure: time comes in as a value, frames to send and outcomes come out as events.
 */

/** Calls that may wait behind the outstanding one; one more is refused. */
export const WAITING_MAX = 64
/** Calls without an answer that are remembered, so that an answer that is late is told from one to nothing. */
export const UNANSWERED_MAX = 16
/** Time that a station has to answer, where the caller names none. */
export const DEFAULT_TIMEOUT_MS = 30_000

export interface OutboundCall {
  /** Message id, unique on this connection, at most 36 characters. */
  id: string
  action: string
  payload: unknown
  /** From sending to the answer. */
  timeoutMs?: number
  /** Not sent at or after this time (same clock as `now`). */
  expiresAtMs?: number
  /** Goes before waiting calls that are not urgent: a lower limit must not queue behind a report. */
  urgent?: boolean
}

export type RpcEvent =
  /** Write this frame to the socket now. */
  | { kind: 'send'; frame: CallFrame }
  | { kind: 'answered'; call: OutboundCall; payload: unknown }
  /** The station answered with an error, or with a frame that cannot be read. */
  | { kind: 'failed'; call: OutboundCall; code: string; description: string; details: unknown }
  /** Sent, and not answered in time; whether it took effect is unknown. */
  | { kind: 'timed-out'; call: OutboundCall }
  /** Its time ran out while it waited; it was never sent. */
  | { kind: 'expired'; call: OutboundCall }
  | { kind: 'refused'; call: OutboundCall; reason: 'queue-full' | 'duplicate-id' | 'closed' }
  /** The connection ended first; `sent` tells whether the station may have seen it. */
  | { kind: 'abandoned'; call: OutboundCall; sent: boolean }
  /** An answer to a call that had timed out. */
  | { kind: 'late'; call: OutboundCall; frame: CallResultFrame | CallErrorFrame }
  /** An answer to no call of ours. */
  | { kind: 'unknown'; frame: CallResultFrame | CallErrorFrame | MalformedFrame }

export class Rpc {
  private outstanding: { call: OutboundCall; dueAtMs: number } | undefined
  private readonly waiting: OutboundCall[] = []
  /** In order of timing out, oldest first. */
  private readonly unanswered = new Map<string, OutboundCall>()
  private closed = false

  /** Sends the call, or lets it wait, or refuses it. */
  call(now: number, call: OutboundCall): RpcEvent[] {
    if (this.closed) return [{ kind: 'refused', call, reason: 'closed' }]
    if (this.isKnown(call.id)) return [{ kind: 'refused', call, reason: 'duplicate-id' }]
    if (this.waiting.length >= WAITING_MAX) return [{ kind: 'refused', call, reason: 'queue-full' }]
    const firstNotUrgent = call.urgent ? this.waiting.findIndex((other) => !other.urgent) : -1
    if (firstNotUrgent >= 0) this.waiting.splice(firstNotUrgent, 0, call)
    else this.waiting.push(call)
    return this.sendNext(now)
  }

  /** Takes an answer, or a malformed frame that may have been one. */
  receive(now: number, frame: CallResultFrame | CallErrorFrame | MalformedFrame): RpcEvent[] {
    const call = this.outstanding?.call
    // A malformed frame that wants an answer was a call of the station's own.
    const isAnswer = frame.type !== 'malformed' || !frame.answer
    if (call === undefined || frame.id !== call.id || !isAnswer) return [this.unmatched(frame)]
    this.outstanding = undefined
    return [settle(call, frame), ...this.sendNext(now)]
  }

  /** What time alone has decided by `now`: time-outs, expiries, and the next call to send. */
  due(now: number): RpcEvent[] {
    const events: RpcEvent[] = []
    if (this.outstanding && this.outstanding.dueAtMs <= now) {
      const { call } = this.outstanding
      this.outstanding = undefined
      this.remember(call)
      events.push({ kind: 'timed-out', call })
    }
    for (let i = this.waiting.length - 1; i >= 0; i--) {
      const call = this.waiting[i]!
      if (!hasExpired(call, now)) continue
      this.waiting.splice(i, 1)
      events.push({ kind: 'expired', call })
    }
    events.push(...this.sendNext(now))
    return events
  }

  /** When `due` next has something to do; undefined while nothing is under way. */
  nextDueAtMs(): number | undefined {
    let next = this.outstanding?.dueAtMs
    for (const { expiresAtMs } of this.waiting) {
      if (expiresAtMs !== undefined && (next === undefined || expiresAtMs < next)) next = expiresAtMs
    }
    return next
  }

  /** The connection has ended: every call under way is abandoned, and further ones are refused. */
  close(): RpcEvent[] {
    this.closed = true
    const events: RpcEvent[] = []
    if (this.outstanding) events.push({ kind: 'abandoned', call: this.outstanding.call, sent: true })
    for (const call of this.waiting) events.push({ kind: 'abandoned', call, sent: false })
    this.outstanding = undefined
    this.waiting.length = 0
    return events
  }

  /** The action of the outstanding call with this id: what its answer is validated against. */
  actionOf(id: string): string | undefined {
    return this.outstanding?.call.id === id ? this.outstanding.call.action : this.unanswered.get(id)?.action
  }

  get waitingCount(): number {
    return this.waiting.length
  }

  private sendNext(now: number): RpcEvent[] {
    const events: RpcEvent[] = []
    while (this.outstanding === undefined) {
      const call = this.waiting.shift()
      if (call === undefined) break
      if (hasExpired(call, now)) {
        events.push({ kind: 'expired', call })
        continue
      }
      this.outstanding = { call, dueAtMs: now + (call.timeoutMs ?? DEFAULT_TIMEOUT_MS) }
      events.push({
        kind: 'send',
        frame: { type: 'call', id: call.id, action: call.action, payload: call.payload },
      })
    }
    return events
  }

  private unmatched(frame: CallResultFrame | CallErrorFrame | MalformedFrame): RpcEvent {
    const call = this.unanswered.get(frame.id)
    if (call === undefined || frame.type === 'malformed') return { kind: 'unknown', frame }
    this.unanswered.delete(frame.id)
    return { kind: 'late', call, frame }
  }

  private remember(call: OutboundCall): void {
    this.unanswered.set(call.id, call)
    if (this.unanswered.size > UNANSWERED_MAX) {
      for (const oldest of this.unanswered.keys()) {
        this.unanswered.delete(oldest)
        break
      }
    }
  }

  private isKnown(id: string): boolean {
    return (
      this.outstanding?.call.id === id ||
      this.unanswered.has(id) ||
      this.waiting.some((call) => call.id === id)
    )
  }
}

function hasExpired(call: OutboundCall, now: number): boolean {
  return call.expiresAtMs !== undefined && call.expiresAtMs <= now
}

function settle(call: OutboundCall, frame: CallResultFrame | CallErrorFrame | MalformedFrame): RpcEvent {
  switch (frame.type) {
    case 'callResult':
      return { kind: 'answered', call, payload: frame.payload }
    case 'callError':
      return {
        kind: 'failed',
        call,
        code: frame.code,
        description: frame.description,
        details: frame.details,
      }
    case 'malformed':
      return { kind: 'failed', call, code: frame.code, description: frame.why, details: {} }
  }
}
