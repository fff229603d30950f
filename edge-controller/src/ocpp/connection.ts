/**
 * One charger's WebSocket: its messages wait in a bounded inbox and are taken one at a time, in order; answers to our own
 * calls pass by at once. A malformed frame is answered with the version's own error and ends nothing.
 */
import {
  answerToMalformed,
  type CallErrorFrame,
  type CallFrame,
  type CallResultFrame,
  parseFrame,
  type SendFrame,
  serialiseFrame,
} from '@switchyard/protocol/ocpp/frame.ts'
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { Clock, Log, Random, Socket } from '../ports.ts'
import { type Call, Calls } from './calls.ts'
import type { Lane } from './lane.ts'

/** Messages that may wait; beyond it the socket is paused (what the network layer holds already still comes in). */
export const INBOX_MAX = 64
/** A paused socket is read again when so few wait. */
export const INBOX_RESUME = 16
/** Answers kept for messages that come a second time. */
export const ANSWERS_KEPT = 8
/** Longest message that is remembered: a longer one that comes again is taken again, which changes nothing but its readings. */
export const KEPT_MAX_CHARS = 16 * 1024
/** A socket on which nothing was heard for so many ping intervals is closed; for so many heartbeats where a station answers no ping. */
export const SILENT_INTERVALS = 2.5

export interface Answer {
  frame: CallResultFrame | CallErrorFrame
  /** Whether the same text again is a resend, to be answered from memory. */
  keep: boolean
  /** What follows once the answer is sent. */
  after?: () => void
}

/** What cannot be journalled now and is worth money: it stays with the station, which keeps it while it has no connection. */
export interface LeftWithStation {
  closeReason: string
}

export interface ConnectionPorts {
  stationId: string
  version: OcppVersion
  clock: Clock
  random: Random
  log: Log
  lane: Lane
  /** 0: no pings, and silence is borne. */
  pingIntervalMs: number
  /** How often the station is heard without a ping, ms, where it answers none; 0: it answers them. */
  beatMs(): number
  /** Takes one message of the station; undefined when it could not be taken and shall not be answered. Must not reject. */
  answer(message: CallFrame | SendFrame): Promise<Answer | LeftWithStation | undefined>
  /** Transcript on demand: every frame as it stands on the wire. */
  record?: (direction: 'in' | 'out', text: string) => void
  /** Once, with the reason for the log. */
  onClosed(code: number, reason: string): void
}

export class Connection {
  readonly remote: string
  readonly local: string | undefined
  readonly version: OcppVersion
  readonly #socket: Socket
  readonly #ports: ConnectionPorts
  readonly #calls: Calls
  readonly #inbox: { text: string; call: CallFrame | SendFrame | CallErrorFrame }[] = []
  /** Oldest first. Compared one by one, which ends at the ids of most: a map would hash every message whole. */
  readonly #answers: { text: string; answer: string }[] = []
  /** As many as the schema of TriggerMessage knows. */
  readonly #askedFor = new Set<string>()
  #draining = false
  #paused = false
  #closed = false
  #heardAtMs: number
  #cancelPing: (() => void) | undefined

