/**
 * The question for a station's OCPP messages and its answer, as they travel: a command that the controller answers itself, from
 * what it keeps in memory; the station hears nothing of it.
 */
import { z } from 'zod'
import { anyJson } from '../json.ts'

/** Kind of the command. It is none of command/commands.ts: no station can be asked it. */
export const MESSAGES_KIND = 'site.messages'
/** Life of a question, ms; nobody waits for longer. */
export const MESSAGES_TTL_MS = 20_000
/** Messages in one answer, if they fit. */
export const MESSAGES_PAGE_MAX = 200
/** Bytes of the messages in one answer as JSON: an outcome is a fact, and half of one may be its reply. */
export const MESSAGES_PAGE_BYTES = 24 * 1024

export const messagesQuery = z.object({
  /** Calls of this action, and the answers to them. */
  action: z.string().optional(),
  /** Messages that name the session's transaction, and the answers to them. */
  sessionId: z.string().optional(),
  /** From here, to before there: when the frame passed, by the controller's clock, ms since 1970. */
  fromMs: z.number().optional(),
  toMs: z.number().optional(),
  /** Only what is older than the message of this number. */
  before: z.int().optional(),
  limit: z.int().min(1).max(MESSAGES_PAGE_MAX),
})
export type MessagesQuery = z.infer<typeof messagesQuery>

export const loggedMessage = z.object({
  /** Numbers grow with time, over a restart of the controller too. */
  seq: z.int(),
  at: z.iso.datetime(),
  /** `in`: from the station; `out`: to it. */
  dir: z.enum(['in', 'out']),
  /** Of a call, or of the call that this answers, where that is kept still. */
  action: z.string().nullable(),
  /** The frame's array with `[redacted]` for secrets; absent where `text` stands. */
  frame: z.array(anyJson).optional(),
  /** What was no JSON array, or a word on what was left out. */
  text: z.string().optional(),
})
export type LoggedMessage = z.infer<typeof loggedMessage>

/** The answer, newest first. */
export const messagesPage = z.object({
  items: z.array(loggedMessage),
  /** There may be older ones: ask with this as `before`. */
  older: z.int().nullable(),
})
export type MessagesPage = z.infer<typeof messagesPage>
