/** What an ended session costs: the one way from its fact to an amount, for the CDR in billing and for the driver at the station. */
import type { CostDetails } from '../api/shapes.ts'
import { price } from '../pricing/price.ts'
import type { Tariff } from '../pricing/tariff.ts'
import type { Ended } from './settle.ts'

/** Throws RangeError as `price` does; a session that `settle` issues a CDR of never makes it. */
export function priceEnded(
  tariff: Tariff,
  {
    startedAt,
    endedAt,
    durationMs,
    energyMilliWh = 0,
  }: Pick<Ended, 'startedAt' | 'endedAt' | 'durationMs' | 'energyMilliWh'>,
): CostDetails {
  return price(tariff, { startedAt, endedAt, durationMs, energyMilliWh })
}
