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

/** A limited log of which every line names the station: no station fills it. */
export function withStation(whole: Log, clock: Clock, stationId: string): Log {
  const log = limitedLog(whole, clock)
  return {
    debug: (fields, message) => log.debug({ stationId, ...fields }, message),
    info: (fields, message) => log.info({ stationId, ...fields }, message),
    warn: (fields, message) => log.warn({ stationId, ...fields }, message),
    error: (fields, message) => log.error({ stationId, ...fields }, message),
  }
}
