import { type ErrorCode, formatError, frameworkError, messageTypeError } from './error-code.ts'
import type { OcppVersion } from './version.ts'

/** OCPP-J frames: the JSON arrays that carry messages (1.6-J section 4; 2.0.1 and 2.1 part 4, section 4). */

export interface CallFrame {
  type: 'call'
  id: string
  action: string
  /** As sent; that it is an object of the right shape is for the action's schema to say. */
  payload: unknown
}

export interface CallResultFrame {
  type: 'callResult'
  id: string
  payload: unknown
}

export interface CallErrorFrame {
  type: 'callError'
  id: string
  code: string
  description: string
  details: unknown
}

/** 2.1 only: the receiver of our CALLRESULT could not take it. Never answered. */
export interface CallResultErrorFrame extends Omit<CallErrorFrame, 'type'> {
  type: 'callResultError'
}

/** 2.1 only: a message without an answer. */
export interface SendFrame extends Omit<CallFrame, 'type'> {
  type: 'send'
}

export type Frame = CallFrame | CallResultFrame | CallErrorFrame | CallResultErrorFrame | SendFrame

/** Text that is no frame of the version. */
export interface MalformedFrame {
  type: 'malformed'
  /** The id to answer with, or whose call is now answered badly: `-1` when none could be read. */
  id: string
  /** The version's own code for the fault. */
  code: ErrorCode
  /** What is wrong, for the answer's description and for the log. */
  why: string
  /** Whether to answer with a CALLERROR. An answer is never answered, nor is a SEND. */
  answer: boolean
}

/** Id in the answer to a frame whose own id cannot be read. */
export const UNREADABLE_ID = '-1'
/** Message ids are strings of at most 36 characters, so that a UUID fits; a longer one counts as unreadable. */
export const ID_MAX_CHARS = 36
/** Deeper nesting is refused: what walks a payload recursively, JSON.stringify included, must not run out of stack. */
export const DEPTH_MAX_LEVELS = 512
/** Descriptions are cut at what the standard allows to send. */
const DESCRIPTION_MAX_CHARS = 255
/** Longest error code of the standard has 29 characters; what is longer is cut. */
const CODE_MAX_CHARS = 64

const CALL = 2
const CALLRESULT = 3
const CALLERROR = 4
const CALLRESULTERROR = 5
const SEND = 6

/** Reads one text frame. Never throws; the caller bounds the size of the text. */
export function parseFrame(version: OcppVersion, text: string): Frame | MalformedFrame {
  let parts: unknown
  try {
    parts = JSON.parse(text)
  } catch {
    return malformed(UNREADABLE_ID, frameworkError(version), 'the frame is not JSON', true)
  }
  if (!Array.isArray(parts)) {
    return malformed(UNREADABLE_ID, frameworkError(version), 'the frame is not a JSON array', true)
  }
  const type: unknown = parts[0]
  const id: unknown = parts[1]
  const readable = typeof id === 'string' && id.length > 0 && id.length <= ID_MAX_CHARS
  const answerId = readable ? id : UNREADABLE_ID
  if (typeof type !== 'number') {
    return malformed(answerId, frameworkError(version), 'the message type is not a number', true)
  }
  if (!isTypeOf(version, type)) {
    // 1.6-J (4.1.3) ignores types it does not know; 2.x has an error code for them.
    const why = `message type ${type} does not exist in OCPP ${version}`
    return malformed(answerId, messageTypeError(version), why, version !== '1.6')
  }
  const isCall = type === CALL
  if (!readable) {
    const why = `the message id is not a string of 1 to ${ID_MAX_CHARS} characters`
    return malformed(UNREADABLE_ID, frameworkError(version), why, isCall)
  }
  if (text.length > DEPTH_MAX_LEVELS * 2 && isDeeperThan(text, DEPTH_MAX_LEVELS)) {
    return malformed(id, formatError(version), `nested deeper than ${DEPTH_MAX_LEVELS} levels`, isCall)
  }
  switch (type) {
    case CALL:
    case SEND: {
      const [, , action, payload] = parts as unknown[]
      if (typeof action !== 'string' || action === '') {
        return malformed(id, formatError(version), 'the action is not a string', isCall)
      }
      if (parts.length !== 4) return malformed(id, formatError(version), elements(4, parts.length), isCall)
      return isCall ? { type: 'call', id, action, payload } : { type: 'send', id, action, payload }
    }
    case CALLRESULT:
      if (parts.length !== 3) return malformed(id, formatError(version), elements(3, parts.length), false)
      // OCPP-J 4.2.2: an object, also where there is nothing to say. Whoever reads an answer counts on that.
      if (!isObject(parts[2]))
        return malformed(id, formatError(version), 'the payload of the answer is no object', false)
      return { type: 'callResult', id, payload: parts[2] }
    default: {
      // Stations leave out description and details; what matters is that the call has failed.
      const [, , code, description, details] = parts as unknown[]
      return {
        type: type === CALLERROR ? 'callError' : 'callResultError',
        id,
        code: typeof code === 'string' ? code.slice(0, CODE_MAX_CHARS) : 'GenericError',
        description: typeof description === 'string' ? description.slice(0, DESCRIPTION_MAX_CHARS) : '',
        details: details ?? {},
      }
    }
  }
}

/** The frame as JSON text; a description is cut to 255 characters, missing details become `{}`. */
export function serialiseFrame(frame: Frame): string {
  return JSON.stringify(frameToArray(frame))
}

/** The frame as the array that goes over the wire, which is also its form in a transcript. */
export function frameToArray(frame: Frame): unknown[] {
  switch (frame.type) {
    case 'call':
      return [CALL, frame.id, frame.action, frame.payload]
    case 'send':
      return [SEND, frame.id, frame.action, frame.payload]
    case 'callResult':
      return [CALLRESULT, frame.id, frame.payload]
    case 'callError':
    case 'callResultError': {
      const type = frame.type === 'callError' ? CALLERROR : CALLRESULTERROR
      const description = frame.description.slice(0, DESCRIPTION_MAX_CHARS)
      return [type, frame.id, frame.code, description, frame.details ?? {}]
    }
  }
}

/** The CALLERROR that answers a malformed frame; undefined where none is due. */
export function answerToMalformed(frame: MalformedFrame): CallErrorFrame | undefined {
  if (!frame.answer) return undefined
  return { type: 'callError', id: frame.id, code: frame.code, description: frame.why, details: {} }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTypeOf(version: OcppVersion, type: number): boolean {
  if (type === CALL || type === CALLRESULT || type === CALLERROR) return true
  return version === '2.1' && (type === CALLRESULTERROR || type === SEND)
}

function malformed(id: string, code: ErrorCode, why: string, answer: boolean): MalformedFrame {
  return { type: 'malformed', id, code, why, answer }
}

function elements(expected: number, found: number): string {
  return `${expected} elements expected, ${found} found`
}

/** Whether JSON text (known to be valid) nests deeper than `levels`; brackets inside strings do not count. */
function isDeeperThan(text: string, levels: number): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (inString) {
      if (char === 0x5c) i++
      else if (char === 0x22) inString = false
    } else if (char === 0x22) {
      inString = true
    } else if (char === 0x5b || char === 0x7b) {
      if (++depth > levels) return true
    } else if (char === 0x5d || char === 0x7d) {
      depth--
    }
  }
  return false
}
