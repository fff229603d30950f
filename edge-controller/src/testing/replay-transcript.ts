/** Plays a transcript's station against a controller of its own, and says what was answered otherwise than it was recorded. */
import { isDeepStrictEqual } from 'node:util'
import { instant, parseInstant } from '@switchyard/protocol/instant.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import type { Transcript, TranscriptHeader } from '@switchyard/protocol/ocpp/transcript.ts'
import {
  type PlayedMessage,
  type RecordedCall,
  TranscriptReplay,
} from '@switchyard/protocol/ocpp/transcript-replay.ts'
import type { Fact } from '@switchyard/protocol/site/fact.ts'
import { bootWords } from '../ocpp/surroundings.ts'
import type { Socket } from '../ports.ts'
import { NO_CREDENTIAL } from '../station/security.ts'
import { newStation, STATION_KIND } from '../station/station.ts'
import { TestController } from './test-controller.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** An answer is waited for this long, real ms: the controller's disk is a real one. */
const ANSWER_MS = 2_000
/** A text that was no frame may be answered with an error, or not at all: so long is waited, real ms. */
const MALFORMED_MS = 50
/** Fields of an answer that are new each time. */
const VOLATILE = new Set(['currentTime', 'transactionId'])

export interface Played {
  message: PlayedMessage
  /** Absent: none came. */
  answer?: unknown[]
  /** The recorded answer was another, or there was one and now is none. */
  differs: boolean
}
export interface Replayed {
  played: Played[]
  /** Calls of the controller, with what the station answered; undefined: nothing. */
  calls: { call: unknown[]; answer: unknown[] | undefined }[]
  /** The first call that was made otherwise than recorded, or not at all; of a recording that tells of its site. */
  differingCall: { recorded?: RecordedCall; made?: RecordedCall } | undefined
  /** Ledger and telemetry, as written. */
  facts: Fact[]
  /** Close codes and reasons of the controller; the station came back each time. */
  closes: { code: number; reason: string }[]
}

/**
 * Tokens that the recorded system accepted are known to the controller, all others are refused. Its clock is that of the recording;
 * it sets nothing on the station but the limits of a site that has one. `quirks`: what operators say of the station, beside what the
 * recording tells of that.
 */
export async function replayTranscript(
  transcript: Transcript,
  { station, version, pongs = true, site: at = {}, quirks: assigned = [] }: Recorded,
  quirks: Readonly<Record<string, boolean>> = {},
): Promise<Replayed> {
  const firstMs = parseInstant(transcript.lines[0]?.at ?? '') ?? 0
  const { timeZone, limitMa, pingIntervalS = 0, returnedS } = at
  const site = await TestController.start({
    at: instant(firstMs - 1_000 - (returnedS ?? 0) * 1_000),
    config: { offlinePolicy: 'refuse', pingIntervalMs: pingIntervalS * 1_000 },
  })
  try {
    const tokens = acceptedTokens(transcript)
    if (tokens.length > 0) await site.apply('tokens', { tokens })
    const said = { ...Object.fromEntries(assigned.map((it) => [it, true])), ...quirks }
    if (Object.keys(said).length > 0)
      await site.apply('stations', { stations: [{ stationId: station, approved: true, quirks: said }] })
    if (timeZone !== undefined || limitMa !== undefined)
      await site.apply('site', {
        ...(timeZone === undefined ? {} : { timeZone }),
        ...(limitMa === undefined ? {} : { limitMa }),
      })
    const play = new TranscriptReplay(transcript)
    const result: Replayed = { played: [], calls: [], differingCall: undefined, facts: [], closes: [] }
    let wire: Wire | undefined
    const connect = (): Wire => {
      const made = new Wire(play, result, pongs)
      site.controller.accept(made, station, version, NO_CREDENTIAL)
      return made
    }
    if (returnedS !== undefined) {
      await site.state.commit({ facts: [], puts: [acceptedBefore(station, transcript)], deletes: [] })
      wire = connect()
    }
    for (let message = play.next(); message !== undefined; message = play.next()) {
      const atMs = parseInstant(message.at)!
      await passTime(site.clock, atMs)
      if (wire === undefined || wire.closed) wire = connect()
      const answer = await wire.ask(message)
      if (answer) play.answered(answer)
      const differs = message.recorded !== undefined && !isSame(message.recorded, answer)
      result.played.push({ message, ...(answer ? { answer } : {}), differs })
    }
    const endMs = parseInstant(transcript.lines.at(-1)?.at ?? '') ?? 0
    await passTime(site.clock, endMs)
    if (limitMa !== undefined) result.differingCall = differingCall(play.calls, result.calls)
    wire?.close(1000, 'the recording ends')
    result.facts = [...(await site.facts('ledger')), ...(await site.facts('telemetry'))]
    return result
  } finally {
    await site.stop()
  }
}

/** The station as it is known from an earlier boot. */
function acceptedBefore(stationId: string, { lines }: Transcript) {
  const boot = lines.map(({ frame }) => frame).find((frame) => frame?.[2] === 'BootNotification')
  const at = instant(parseInstant(lines[0]?.at ?? '') ?? 0)
  const { vendor = '', model = '', firmware = '' } = bootWords(boot?.[3])
  const station = {
    ...newStation(stationId, true),
    boot: { vendor, model, firmware, status: 'Accepted', at },
  }
  return { kind: STATION_KIND, id: stationId, value: station as unknown as Json }
}

