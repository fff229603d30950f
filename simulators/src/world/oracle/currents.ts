/**
 * I9: chargers that hold the limits they were given never draw more together than their site allows. A controller with another card
 * cannot know what the old one allowed to a session that runs on; until that is a lease, which ends by itself, nothing is claimed there.
 */
import type { Charger } from '../charger/charger.ts'
import type { Stage } from '../stage.ts'

export function checkCurrents(
  stage: Stage,
  siteId: string,
  limitMa: number,
  chargers: readonly Charger[],
): void {
  if (chargers.some((it) => it.session?.outlivedCard)) return
  let currentMa = 0
  let allowedMa = 0
  for (const charger of chargers) {
    const { quirks } = charger.options
    if (charger.siteId !== siteId || quirks.ignoresProfiles || charger.defaultMa === undefined) continue
    currentMa += charger.outlet.currentMa
    allowedMa += charger.sessionMa ?? charger.defaultMa
  }
  if (currentMa > limitMa)
    stage.broken(
      'I9',
      `${siteId}: ${currentMa} mA flow, ${allowedMa} mA are allowed, the limit is ${limitMa} mA`,
    )
}
