/** The cars that come to a simulated site, by how often they come. */
import { arrivingCar, type CarSpec, type CarState } from '../car/car.ts'
import type { Random } from '../random.ts'

const FLEET: readonly (CarSpec & { weight: number })[] = [
  { weight: 2, name: 'plug-in hybrid', capacityMilliWh: 12_000_000, maxCurrentMa: 16_000, phases: 1 },
  { weight: 2, name: 'city car', capacityMilliWh: 40_000_000, maxCurrentMa: 32_000, phases: 1 },
  { weight: 1, name: 'compact', capacityMilliWh: 52_000_000, maxCurrentMa: 32_000, phases: 3 },
  { weight: 3, name: 'family car', capacityMilliWh: 60_000_000, maxCurrentMa: 16_000, phases: 3 },
  { weight: 3, name: 'saloon', capacityMilliWh: 77_000_000, maxCurrentMa: 16_000, phases: 3 },
  { weight: 1, name: 'van', capacityMilliWh: 110_000_000, maxCurrentMa: 32_000, phases: 3 },
]

/** Nobody arrives with less. */
const SOC_MIN_PERMILLE = 80

/**
 * A car with room for what its driver needs; `askedMilliWh` is what it asks for here, which is less where waits and
 * energies are shortened.
 */
export function drawCar(random: Random, neededMilliWh: number, askedMilliWh: number): CarState {
  const largest = FLEET[FLEET.length - 1]!
  const roomy = FLEET.filter((it) => neededMilliWh <= (it.capacityMilliWh * (1000 - SOC_MIN_PERMILLE)) / 1000)
  const { weight: _, ...spec } = random.pick(roomy.length > 0 ? roomy : [largest])
  const neededPermille = Math.ceil((neededMilliWh * 1000) / spec.capacityMilliWh)
  const socMax = Math.max(SOC_MIN_PERMILLE, 1000 - neededPermille)
  return arrivingCar(spec, {
    socPermille: random.int(SOC_MIN_PERMILLE, socMax),
    targetMilliWh: askedMilliWh,
  }).state()
}
