import type { Instant } from '../instant.ts'
import type { Transcript } from './transcript.ts'

const CALL = 2
const CALLRESULT = 3
const CALLERROR = 4
const SEND = 6

/** What the station said. */
export interface PlayedMessage {
  at: Instant
  /** Text for the socket. */
  text: string
  /** Absent for a text that was no frame. */
  id?: string
  action?: string
  /** The answer that the recorded system gave. */
  recorded?: unknown[]
  /** Nobody answers a SEND (2.1). */
  isSend: boolean
}

/**
 * Plays the station's side of a transcript against a live central system. OCPP 1.6 transaction ids are minted by the
 * central system, so the ones in the recording are replaced by the ones that it gives now.
 */
export class TranscriptReplay {
  private readonly messages: { at: Instant; frame?: unknown[]; text?: string }[] = []
  /** Answers of the recorded system by message id. */
  private readonly recorded = new Map<string, unknown[]>()
  /** Transaction id in the recording by the message id of the StartTransaction that it answered. */
  private readonly recordedByMessage = new Map<string, number>()
  private readonly liveByRecorded = new Map<number, number>()
  /** Answers of the recorded station by the action that it was called with, in their order. */
  private readonly answers = new Map<string, unknown[][]>()
  /** Calls of the recorded system, in their order. */
  readonly calls: RecordedCall[] = []
  /** Places of calls that the recorded station left without an answer. */
  private readonly silences: ReadonlySet<string>
  private readonly place = new CallPlace()
  private position = 0

  constructor(transcript: Transcript) {
    const called = new Map<string, string>()
    const recordedPlace = new CallPlace()
    const unanswered = new Map<string, string>()
    for (const { at, dir, frame, text } of transcript.lines) {
      if (frame === undefined) {
        if (dir === 'in' && !text!.startsWith('(left out')) this.messages.push({ at, text: text! })
        continue
      }
      const id = String(frame[1])
      if (frame[0] === CALL || frame[0] === SEND) {
        const action = String(frame[2])
        if (dir === 'in') {
          this.messages.push({ at, frame })
          recordedPlace.said(action)
        } else {
          called.set(id, action)
          this.calls.push({ action, payload: frame[3] })
          unanswered.set(id, recordedPlace.called())
        }
        continue
      }
      if (dir === 'in') {
        const action = called.get(id)
        if (action !== undefined) this.answers.set(action, [...(this.answers.get(action) ?? []), frame])
        unanswered.delete(id)
        continue
      }
      this.recorded.set(id, frame)
      const transactionId = transactionIdOf(frame)
      if (transactionId !== undefined) this.recordedByMessage.set(id, transactionId)
    }
    this.silences = new Set(unanswered.values())
  }

  /** The station's next message; undefined at the end. */
  next(): PlayedMessage | undefined {
    const next = this.messages[this.position++]
    if (next === undefined) return undefined
    if (next.frame === undefined) return { at: next.at, text: next.text!, isSend: false }
    const [type, id, action, payload] = next.frame as [number, string, string, Record<string, unknown>]
    const live = this.liveByRecorded.get(payload?.transactionId as number)
    const body = live === undefined ? payload : { ...payload, transactionId: live }
    const recorded = this.recorded.get(String(id))
    this.place.said(action)
    return {
      at: next.at,
      id,
      action,
      text: JSON.stringify([type, id, action, body]),
      ...(recorded === undefined ? {} : { recorded }),
      isSend: type === SEND,
    }
  }

  /**
   * What the station answers to a call of the live system: as recorded for that action, in turn; NotSupported where nothing was.
   * Undefined where it left the call at that place without an answer, counted from its boot.
   */
  answerTo([, id, action]: unknown[]): unknown[] | undefined {
    if (this.silences.has(this.place.called())) return undefined
    const answer = this.answers.get(String(action))?.shift()
    if (answer === undefined) return [CALLERROR, id, 'NotSupported', 'not in the recording', {}]
    return [answer[0], id, ...answer.slice(2)]
  }

  /** Tells what the live system answered (the array of its CALLRESULT). */
  answered(frame: unknown[]): void {
    const live = transactionIdOf(frame)
    const recorded = this.recordedByMessage.get(String(frame[1]))
    if (live !== undefined && recorded !== undefined) this.liveByRecorded.set(recorded, live)
  }
}

export interface RecordedCall {
  action: string
  payload: unknown
}

/** Which call after which boot. */
class CallPlace {
  private boots = 0
  private calls = 0

  said(action: string | undefined): void {
    if (action !== 'BootNotification') return
    this.boots++
    this.calls = 0
  }

  called(): string {
    return `${this.boots}/${this.calls++}`
  }
}

/** The transaction id in a 1.6 StartTransaction.conf. */
function transactionIdOf(frame: unknown[]): number | undefined {
  if (frame[0] !== CALLRESULT) return undefined
  const id = (frame[2] as { transactionId?: unknown } | null)?.transactionId
  return typeof id === 'number' ? id : undefined
}
