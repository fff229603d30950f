/** How much energy can have flowed: the site doubts registers by it, and the cloud what a person corrects. */

/** Energy over the connector's largest power times this is implausible, in percent. */
export const POWER_MARGIN_PERCENT = 125
/** Coarsest steps that meters show, a tenth of a kWh: a step of that size proves nothing about power. */
export const RESOLUTION_MILLI_WH = 100_000
/** Largest power of a connector where nobody has said otherwise, W. */
export const DEFAULT_MAX_POWER_W = 400_000

/** Most energy that `maxPowerW` with its margin delivers in `durationMs`, milli-Wh, one meter step included. */
export function mostMilliWh(maxPowerW: number, durationMs: number): number {
  // W * ms / 3600 is milli-Wh.
  return Math.ceil((maxPowerW * POWER_MARGIN_PERCENT * durationMs) / 360_000) + RESOLUTION_MILLI_WH
}
