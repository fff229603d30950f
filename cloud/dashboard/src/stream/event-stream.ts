/**
 * The connection to `/api/v1/stream`: resumes from the last id after a loss, waits longer after every failure, notices a
 * stream that went silent, and says at every moment how it stands.
 */
import { type SseEvent, SseParser } from './sse-parser.ts'

/** First wait after a loss; doubles with every failure up to MAX_BACK_OFF_MS, each drawn between half and the whole of it. */
export const FIRST_BACK_OFF_MS = 500
export const MAX_BACK_OFF_MS = 30_000
/** The server sends at least a comment every 15 s; three missed ones are a dead connection. */
export const SILENCE_MS = 45_000
/** A connection that lived this long was a good one: the next loss starts again from the first wait. */
export const PROVEN_MS = 10_000

export type StreamState =
  | { phase: 'connecting' }
  | { phase: 'live'; sinceMs: number }
  | { phase: 'reconnecting'; sinceMs: number; attempt: number; reason: string }
  /** The session has ended; nothing is tried until someone signs in. */
  | { phase: 'signed-out' }

export interface EventStreamHandlers {
  /** `resumed`: everything missed will follow. Otherwise the page must read again what it shows. */
  open(resumed: boolean): void
  event(event: SseEvent): void
  state(state: StreamState): void
}

export interface EventStreamPorts {
  fetch(url: string, init: RequestInit): Promise<Response>
  nowMs(): number
  /** Uniform in [0, 1). */
  random(): number
  after(delayMs: number, action: () => void): () => void
}

export interface EventStream {
  /** Ends it for good. */
  close(): void
  /** Does not wait for the back-off: the network came back, or the page is looked at again. */
  retryNow(): void
}

/** The wait before try number `attempt` (from 1), in ms. */
export function backOffMs(attempt: number, random: number): number {
  const ceiling = Math.min(MAX_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.min(attempt - 1, 20))
  return Math.round(ceiling / 2 + (ceiling / 2) * random)
}

/** Opens the stream and keeps it open until `close`. */
export function openEventStream(
  url: string,
  handlers: EventStreamHandlers,
  ports: EventStreamPorts,
): EventStream {
  let closed = false
  let lastEventId = ''
  let attempt = 0
  let lostSinceMs: number | undefined
  let current: AbortController | undefined
  let cancelWait: (() => void) | undefined

  async function connect(): Promise<void> {
    cancelWait = undefined
    const controller = new AbortController()
    current = controller
    let openedMs: number | undefined
    let reason = 'the server ended the stream'
    let cancelSilence = () => {}
    const heard = () => {
      cancelSilence()
      cancelSilence = ports.after(SILENCE_MS, () => {
        reason = 'nothing was heard from the server'
        controller.abort()
      })
    }
    try {
      heard()
      const headers: Record<string, string> = { accept: 'text/event-stream' }
      if (lastEventId !== '') headers['last-event-id'] = lastEventId
      const response = await ports.fetch(url, {
        headers,
        signal: controller.signal,
        cache: 'no-store',
        credentials: 'same-origin',
      })
      if (response.status === 401) {
        await response.body?.cancel()
        if (closed) return
        closed = true
        handlers.state({ phase: 'signed-out' })
        return
      }
      if (!response.ok || !response.body) {
        await response.body?.cancel()
        // An id the server does not understand (another database, say) must not keep us out for ever.
        if (response.status === 400 || response.status === 422) lastEventId = ''
        throw new Error(`the server answered with status ${response.status}`)
      }
      if (closed) return
      openedMs = ports.nowMs()
      lostSinceMs = undefined
      handlers.state({ phase: 'live', sinceMs: openedMs })
      handlers.open(lastEventId !== '')
      await readAll(response.body, heard)
    } catch (error) {
      if (!controller.signal.aborted) reason = error instanceof Error ? error.message : String(error)
    } finally {
      cancelSilence()
      controller.abort()
    }
    if (!closed) lost(reason, openedMs)
  }

  async function readAll(body: ReadableStream<Uint8Array>, heard: () => void): Promise<void> {
    const parser = new SseParser(lastEventId)
    const decoder = new TextDecoder()
    const reader = body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || closed) return
      heard()
      for (const event of parser.feed(decoder.decode(value, { stream: true }))) handlers.event(event)
      // Only after all of it was handled.
      lastEventId = parser.lastEventId
    }
  }

  function lost(reason: string, openedMs: number | undefined): void {
    const now = ports.nowMs()
    if (openedMs !== undefined && now - openedMs >= PROVEN_MS) attempt = 0
    attempt += 1
    lostSinceMs ??= now
    handlers.state({ phase: 'reconnecting', sinceMs: lostSinceMs, attempt, reason })
    cancelWait = ports.after(backOffMs(attempt, ports.random()), () => void connect())
  }

  handlers.state({ phase: 'connecting' })
  void connect()

  return {
    close() {
      closed = true
      cancelWait?.()
      current?.abort()
    },
    retryNow() {
      if (closed || !cancelWait) return
      cancelWait()
      void connect()
    },
  }
}
