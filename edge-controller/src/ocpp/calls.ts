/** Our calls to one station, over the protocol's RPC state machine: one outstanding, the rest wait in a bounded queue. */

import type { CallErrorFrame, CallResultFrame, MalformedFrame } from '@switchyard/protocol/ocpp/frame.ts'
import { serialiseFrame } from '@switchyard/protocol/ocpp/frame.ts'
import { type OutboundCall, Rpc, type RpcEvent } from '@switchyard/protocol/ocpp/rpc.ts'
import { randomId } from '../ids.ts'
import type { Clock, Log, Random } from '../ports.ts'

export type CallOutcome =
  | { status: 'answered'; payload: unknown }
  /** The station's CALLERROR, or an answer that could not be read. */
  | { status: 'failed'; code: string; description: string }
  /** Sent, and no answer came: whether it took effect is unknown. */
  | { status: 'unknown'; reason: 'timeout' | 'connection-lost' }
  /** Never sent. */
  | { status: 'not-sent'; reason: 'expired' | 'queue-full' | 'connection-lost' }

/** The word on a call that was not answered: the station's error, or why nothing came. */
export function whyUnanswered(outcome: Exclude<CallOutcome, { status: 'answered' }>): string {
  return outcome.status === 'failed' ? outcome.code : outcome.reason
}

export interface CallOptions {
  /** From sending to the answer; the protocol's default without it. */
  timeoutMs?: number
  /** Not sent later than this from now. */
  expiresInMs?: number
  /** Goes before calls that are not urgent. */
  urgent?: boolean
}

/** Calls a station and resolves with what came of it; never rejects. */
export type Call = (action: string, payload: object, options?: CallOptions) => Promise<CallOutcome>

export interface CallsPorts {
  clock: Clock
  random: Random
  log: Log
  send(text: string): void
}

export class Calls {
  readonly #rpc = new Rpc()
  readonly #ports: CallsPorts
  readonly #waiting = new Map<string, (outcome: CallOutcome) => void>()
  #cancelTimer: (() => void) | undefined

  constructor(ports: CallsPorts) {
    this.#ports = ports
  }

  call: Call = (action, payload, options = {}) => {
    const { clock, random } = this.#ports
    const now = clock.mono()
    const call: OutboundCall = {
      id: randomId(random),
      action,
      payload,
      ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
      ...(options.expiresInMs === undefined ? {} : { expiresAtMs: now + options.expiresInMs }),
      ...(options.urgent ? { urgent: true } : {}),
    }
    return new Promise((resolve) => {
      this.#waiting.set(call.id, resolve)
      this.#handle(this.#rpc.call(now, call))
    })
  }

  /** Takes an answer of the station, or a malformed frame that may have been one. */
  receive(frame: CallResultFrame | CallErrorFrame | MalformedFrame): void {
    this.#handle(this.#rpc.receive(this.#ports.clock.mono(), frame))
  }

  close(): void {
    this.#handle(this.#rpc.close())
    this.#cancelTimer?.()
  }

  #handle(events: RpcEvent[]): void {
    for (const event of events) this.#handleOne(event)
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const dueAtMs = this.#rpc.nextDueAtMs()
    if (dueAtMs === undefined) return
    const { clock } = this.#ports
    this.#cancelTimer = clock.after(Math.max(0, dueAtMs - clock.mono()), () =>
      this.#handle(this.#rpc.due(clock.mono())),
    )
  }

  #handleOne(event: RpcEvent): void {
    const { log } = this.#ports
    if (event.kind === 'send') this.#ports.send(serialiseFrame(event.frame))
    else if (event.kind === 'late')
      log.warn({ action: event.call.action }, 'the answer to a call came after its time')
    else if (event.kind === 'unknown') log.warn({ messageId: event.frame.id }, 'an answer to no call of ours')
    else {
      const resolve = this.#waiting.get(event.call.id)
      this.#waiting.delete(event.call.id)
      resolve?.(outcomeOf(event))
    }
  }
}

type Settled = Exclude<RpcEvent, { kind: 'send' | 'late' | 'unknown' }>

function outcomeOf(event: Settled): CallOutcome {
  switch (event.kind) {
    case 'answered':
      return { status: 'answered', payload: event.payload }
    case 'failed':
      return { status: 'failed', code: event.code, description: event.description }
    case 'timed-out':
      return { status: 'unknown', reason: 'timeout' }
    case 'expired':
      return { status: 'not-sent', reason: 'expired' }
    case 'refused':
      return {
        status: 'not-sent',
        reason: event.reason === 'queue-full' ? 'queue-full' : 'connection-lost',
      }
    case 'abandoned':
      return { status: event.sent ? 'unknown' : 'not-sent', reason: 'connection-lost' }
  }
}
