import { z } from 'zod'
import { type Instant, parseInstant } from '../instant.ts'
import { OCPP_VERSIONS, type OcppVersion } from './version.ts'

/**
 * A transcript is what went over one station's socket, as JSONL: one frame a line, and before them, optionally, a
 * header line. It records faults of the field, and is replayed in tests.
 */

export interface TranscriptHeader {
  transcript: 1
  version: OcppVersion
  station: string
  note?: string
  /** Quirks that an operator had said of the station (site/quirks.ts). */
  quirks?: string[]
  /** false: the station answered no ping. */
  pongs?: boolean
  /** What was set at its site; absent: the controller called nobody. */
  site?: TranscriptSite
}

/** What a replay needs to know of the site, to call the station as it was called. */
export interface TranscriptSite {
  /** IANA name. */
  timeZone?: string
  /** mA per phase. */
  limitMa?: number
  /** Seconds between pings; absent: none. */
  pingIntervalS?: number
  /** The station had been accepted there before, and said nothing for so many seconds after it came back. */
  returnedS?: number
}

export interface TranscriptLine {
  at: Instant
  /** `in`: from the station; `out`: to it. */
  dir: 'in' | 'out'
  /** The frame's array; absent where the text was no JSON array. */
  frame?: unknown[]
  /** The text as it came, only where it was no JSON array. */
  text?: string
}

export interface Transcript {
  header?: TranscriptHeader
  lines: TranscriptLine[]
}

/** Lines that a reader takes and a writer gives; a recording ends there. */
export const TRANSCRIPT_MAX_LINES = 100_000
/** Characters of one line; a writer leaves a longer frame out and says so. */
export const TRANSCRIPT_LINE_MAX_CHARS = 1_000_000

const header = z.object({
  transcript: z.literal(1),
  version: z.enum(OCPP_VERSIONS as [OcppVersion, ...OcppVersion[]]),
  station: z.string(),
  note: z.string().optional(),
  quirks: z.array(z.string()).optional(),
  pongs: z.boolean().optional(),
  site: z
    .object({
      timeZone: z.string().optional(),
      limitMa: z.int().min(0).optional(),
      pingIntervalS: z.number().min(1).optional(),
      returnedS: z.number().min(0).max(600).optional(),
    })
    .optional(),
})

const line = z
  .object({
    at: z.string().refine((at) => parseInstant(at) !== undefined, 'is no instant'),
    dir: z.enum(['in', 'out']),
    frame: z.array(z.unknown()).optional(),
    text: z.string().optional(),
  })
  .refine(({ frame, text }) => (frame === undefined) !== (text === undefined), 'needs either frame or text')

export type ReadTranscript =
  | { ok: true; transcript: Transcript }
  | { ok: false; line: number; reason: string }

/** Reads a whole transcript. Never throws: a fault comes back with the number of its line, counted from 1. */
export function readTranscript(content: string): ReadTranscript {
  const transcript: Transcript = { lines: [] }
  const rows = content.split('\n', TRANSCRIPT_MAX_LINES + 2)
  for (const [index, row] of rows.entries()) {
    const fault = (reason: string): ReadTranscript => ({ ok: false, line: index + 1, reason })
    if (row.trim() === '') continue
    if (transcript.lines.length >= TRANSCRIPT_MAX_LINES)
      return fault(`more than ${TRANSCRIPT_MAX_LINES} lines`)
    if (row.length > TRANSCRIPT_LINE_MAX_CHARS)
      return fault(`longer than ${TRANSCRIPT_LINE_MAX_CHARS} characters`)
    let value: unknown
    try {
      value = JSON.parse(row)
    } catch {
      return fault('not JSON')
    }
    if (typeof value === 'object' && value !== null && 'transcript' in value) {
      if (transcript.header || transcript.lines.length > 0)
        return fault('a header is only allowed on the first line')
      const read = header.safeParse(value)
      if (!read.success) return fault(z.prettifyError(read.error))
      transcript.header = read.data as TranscriptHeader
      continue
    }
    const read = line.safeParse(value)
    if (!read.success) return fault(z.prettifyError(read.error))
    transcript.lines.push(read.data as TranscriptLine)
  }
  return { ok: true, transcript }
}

/** Writes a transcript line by line; the caller stores what it is given. */
export class TranscriptWriter {
  private written = 0

  /** The first line of a transcript. */
  header(station: string, version: OcppVersion, note?: string): string {
    const value: TranscriptHeader = {
      transcript: 1,
      version,
      station,
      ...(note === undefined ? {} : { note }),
    }
    return `${JSON.stringify(value)}\n`
  }

  /** The line for one frame, from its text; undefined once the transcript is full. */
  line(at: Instant, dir: 'in' | 'out', text: string): string | undefined {
    if (this.written >= TRANSCRIPT_MAX_LINES) return undefined
    this.written++
    const row = JSON.stringify({ at, dir, ...contentOf(text) })
    if (row.length < TRANSCRIPT_LINE_MAX_CHARS) return `${row}\n`
    return `${JSON.stringify({ at, dir, text: `(left out: ${text.length} characters)` })}\n`
  }
}

function contentOf(text: string): { frame: unknown[] } | { text: string } {
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value)) return { frame: value }
  } catch {
    // Kept as text: what could not be read is what a transcript is most wanted for.
  }
  return { text }
}
