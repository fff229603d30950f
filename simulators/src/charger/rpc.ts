/** OCPP-J on one connection, from the station's side: its calls one at a time, the central system's answered in order. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { describeErrors, type ErrorCode, errorCodeFor } from '@switchyard/protocol/ocpp/error-code.ts'
import {
  answerToMalformed,
  type CallFrame,
  parseFrame,
  serialiseFrame,
} from '@switchyard/protocol/ocpp/frame.ts'
import type { Validators } from '@switchyard/protocol/ocpp/validators.ts'
import type { Clock } from '../clock.ts'

/** Calls that wait for the outstanding one; a further one fails at once. */
export const WAITING_CALLS_MAX = 100

/** Why a call brought no answer. `lost`: the connection ended; `timeout`; `error`: a CALLERROR; `invalid`: what was sent or came breaks its schema. */
export type CallFailure = 'lost' | 'timeout' | 'error' | 'invalid' | 'queue-full'

export class CallFailed extends Error {
  readonly kind: CallFailure

  constructor(kind: CallFailure, message: string) {
    super(message)
    this.kind = kind
  }
}

/** Thrown by a handler to answer with a CALLERROR. */
export class Refusal extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, description: string) {
    super(description)
    this.code = code
  }
}

export interface Answer {
  payload: object
  /** Runs once the answer has been sent: what was promised is done. */
  afterwards?: () => void
}

export interface RpcOptions {
  validators: Validators
  clock: Clock
  callTimeoutMs: number
  newId: () => string
  send: (text: string) => void
  /** Answers a call whose payload is valid; throws Refusal. */
  handle: (action: string, payload: JsonObject) => Answer
  /** Something that should not happen was sent or received. */
  onFault: (description: string) => void
}

interface PendingCall {
  id: string
  action: string
  payload: object
  resolve: (payload: JsonObject) => void
  reject: (error: CallFailed) => void
}

export class Rpc {
  readonly #options: RpcOptions
  readonly #waiting: PendingCall[] = []
  #outstanding: (PendingCall & { cancelTimeout: () => void }) | undefined
  #closed = false

  constructor(options: RpcOptions) {
    this.#options = options
  }

  /** Resolves with the schema-valid answer; rejects with CallFailed. */
  call(action: string, payload: object): Promise<JsonObject> {
    const errors = this.#options.validators.find(action)?.request(payload)
    if (errors === undefined) return this.#refuse('invalid', `${action} does not exist in this version`)
    if (errors.length > 0) {
      this.#options.onFault(`our own ${action} is invalid: ${describeErrors(errors)}`)
      return this.#refuse('invalid', `${action}: ${describeErrors(errors)}`)
    }
    if (this.#closed) return this.#refuse('lost', 'the connection has ended')
    if (this.#waiting.length >= WAITING_CALLS_MAX)
      return this.#refuse('queue-full', 'too many calls wait already')
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id: this.#options.newId(), action, payload, resolve, reject })
      this.#sendNext()
    })
  }

  /** Takes one text frame. Never throws. */
  receive(text: string): void {
    const { version } = this.#options.validators
    const frame = parseFrame(version, text)
    switch (frame.type) {
      case 'call':
        this.#answer(frame)
        return
      case 'callResult':
        this.#settle(frame.id, (call) => {
          const errors = this.#options.validators.find(call.action)?.response?.(frame.payload) ?? []
          if (errors.length === 0) return call.resolve(frame.payload as JsonObject)
          this.#options.onFault(`the answer to ${call.action} is invalid: ${describeErrors(errors)}`)
          call.reject(new CallFailed('invalid', describeErrors(errors)))
        })
        return
      case 'callError':
        this.#settle(frame.id, (call) =>
          call.reject(new CallFailed('error', `${call.action}: ${frame.code} ${frame.description}`)),
        )
        return
      case 'malformed': {
        this.#options.onFault(`malformed frame: ${frame.why}`)
        const answer = answerToMalformed(frame)
        if (answer) this.#options.send(serialiseFrame(answer))
        return
      }
      default:
        this.#options.onFault(`a ${frame.type} frame means nothing to a station of OCPP ${version}`)
    }
  }

  /** The connection has ended: nothing under way will be answered. */
  close(): void {
    this.#closed = true
    const lost = [...(this.#outstanding ? [this.#outstanding] : []), ...this.#waiting.splice(0)]
    this.#outstanding?.cancelTimeout()
    this.#outstanding = undefined
    for (const call of lost) call.reject(new CallFailed('lost', `${call.action}: the connection ended`))
  }

  #sendNext(): void {
    if (this.#outstanding || this.#closed) return
    const call = this.#waiting.shift()
    if (!call) return
    const { clock, callTimeoutMs } = this.#options
    const cancelTimeout = clock.after(callTimeoutMs, () => {
      this.#outstanding = undefined
      call.reject(
        new CallFailed('timeout', `${call.action}: no answer within ${Math.round(callTimeoutMs / 1000)} s`),
      )
      this.#sendNext()
    })
    this.#outstanding = { ...call, cancelTimeout }
    this.#options.send(
      serialiseFrame({ type: 'call', id: call.id, action: call.action, payload: call.payload }),
    )
  }

  #settle(id: string, outcome: (call: PendingCall) => void): void {
    const call = this.#outstanding
    if (call?.id !== id) {
      this.#options.onFault(`an answer to no outstanding call: ${id}`)
      return
    }
    call.cancelTimeout()
    this.#outstanding = undefined
    outcome(call)
    this.#sendNext()
  }

  #answer(frame: CallFrame): void {
    const { send } = this.#options
    let answer: Answer
    try {
      answer = this.#handle(frame)
    } catch (error) {
      if (!(error instanceof Refusal)) this.#options.onFault(`${frame.action} failed here: ${String(error)}`)
      const code = error instanceof Refusal ? error.code : 'InternalError'
      const description = error instanceof Error ? error.message : String(error)
      send(serialiseFrame({ type: 'callError', id: frame.id, code, description, details: {} }))
      return
    }
    send(serialiseFrame({ type: 'callResult', id: frame.id, payload: answer.payload }))
    answer.afterwards?.()
  }

  #handle({ action, payload }: CallFrame): Answer {
    const { validators, handle, onFault } = this.#options
    const checks = validators.find(action)
    if (!checks) throw new Refusal('NotImplemented', `${action} is not known here`)
    const errors = checks.request(payload)
    if (errors.length > 0) throw new Refusal(errorCodeFor(validators.version, errors), describeErrors(errors))
    const answer = handle(action, payload as JsonObject)
    const ours = checks.response?.(answer.payload) ?? []
    if (ours.length > 0) {
      onFault(`our own answer to ${action} is invalid: ${describeErrors(ours)}`)
      throw new Refusal('InternalError', describeErrors(ours))
    }
    return answer
  }

  #refuse(kind: CallFailure, message: string): Promise<never> {
    return Promise.reject(new CallFailed(kind, message))
  }
}
