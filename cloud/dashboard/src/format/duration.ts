/** Durations and ages as text. */

/** "45 s", "12 min", "2 h 5 min", "3 d 4 h"; a negative one counts as none. */
export function durationText(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return hours % 24 === 0 ? `${Math.floor(hours / 24)} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** "just now", "12 s ago", "5 min ago". Clocks differ a little: the future is now. */
export function agoText(epochMs: number, nowMs: number): string {
  const ageMs = nowMs - epochMs
  return ageMs < 2_000 ? 'just now' : `${durationText(ageMs)} ago`
}
