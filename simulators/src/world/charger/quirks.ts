/** Which quirks a charger of a world has. */
import type { Random } from '../../random.ts'
import type { Quirks } from './charger.ts'

/** `later`: what was added since, from a stream of its own. */
export function quirksOf(random: Random, later: Random): Quirks {
  const has = (share: number) => random.fraction() < share
  return {
    newIdOnResend: has(0.5),
    forgetsQueue: has(0.15),
    ignoresProfiles: has(0.15),
    hasNoClock: has(0.2),
    keepsOwnTime: has(0.1),
    statusBeforeStop: has(0.2),
    brokenMeter: later.fraction() < 0.1,
    losesAnswers: later.fraction() < 0.3,
    clockSlips: later.fraction() < 0.1,
    stopsLate: later.fraction() < 0.15,
  }
}
