/**
 * What stations do otherwise than OCPP says, where meeting it would be wrong for others: one list of named behaviours. Whoever acts on
 * one asks for it by name, never for a vendor. Who does it is known from reports (known-quirks.ts), or said by an operator, of a model
 * or of one station. Each has a transcript that goes wrong without it (protocol/transcripts). What any station may do is met for all
 * of them and has no name here (docs/quirks.md).
 */
import { isInRange } from './firmware-version.ts'
import { KNOWN_QUIRKS, type KnownQuirks } from './known-quirks.ts'

/** What a station does, and what is done about it. */
export const QUIRKS = {
  'zero-start-placeholder':
    'Tells 0 as the register at the start where it could not read its meter: every session that starts at 0 is held for review.',
  'own-transaction-ids':
    'Goes on with an id of its own after a start (1.6): its stops and meter values with an id that is not known here are taken for the one running session that they fit.',
  'local-times':
    'Tells the local time as if it were UTC, or without a zone: its timestamps are read in the time zone of its site.',
  'words-in-any-case':
    'Writes words of OCPP in another case ("accepted"): they are read as the words that they are meant to be.',
  'own-error-codes':
    'Tells error codes that OCPP 1.6 does not have: they are taken as OtherError, and its own word is kept as the vendor error code.',
  'first-call-unanswered':
    'Does not answer the first call after a boot: one that changes nothing goes first, and what matters follows it.',
  'no-call-before-boot':
    'Stops answering when it is called between its connection and its first message: limits wait until it has said something, ten seconds at most.',
  'no-pong':
    'Does not answer pings: its connection counts as dead only when it was silent for two and a half heartbeats.',
  'whole-amps': 'Takes current limits in whole amperes only: they are rounded down to one.',
  'watts-only':
    'Takes limits in watts only: a limit is told as its current times 207 V, as if one phase drew all of it.',
  'watts-only-three-phase':
    'Takes limits in watts only, and draws on three phases alike (DC): a limit is told as its current times 207 V times three.',
} as const
export type Quirk = keyof typeof QUIRKS
export const QUIRK_NAMES = Object.keys(QUIRKS) as [Quirk, ...Quirk[]]

/** What an operator says: true has it, false has it not whatever is known. What a later version named is skipped. */
export type QuirkWishes = Readonly<Record<string, boolean | undefined>>

/** What a boot tells of the station. */
export interface BootWords {
  vendor?: string | null | undefined
  model?: string | null | undefined
  firmware?: string | null | undefined
}

/** Who says so: reports of such stations, an operator of all of a model, or of this one. */
export const QUIRK_SOURCES = ['known', 'model', 'station'] as const
export interface FoundQuirk {
  name: Quirk
  source: (typeof QUIRK_SOURCES)[number]
  /** Of one that is known: the report. */
  reference?: string
}

/** The quirks that touch a station, in the order of the list; the station's own word goes before the model's, and both before what is known. */
export function quirksOf(
  boot: BootWords | undefined,
  said: { ofModel?: QuirkWishes | undefined; ofStation?: QuirkWishes | undefined } = {},
  table: readonly KnownQuirks[] = KNOWN_QUIRKS,
): FoundQuirk[] {
  const known = boot === undefined ? [] : table.filter((it) => isOf(it, boot))
  const found: FoundQuirk[] = []
  for (const name of QUIRK_NAMES) {
    const { [name]: ofStation } = said.ofStation ?? {}
    const { [name]: ofModel } = said.ofModel ?? {}
    const entry = known.find((it) => it.quirks.includes(name))
    if (ofStation !== undefined) {
      if (ofStation) found.push({ name, source: 'station' })
    } else if (ofModel !== undefined) {
      if (ofModel) found.push({ name, source: 'model' })
    } else if (entry) found.push({ name, source: 'known', reference: entry.reference })
  }
  return found
}

function isOf({ vendor, model, firmware }: KnownQuirks, boot: BootWords): boolean {
  return (
    isLike(boot.vendor, vendor) &&
    (model === undefined || isLike(boot.model, model)) &&
    (firmware === undefined || isInRange(boot.firmware, firmware))
  )
}

/** Whatever the case; `*` stands for any text. */
function isLike(text: string | null | undefined, pattern: string): boolean {
  if (typeof text !== 'string') return false
  const [first, ...others] = pattern.toLowerCase().split('*') as [string, ...string[]]
  const said = text.trim().toLowerCase()
  const last = others.pop()
  if (last === undefined) return said === first
  if (!said.startsWith(first) || !said.endsWith(last)) return false
  let at = first.length
  for (const part of others) {
    const found = said.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= said.length - last.length
}
