/** What a station with a quirk says, made into what it means before anybody decides on it: handlers know nothing of these. */
import { instant, parseInstant } from '@switchyard/protocol/instant.ts'
import { instantOfWall } from '@switchyard/protocol/local-time.ts'
import type { MessageChecks, SchemaError } from '@switchyard/protocol/ocpp/validators.ts'
import type { Quirk } from '@switchyard/protocol/site/quirks.ts'

/** Words of one message that are amended; what is wrong beyond them is refused. */
const MAX_WORDS = 64
/** Objects in objects that are looked at for timestamps: readings lie three deep. */
const MAX_DEPTH = 6
/** Longest vendorErrorCode (1.6 section 6.47). */
const VENDOR_ERROR_MAX_CHARS = 50
/** What stations tell by their own clock: of a transaction, a status, a reading, an event, a report. */
const TIMES: ReadonlySet<string> = new Set(['timestamp', 'generatedAt'])
/** An offset other than that of UTC, which is believed. */
const OTHER_ZONE = /T.*[+-](?!00:?00)\d{2}:?\d{2}$/i

export interface Surroundings {
  quirks: ReadonlySet<Quirk>
  /** IANA name; absent: nobody has told the site's. */
  timeZone: string | undefined
  nowMs: number
}

/** Checks a payload that may be amended in place; what is left is wrong all the same. */
export function checkAmended(
  action: string,
  payload: unknown,
  checks: MessageChecks,
  around: Surroundings,
): readonly SchemaError[] {
  const { quirks } = around
  let errors = checks.request(payload)
  for (let words = 0; errors.length > 0 && words < MAX_WORDS; words++) {
    if (!amendWord(action, payload, errors[0]!, quirks)) break
    errors = checks.request(payload)
  }
  if (errors.length === 0 && quirks.has('local-times') && around.timeZone !== undefined)
    amendTimes(payload, around.timeZone, around.nowMs, MAX_DEPTH)
  return errors
}

function amendWord(
  action: string,
  payload: unknown,
  { keyword, path, allowed }: SchemaError,
  quirks: ReadonlySet<Quirk>,
): boolean {
  if (keyword !== 'enum' || !allowed) return false
  const place = placeOf(payload, path)
  const said = place?.parent[place.name]
  if (!place || typeof said !== 'string') return false
  if (quirks.has('words-in-any-case')) {
    const meant = allowed.find((it) => it.toLowerCase() === said.trim().toLowerCase())
    if (meant !== undefined) {
      place.parent[place.name] = meant
      return true
    }
  }
  if (quirks.has('own-error-codes') && action === 'StatusNotification' && path === '/errorCode') {
    place.parent.vendorErrorCode ??= said.slice(0, VENDOR_ERROR_MAX_CHARS)
    place.parent[place.name] = 'OtherError'
    return true
  }
  return false
}

/** Where a JSON pointer leads, by names that are the payload's own. */
function placeOf(
  payload: unknown,
  path: string,
): { parent: Record<string, unknown>; name: string } | undefined {
  const names = path.split('/').slice(1)
  const name = names.pop()
  let parent = payload
  for (const step of names) {
    if (!isObject(parent) || !Object.hasOwn(parent, step)) return undefined
    parent = parent[step]
  }
  return name !== undefined && isObject(parent) && Object.hasOwn(parent, name) ? { parent, name } : undefined
}

function amendTimes(value: unknown, timeZone: string, nowMs: number, depth: number): void {
  if (!isObject(value) || depth === 0) return
  for (const [name, inner] of Object.entries(value)) {
    if (typeof inner === 'string' && TIMES.has(name)) value[name] = asInZone(inner, timeZone, nowMs)
    else amendTimes(inner, timeZone, nowMs, depth - 1)
  }
}

function asInZone(text: string, timeZone: string, nowMs: number): string {
  const saidMs = OTHER_ZONE.test(text) ? undefined : parseInstant(text)
  const meantMs = saidMs === undefined ? undefined : instantOfWall(saidMs, timeZone, nowMs)
  return meantMs === undefined ? text : instant(meantMs)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