  constructor(socket: Socket, ports: ConnectionPorts) {
    this.#socket = socket
    this.#ports = ports
    this.remote = socket.remote
    this.local = socket.local
    this.version = ports.version
    this.#heardAtMs = ports.clock.mono()
    this.#calls = new Calls({ ...ports, send: (text) => this.#send(text) })
    socket.onText((text) => this.#receive(text))
    socket.onPong(() => {
      this.#heardAtMs = ports.clock.mono()
    })
    socket.onClose((code, reason) => this.#end(code, reason))
    this.#schedulePing()
  }

  call: Call = (action, payload, options) => {
    const { requestedMessage } = payload as { requestedMessage?: unknown }
    if (typeof requestedMessage === 'string') this.#askedFor.add(requestedMessage)
    return this.#calls.call(action, payload, options)
  }

  /** Whether the station was asked for this message by a TriggerMessage. */
  wasAskedFor(action: string): boolean {
    // Each kind of certificate has a name of its own there.
    if (action === 'SignCertificate') return [...this.#askedFor].some((name) => name.startsWith('Sign'))
    return this.#askedFor.has(action)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Closes with a WebSocket code; calls under way end as unknown or not sent. */
  close(code: number, reason: string): void {
    if (this.#closed) return
    this.#socket.close(code, reason)
    // The other side's answer to the close must be heard.
    if (this.#paused) this.#socket.resume()
    this.#end(code, reason)
  }

  #receive(text: string): void {
    // What comes after the close would wait without a bound: nothing holds its sender back any more.
    if (this.#closed) return
    const { version, clock, log, record } = this.#ports
    this.#heardAtMs = clock.mono()
    record?.('in', text)
    const frame = parseFrame(version, text)
    if (frame.type === 'call' || frame.type === 'send') this.#enqueue(text, frame)
    else if (frame.type === 'callResult' || frame.type === 'callError') this.#calls.receive(frame)
    else if (frame.type === 'malformed') {
      log.warn({ why: frame.why, messageId: frame.id }, 'malformed frame')
      const answer = answerToMalformed(frame)
      // Answered in its turn, so that answers keep the order of the messages.
      if (answer) this.#enqueue(text, answer)
      else this.#calls.receive(frame)
    } else {
      // Never answered (2.1 part 4): what the station told is kept, and only it knows what it did not understand of the answer.
      const { id: messageId, code, description } = frame
      log.warn({ messageId, code, description }, 'the station could not take an answer')
    }
  }

  #enqueue(text: string, call: CallFrame | SendFrame | CallErrorFrame): void {
    this.#inbox.push({ text, call })
    if (this.#inbox.length >= INBOX_MAX && !this.#paused) {
      this.#paused = true
      this.#socket.pause()
    }
    if (!this.#draining) void this.#drain()
  }

  /** Goes on after a close: what was received may be a stop, and is taken though nobody hears the answer. */
  async #drain(): Promise<void> {
    this.#draining = true
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
      await this.#take(next.text, next.call)
      if (this.#paused && this.#inbox.length <= INBOX_RESUME && !this.#closed) {
        this.#paused = false
        this.#heardAtMs = this.#ports.clock.mono()
        this.#socket.resume()
      }
    }
    this.#draining = false
  }

  async #take(text: string, call: CallFrame | SendFrame | CallErrorFrame): Promise<void> {
    if (call.type === 'callError') return this.#send(serialiseFrame(call))
    const known = this.#answers.find((it) => it.text === text)
    if (known) return this.#send(known.answer)
    const answer = await this.#ports.lane.run(() => this.#ports.answer(call))
    if (!answer) return
    // Nobody waits for the answer to a SEND.
    if (call.type === 'send') return 'after' in answer ? answer.after?.() : undefined
    // A station gives up what is refused a few times, or not answered; what it could not send it keeps.
    if ('closeReason' in answer) return this.close(1013, answer.closeReason)
    const answerText = serialiseFrame(answer.frame)
    if (answer.keep && text.length <= KEPT_MAX_CHARS) this.#remember(text, answerText)
    this.#send(answerText)
    answer.after?.()
  }

  #remember(text: string, answer: string): void {
    if (this.#answers.length === ANSWERS_KEPT) this.#answers.shift()
    this.#answers.push({ text, answer })
  }

  #send(text: string): void {
    if (this.#closed) return
    this.#ports.record?.('out', text)
    this.#socket.send(text)
  }

  #schedulePing(): void {
    const { pingIntervalMs, beatMs, clock, log } = this.#ports
    if (pingIntervalMs <= 0) return
    this.#cancelPing = clock.after(pingIntervalMs, () => {
      // A paused socket cannot be heard: its silence is ours.
      const intervalMs = Math.max(pingIntervalMs, beatMs())
      if (!this.#paused && clock.mono() - this.#heardAtMs > SILENT_INTERVALS * intervalMs) {
        log.warn({}, 'nothing heard from the station: its socket is closed')
        this.close(1001, 'silent')
        return
      }
      this.#socket.ping()
      this.#schedulePing()
    })
  }

  #end(code: number, reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#cancelPing?.()
    this.#calls.close()
    this.#ports.onClosed(code, reason)
  }
}
