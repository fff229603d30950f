/** Instants in a form field: date and time of the site's zone, never of the browser's. */

/** "2026-11-23T14:05:09" in the zone, as a field of type datetime-local takes it. */
export function zonedText(epochMs: number, zone: string): string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(epochMs)
  const part = (type: string) => parts.find((it) => it.type === type)?.value ?? ''
  return `${part('year')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}`
}

/**
 * The instant that a field shows in the zone; undefined when it is none. Of the hour that a clock change repeats the first is meant,
 * and of the hour that it leaves out the time after it.
 */
export function epochOfZoned(text: string, zone: string): number | undefined {
  const asUtc = Date.parse(`${text.length === 16 ? `${text}:00` : text}Z`)
  if (Number.isNaN(asUtc)) return undefined
  const offsetAt = (epochMs: number) =>
    Date.parse(`${zonedText(epochMs, zone)}Z`) - Math.floor(epochMs / 1000) * 1000
  // Offsets of both sides of a clock change that may be near.
  const candidates = [asUtc - DAY_MS, asUtc + DAY_MS].map((near) => asUtc - offsetAt(near))
  const shown = candidates.filter((it) => zonedText(it, zone) === zonedText(asUtc, 'UTC'))
  return shown.length > 0 ? Math.min(...shown) : Math.max(...candidates)
}

const DAY_MS = 86_400_000
