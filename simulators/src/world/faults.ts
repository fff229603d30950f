/** What goes wrong in a world: drawn from its seed, at any time until everything heals. */

import type { Random } from '../random.ts'
import type { World, WorldSite } from './world.ts'

interface Fault {
  kind: string
  weight: number
  happen(world: World, site: WorldSite, random: Random): void
}

const FAULTS: readonly Fault[] = [
  {
    kind: 'power-cut',
    weight: 4,
    happen(_world, { box }, random) {
      if (random.fraction() < 0.3) {
        box.off()
        box.on()
      } else box.powerFailsAfter(random.int(0, 40))
    },
  },
  {
    kind: 'process-crash',
    weight: 3,
    happen: (_world, { box }) => box.processDies('it was killed'),
  },
]

export function planFaults(world: World, activeMs: number): void {
  const { stage } = world
  const random = stage.random('faults')
  const count = random.int(2, 9)
  for (let i = 0; i < count; i++) {
    const atMs = random.int(1_000, activeMs - 1_000)
    const fault = random.pick(FAULTS)
    const site = world.sites[random.int(0, world.sites.length - 1)]!
    const own = random.fork(`fault ${i}`)
    stage.after(atMs, () => {
      stage.fault(fault.kind, site.siteId, '')
      fault.happen(world, site, own)
    })
  }
}
