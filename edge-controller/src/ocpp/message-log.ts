/**
 * The newest OCPP messages of every station, in memory and only there: a controller that restarts has none. A message is read and
 * its secrets are taken out when somebody asks, so that keeping one costs next to nothing.
 */
import { instant } from '@switchyard/protocol/instant.ts'
import { isDeeperThan, type Json, type JsonObject } from '@switchyard/protocol/json.ts'
import { frameWithoutSecrets, textWithoutSecrets } from '@switchyard/protocol/site/message-secrets.ts'
import {
  type LoggedMessage,
  MESSAGES_PAGE_BYTES,
  type MessagesPage,
  type MessagesQuery,
} from '@switchyard/protocol/site/messages.ts'
import type { Clock } from '../ports.ts'
import { type Kept, KeptMessages } from './kept-messages.ts'

/** Messages of one station, and their bytes; the oldest go. */
const MAX_MESSAGES = 2_000
const MAX_STATION_BYTES = 512 * 1024
/** Bytes of all stations; those of the station that was heard of longest ago go. */
const MAX_BYTES = 32 * 1024 * 1024
/** Characters of a message that is kept whole: one of these fits in an answer. */
const MAX_MESSAGE_CHARS = 16_000
/** Levels of a message that are looked at; no OCPP payload comes near. */
const MAX_DEPTH = 40

interface StationLog {
  messages: KeptMessages
  /** Number of its newest message. */
  newest: number
}
/** A message that was read. */
interface Read {
  kept: Kept
  frame?: Json[]
  action?: string
  transactionId?: string
}

export class MessageLog {
  readonly #clock: Clock
  readonly #stations = new Map<string, StationLog>()
  #bytes = 0
  #seq: number

  constructor(clock: Clock) {
    this.#clock = clock
    // Above every number of the process before, unless the clock was set back.
    this.#seq = Math.max(0, Math.floor(clock.now() / 1_000)) * 100_000
  }

  record(stationId: string, dir: 'in' | 'out', whole: string): void {
    let log = this.#stations.get(stationId)
    if (!log) {
      log = { messages: new KeptMessages(), newest: 0 }
      this.#stations.set(stationId, log)
    }
    log.newest = ++this.#seq
    const text = whole.length > MAX_MESSAGE_CHARS ? `(left out: ${whole.length} characters)` : whole
    const { messages } = log
    this.#bytes -= messages.bytes
    messages.push(log.newest, this.#clock.now(), dir, text)
    while (messages.count > MAX_MESSAGES || messages.bytes > MAX_STATION_BYTES) messages.shift()
    this.#bytes += messages.bytes
    while (this.#bytes > MAX_BYTES && this.#stations.size > 1) this.#forgetOldest()
  }

  #forgetOldest(): void {
    const all = [...this.#stations]
    const [stationId, { messages }] = all.reduce((a, b) => (b[1].newest < a[1].newest ? b : a))
    this.#stations.delete(stationId)
    this.#bytes -= messages.bytes
  }

  /** What is kept of a station and asked for, the newest first; `transactionId` is that of the session asked for. */
  page(stationId: string, query: MessagesQuery, transactionId?: string): MessagesPage {
    const { action, fromMs = -Infinity, toMs = Infinity, before = Infinity, limit } = query
    const all = readAll([...(this.#stations.get(stationId)?.messages ?? [])])
    const wanted = all.filter(
      (it) =>
        it.kept.atMs >= fromMs &&
        it.kept.atMs < toMs &&
        it.kept.seq < before &&
        (action === undefined || it.action === action) &&
        (query.sessionId === undefined ||
          (transactionId !== undefined && it.transactionId === transactionId)),
    )
    const items: LoggedMessage[] = []
    let bytes = 0
    for (const read of wanted.toReversed()) {
      const item = shown(read)
      bytes += Buffer.byteLength(JSON.stringify(item))
      if (items.length === limit || bytes > MESSAGES_PAGE_BYTES)
        return { items, older: items.at(-1)?.seq ?? null }
      items.push(item)
    }
    return { items, older: null }
  }
}

/** Reads messages in their order; what answers a call has its action, and belongs to its transaction, and the other way round. */
function readAll(messages: readonly Kept[]): Read[] {
  const calls = new Map<string, Read>()
  return messages.map((kept) => {
    const read: Read = { kept }
    const frame = frameOf(kept.text)
    if (frame === undefined) return read
    read.frame = frame
    const [type, id] = frame
    const isCall = type === 2 || type === 6
    const transactionId = transactionOf(frame[isCall ? 3 : 2])
    if (transactionId !== undefined) read.transactionId = transactionId
    if (isCall) {
      if (typeof frame[2] === 'string') read.action = frame[2]
      calls.set(`${kept.dir}:${String(id)}`, read)
      return read
    }
    const call = calls.get(`${kept.dir === 'in' ? 'out' : 'in'}:${String(id)}`)
    if (call?.action !== undefined) read.action = call.action
    // The start of a 1.6 transaction hears its id in the answer.
    if (call && transactionId !== undefined) call.transactionId ??= transactionId
    if (call?.transactionId !== undefined) read.transactionId ??= call.transactionId
    return read
  })
}

function frameOf(text: string): Json[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && !isDeeperThan(value, MAX_DEPTH) ? (value as Json[]) : undefined
  } catch {
    return undefined
  }
}

/** The transaction that a payload names: in itself, or in an object right in it (2.x transactionInfo, a charging profile). */
function transactionOf(payload: Json | undefined): string | undefined {
  if (!isObject(payload)) return undefined
  for (const place of [payload, ...Object.values(payload)]) {
    const id = isObject(place) ? place.transactionId : undefined
    if (typeof id === 'string' || typeof id === 'number') return String(id)
  }
  return undefined
}

function shown({ kept: { seq, atMs, dir, text }, frame, action }: Read): LoggedMessage {
  const head = { seq, at: instant(atMs), dir, action: action?.slice(0, 64) ?? null }
  const item = frame
    ? { ...head, frame: frameWithoutSecrets(frame) }
    : { ...head, text: textWithoutSecrets(text) }
  return Buffer.byteLength(JSON.stringify(item)) <= MESSAGES_PAGE_BYTES
    ? item
    : { ...head, text: `(left out: ${text.length} characters)` }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
