/**
 * Instants as text, always in the site's zone and never in the browser's, with the zone's abbreviation, so that the
 * repeated hour of a clock change can be told apart ("02:30 CEST", then "02:30 CET").
 */

/** Shown when the site's zone is unknown or no zone at all. */
export const FALLBACK_ZONE = 'UTC'

/** The locales know different abbreviations; the first that has one for the zone is used. */
const ABBREVIATION_LOCALES = ['en-GB', 'en-US', 'en-AU', 'en-NZ', 'en-IN', 'en-ZA']
const OFFSET_NAME = /^(GMT|UTC)[+-]/
/** Formatters are dear to make; there are few zones, and the map is emptied when it grows past this. */
const MAX_FORMATTERS = 200

const formatters = new Map<string, Intl.DateTimeFormat>()

function formatter(
  locale: string,
  zone: string,
  key: string,
  options: Intl.DateTimeFormatOptions,
): Intl.DateTimeFormat {
  const id = `${locale}/${zone}/${key}`
  let made = formatters.get(id)
  if (!made) {
    if (formatters.size >= MAX_FORMATTERS) formatters.clear()
    made = new Intl.DateTimeFormat(locale, { ...options, timeZone: zone })
    formatters.set(id, made)
  }
  return made
}

/** The zone itself when this browser knows it, else UTC. */
export function knownZone(zone: string | undefined): string {
  if (!zone) return FALLBACK_ZONE
  try {
    formatter('en-GB', zone, 'probe', {})
    return zone
  } catch {
    return FALLBACK_ZONE
  }
}

/** "CET", "EDT", "UTC", or "GMT+4" where the zone has no abbreviation in use, at that instant. */
export function zoneAbbreviation(epochMs: number, zone: string): string {
  let name = ''
  for (const locale of ABBREVIATION_LOCALES) {
    const parts = formatter(locale, zone, 'zone', { timeZoneName: 'short' }).formatToParts(epochMs)
    name = parts.find((part) => part.type === 'timeZoneName')?.value ?? ''
    if (name !== '' && !OFFSET_NAME.test(name)) return name
  }
  return name === '' ? zone : name
}

/** "GMT+1", at that instant. */
export function zoneOffset(epochMs: number, zone: string): string {
  const parts = formatter('en-GB', zone, 'offset', { timeZoneName: 'shortOffset' }).formatToParts(epochMs)
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? ''
}

/** "23 Nov 2026". */
export function dateText(epochMs: number, zone: string): string {
  return formatter('en-GB', zone, 'date', { day: 'numeric', month: 'short', year: 'numeric' }).format(epochMs)
}

/** "14:05", or "14:05:09" with seconds; without the zone, for where it stands beside. */
export function clockText(epochMs: number, zone: string, seconds = false): string {
  const options: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
  if (seconds) options.second = '2-digit'
  return formatter('en-GB', zone, seconds ? 'clock-s' : 'clock', options).format(epochMs)
}

/** "14:05 CET". */
export function timeText(epochMs: number, zone: string, seconds = false): string {
  return `${clockText(epochMs, zone, seconds)} ${zoneAbbreviation(epochMs, zone)}`
}

/** "23 Nov 2026, 14:05 CET"; on the day of `nowMs` in that zone only "14:05 CET" when `short` is asked for. */
export function instantText(
  epochMs: number,
  zone: string,
  options: { short?: boolean; seconds?: boolean; nowMs?: number } = {},
): string {
  const time = timeText(epochMs, zone, options.seconds)
  const day = dateText(epochMs, zone)
  if (options.short && options.nowMs !== undefined) {
    const today = dateText(options.nowMs, zone)
    if (day === today) return time
    const year = today.slice(today.lastIndexOf(' '))
    return `${day.endsWith(year) ? day.slice(0, -year.length) : day}, ${time}`
  }
  return `${day}, ${time}`
}

/** Milliseconds of an RFC 3339 instant; undefined when there is none or it cannot be read. */
export function epochOf(instant: string | null | undefined): number | undefined {
  const epochMs = instant ? Date.parse(instant) : Number.NaN
  return Number.isNaN(epochMs) ? undefined : epochMs
}