type Recorded = Pick<TranscriptHeader, 'station' | 'version' | 'pongs' | 'site' | 'quirks'>

/** Time passes in steps before a message, so that a call that is made meanwhile finds its answer; what is longer ago leaps by. */
const STEP_MS = 500
const STEPPED_MS = 5 * 60_000

async function passTime(clock: VirtualClock, untilMs: number): Promise<void> {
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  await turn()
  const leapMs = untilMs - STEPPED_MS - clock.now()
  if (leapMs > 0) clock.advance(leapMs)
  while (clock.now() < untilMs) {
    clock.advance(Math.min(STEP_MS, untilMs - clock.now()))
    await turn()
  }
}

function differingCall(
  recorded: readonly RecordedCall[],
  calls: readonly { call: unknown[] }[],
): Replayed['differingCall'] {
  for (let i = 0; i < Math.max(recorded.length, calls.length); i++) {
    const [was, call] = [recorded[i], calls[i]?.call]
    const made = call && { action: String(call[2]), payload: call[3] }
    if (!isDeepStrictEqual(was && withoutIds(was), made && withoutIds(made)))
      return { ...(was ? { recorded: was } : {}), ...(made ? { made } : {}) }
  }
  return undefined
}

/** Transaction ids of 1.6 are new each time. */
function withoutIds({ action, payload }: RecordedCall): unknown {
  return JSON.parse(
    JSON.stringify({ action, payload }, (key, value) => (key === 'transactionId' ? null : value)),
  )
}

/** The station's end of a socket in memory. */
class Wire implements Socket {
  readonly remote = 'replay'
  closed = false
  readonly #play: TranscriptReplay
  readonly #result: Replayed
  readonly #pongs: boolean
  #pong: () => void = () => {}
  #heard: (text: string) => void = () => {}
  #ended: (code: number, reason: string) => void = () => {}
  #waiting: { id: string | undefined; resolve(answer: unknown[] | undefined): void } | undefined

  constructor(play: TranscriptReplay, result: Replayed, pongs: boolean) {
    this.#play = play
    this.#result = result
    this.#pongs = pongs
  }

  /** Says it, and waits for the answer. */
  async ask({ text, id, isSend }: PlayedMessage): Promise<unknown[] | undefined> {
    return await new Promise((resolve) => {
      const timer = setTimeout(
        () => this.#answered(undefined),
        id === undefined || isSend ? MALFORMED_MS : ANSWER_MS,
      )
      this.#waiting = {
        id,
        resolve(answer) {
          clearTimeout(timer)
          resolve(answer)
        },
      }
      this.#heard(text)
    })
  }

  #answered(answer: unknown[] | undefined): void {
    this.#waiting?.resolve(answer)
    this.#waiting = undefined
  }

  send(text: string): void {
    const frame = JSON.parse(text) as unknown[]
    if (frame[0] === 2) {
      const answer = this.#play.answerTo(frame)
      this.#result.calls.push({ call: frame, answer })
      if (answer) queueMicrotask(() => this.#heard(JSON.stringify(answer)))
    } else if (this.#waiting && (this.#waiting.id === undefined || this.#waiting.id === frame[1]))
      this.#answered(frame)
  }

  close(code: number, reason: string): void {
    if (this.closed) return
    this.closed = true
    if (code !== 1000) this.#result.closes.push({ code, reason })
    this.#answered(undefined)
    queueMicrotask(() => this.#ended(code, reason))
  }

  pause(): void {}
  resume(): void {}
  ping(): void {
    if (this.#pongs) this.#pong()
  }
  onPong(handler: () => void): void {
    this.#pong = handler
  }
  onText(handler: (text: string) => void): void {
    this.#heard = handler
  }
  onClose(handler: (code: number, reason: string) => void): void {
    this.#ended = handler
  }
}

/** Whether two answers say the same, but for what is new each time; of an error, its code. */
function isSame(recorded: unknown[], answer: unknown[] | undefined): boolean {
  if (answer === undefined || recorded[0] !== answer[0]) return false
  return isDeepStrictEqual(lasting(recorded[2]), lasting(answer[2]))
}

function lasting(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([name]) => !VOLATILE.has(name)))
}

/** Tokens that the recorded system called accepted. */
function acceptedTokens({ lines }: Transcript) {
  const asked = new Map<string, string>()
  const accepted = new Set<string>()
  for (const { dir, frame } of lines) {
    const [type, id, third, payload] = (frame ?? []) as [number, string, Answer, Question]
    if (dir === 'in' && type === 2) {
      const token = payload?.idTag ?? payload?.idToken?.idToken
      if (typeof token === 'string') asked.set(String(id), token)
    } else if (dir === 'out' && type === 3) {
      const token = asked.get(String(id))
      const { status } = third?.idTagInfo ?? third?.idTokenInfo ?? {}
      if (token !== undefined && status === 'Accepted') accepted.add(token)
    }
  }
  return [...accepted].map((idToken) => ({
    idToken,
    type: 'ISO14443' as const,
    status: 'Accepted' as const,
  }))
}
type Answer = { idTagInfo?: { status?: string }; idTokenInfo?: { status?: string } } | null
type Question = { idTag?: string; idToken?: { idToken?: string } } | undefined
