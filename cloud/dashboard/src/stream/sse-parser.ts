/**
 * Server-sent events from text that arrives in pieces (WHATWG HTML, 9.2.6 "Interpreting an event stream"). Written out here
 * because the browser's own EventSource can neither set Last-Event-ID on a new connection nor tell why one failed.
 */

export interface SseEvent {
  /** "message" when the server named none. */
  type: string
  data: string
}

/** A line or an event larger than this ends the connection: no picture of a site comes near it. */
export const MAX_EVENT_CHARS = 8_000_000

/** Keeps the unfinished rest between calls; `feed` answers the events that became whole. Throws RangeError past the bound. */
export class SseParser {
  private rest = ''
  private started = false
  private type = ''
  private data: string[] = []
  private dataChars = 0
  private idBuffer: string
  private id: string

  constructor(lastEventId = '') {
    this.idBuffer = lastEventId
    this.id = lastEventId
  }

  /** Where to resume: the id of the last whole event, one without data included (the server moves us on with those). */
  get lastEventId(): string {
    return this.id
  }

  feed(chunk: string): SseEvent[] {
    let text = this.rest + chunk
    if (!this.started && text.length > 0) {
      this.started = true
      if (text.startsWith('\ufeff')) text = text.slice(1)
    }
    const events: SseEvent[] = []
    let position = 0
    for (;;) {
      const end = lineEnd(text, position)
      if (end === undefined) break
      const event = this.line(text.slice(position, end.at))
      if (event) events.push(event)
      position = end.next
    }
    this.rest = text.slice(position)
    if (this.rest.length + this.dataChars > MAX_EVENT_CHARS) {
      throw new RangeError(`an event larger than ${MAX_EVENT_CHARS} characters`)
    }
    return events
  }

  private line(line: string): SseEvent | undefined {
    if (line === '') return this.dispatch()
    if (line.startsWith(':')) return undefined
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const raw = colon === -1 ? '' : line.slice(colon + 1)
    const value = raw.startsWith(' ') ? raw.slice(1) : raw
    if (field === 'event') this.type = value
    else if (field === 'id' && !value.includes('\0')) this.idBuffer = value
    else if (field === 'data') {
      this.data.push(value)
      this.dataChars += value.length
    }
    return undefined
  }

  private dispatch(): SseEvent | undefined {
    this.id = this.idBuffer
    const event =
      this.data.length === 0 ? undefined : { type: this.type || 'message', data: this.data.join('\n') }
    this.type = ''
    this.data = []
    this.dataChars = 0
    return event
  }
}

/** Where the line that begins at `from` ends (LF, CR or CRLF); undefined while it is unfinished. */
function lineEnd(text: string, from: number): { at: number; next: number } | undefined {
  for (let at = from; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === 10) return { at, next: at + 1 }
    if (char === 13) {
      // A CR at the very end may be half of a CRLF: wait for what follows.
      if (at + 1 === text.length) return undefined
      return { at, next: text.charCodeAt(at + 1) === 10 ? at + 2 : at + 1 }
    }
  }
  return undefined
}
