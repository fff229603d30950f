/** Clocks on the wall of a time zone -> instants. Pure; the rules of zones are those of the runtime (Intl). */

const DAY_MS = 24 * 3_600_000
/** Formatters are dear to make; a site has one zone. */
const FORMATS_KEPT = 16
const formats = new Map<string, Intl.DateTimeFormat>()

/**
 * The instant at which clocks in `timeZone` showed `wallMs` (read as if it were UTC). Of an hour that comes twice the reading nearer
 * to `nearMs` is meant; of one that is skipped, what a clock that was not set would show. Undefined for a zone that there is not.
 */
export function instantOfWall(wallMs: number, timeZone: string, nearMs: number): number | undefined {
  // Whatever the offset at the instant is, it is that of a day before or of a day after.
  const offsets = [wallMs - DAY_MS, wallMs + DAY_MS].map((atMs) => offsetMs(atMs, timeZone))
  const [before, after] = offsets
  if (before === undefined || after === undefined) return undefined
  const candidates = [before, after].map((offset) => wallMs - offset)
  const right = candidates.filter((atMs) => atMs + (offsetMs(atMs, timeZone) ?? 0) === wallMs)
  const meant = right.length > 0 ? right : [candidates[0]!]
  return meant.reduce((best, atMs) => (Math.abs(atMs - nearMs) < Math.abs(best - nearMs) ? atMs : best))
}

/** How far the zone is ahead of UTC at an instant. */
function offsetMs(atMs: number, timeZone: string): number | undefined {
  const format = formatOf(timeZone)
  if (!format) return undefined
  const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]))
  const { year, month, day, hour, minute, second } = parts as Record<string, number>
  const wallMs = Date.UTC(year!, month! - 1, day!, hour!, minute!, second!)
  return wallMs - Math.floor(atMs / 1_000) * 1_000
}

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  const known = formats.get(timeZone)
  if (known) return known
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    if (formats.size >= FORMATS_KEPT) formats.clear()
    formats.set(timeZone, format)
    return format
  } catch {
    return undefined
  }
}
