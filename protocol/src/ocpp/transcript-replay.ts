import type { Instant } from '../instant.ts'
import type { Transcript } from './transcript.ts'

const CALL = 2
const CALLRESULT = 3

/**
 * Plays the station's side of a transcript against a live central system. OCPP 1.6 transaction ids are minted by the
 * central system, so the ones in the recording are replaced by the ones that it gives now.
 */
export class TranscriptReplay {
  private readonly frames: { at: Instant; frame: unknown[] }[]
  /** Transaction id in the recording by the message id of the StartTransaction that it answered. */
  private readonly recordedByMessage = new Map<string, number>()
  private readonly liveByRecorded = new Map<number, number>()
  private position = 0

  constructor(transcript: Transcript) {
    this.frames = []
    for (const { at, dir, frame } of transcript.lines) {
      if (frame === undefined) continue
      // Answers to calls of the recorded system answer nothing now.
      if (dir === 'in' && frame[0] === CALL) this.frames.push({ at, frame })
      const transactionId = dir === 'out' ? transactionIdOf(frame) : undefined
      if (transactionId !== undefined) this.recordedByMessage.set(String(frame[1]), transactionId)
    }
  }

  /** The station's next call, as text for the socket; undefined at the end. */
  next(): { at: Instant; id: string; text: string } | undefined {
    const next = this.frames[this.position++]
    if (next === undefined) return undefined
    const [type, id, action, payload] = next.frame as [number, string, string, Record<string, unknown>]
    const live = this.liveByRecorded.get(payload?.transactionId as number)
    const body = live === undefined ? payload : { ...payload, transactionId: live }
    return { at: next.at, id, text: JSON.stringify([type, id, action, body]) }
  }

  /** Tells what the live system answered (the array of its CALLRESULT). */
  answered(frame: unknown[]): void {
    const live = transactionIdOf(frame)
    const recorded = this.recordedByMessage.get(String(frame[1]))
    if (live !== undefined && recorded !== undefined) this.liveByRecorded.set(recorded, live)
  }
}

/** The transaction id in a 1.6 StartTransaction.conf. */
function transactionIdOf(frame: unknown[]): number | undefined {
  if (frame[0] !== CALLRESULT) return undefined
  const id = (frame[2] as { transactionId?: unknown } | null)?.transactionId
  return typeof id === 'number' ? id : undefined
}
