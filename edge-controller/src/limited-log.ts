/** A log that one hostile or broken station cannot fill: lines beyond a rate are counted, and told with the next one. */
import type { Clock, Log } from './ports.ts'

/** Lines at once. */
export const LOG_BURST = 60
/** After a burst, one more line each. */
export const LOG_REFILL_MS = 1_000

/** Lines of `info` and above go through the rate; `debug` is asked for by whoever wants all. */
export function limitedLog(log: Log, clock: Clock): Log {
  let tokens = LOG_BURST
  let filledAtMs = clock.mono()
  let leftOut = 0

  const limited = (write: (fields: object, message: string) => void) => (fields: object, message: string) => {
    const nowMs = clock.mono()
    const refill = Math.floor((nowMs - filledAtMs) / LOG_REFILL_MS)
    if (refill > 0) {
      tokens = Math.min(LOG_BURST, tokens + refill)
      filledAtMs += refill * LOG_REFILL_MS
    }
    if (tokens === 0) {
      leftOut++
      return
    }
    tokens--
    write(leftOut === 0 ? fields : { ...fields, linesLeftOut: leftOut }, message)
    leftOut = 0
  }
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: limited((fields, message) => log.info(fields, message)),
    warn: limited((fields, message) => log.warn(fields, message)),
    error: limited((fields, message) => log.error(fields, message)),
  }
}
