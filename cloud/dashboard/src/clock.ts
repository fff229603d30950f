/** The dashboard's only clock. Everything that shows or compares time takes it from here. */

/** A server clock that differs by less than this is taken as the browser's own (the Date header has whole seconds). */
const CLOCK_TOLERANCE_MS = 2_000

let offsetMs = 0

/** Milliseconds since the epoch by the server's clock, as far as responses have told it; the browser's may be wrong. */
export function nowMs(): number {
  return Date.now() + offsetMs
}

/** Takes the `Date` header of a response: a browser whose clock is off by hours still shows right ages. */
export function noteServerDate(header: string | null): void {
  const serverMs = header === null ? Number.NaN : Date.parse(header)
  if (Number.isNaN(serverMs)) return
  const difference = serverMs + 500 - Date.now()
  offsetMs = Math.abs(difference) < CLOCK_TOLERANCE_MS ? 0 : difference
}

/** Runs `action` once after `delayMs`; the returned function takes it back. */
export function after(delayMs: number, action: () => void): () => void {
  const timer = setTimeout(action, delayMs)
  return () => clearTimeout(timer)
}
