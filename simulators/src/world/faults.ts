/** What goes wrong in a world: drawn from its seed, at any time until everything heals. */
import type { Random } from '../random.ts'
import type { Charger } from './charger/charger.ts'
import type { World, WorldSite } from './world.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

interface Fault {
  kind: string
  weight: number
  /** Says what it does, for the story. */
  happen(world: World, site: WorldSite, random: Random): string
}

const FAULTS: readonly Fault[] = [
  {
    kind: 'power-cut',
    weight: 5,
    happen(_world, { box }, random) {
      if (random.fraction() < 0.25) {
        box.powerFails()
        return 'power fails between two writes'
      }
      const operations = random.int(0, 40)
      box.powerFailsAfter(operations)
      return `power will fail at the ${operations + 1}. operation of the card`
    },
  },
  {
    kind: 'process-crash',
    weight: 3,
    happen(_world, { box }) {
      box.processDies('it was killed')
      return 'the controller is killed'
    },
  },
  {
    kind: 'process-restart',
    weight: 1,
    happen(_world, { box }) {
      box.restarts()
      return 'the controller is stopped in order'
    },
  },
  {
    kind: 'disk-full',
    weight: 2,
    happen({ stage }, { box }, random) {
      const { card } = box
      const lastsMs = random.int(10, 600) * SECOND_MS
      card.capacityBytes = card.usedBytes + random.int(0, 20_000)
      stage.after(lastsMs, () => {
        card.capacityBytes = undefined
      })
      return `the card is full for ${lastsMs / SECOND_MS} s`
    },
  },
  {
    kind: 'link-cut',
    weight: 5,
    happen({ stage, mqtt }, { siteId }, random) {
      const lastsMs = anyLength(random)
      const isSilent = random.fraction() < 0.4
      mqtt.cutSite(siteId, isSilent)
      stage.after(lastsMs, () => mqtt.healSite(siteId))
      return `the internet is gone for ${lastsMs / SECOND_MS} s${isSilent ? ', without a word' : ''}`
    },
  },
  {
    kind: 'bad-broker',
    weight: 3,
    happen({ stage, mqtt }, _site, random) {
      const lastsMs = random.int(30, 900) * SECOND_MS
      mqtt.lossShare = random.fraction() * 0.3
      mqtt.doubleShare = random.fraction() * 0.3
      stage.after(lastsMs, () => {
        mqtt.lossShare = 0
        mqtt.doubleShare = 0
      })
      return `${percent(mqtt.lossShare)} of messages are lost, ${percent(mqtt.doubleShare)} come twice, for ${lastsMs / SECOND_MS} s`
    },
  },
  {
    kind: 'broker-restart',
    weight: 1,
    happen({ mqtt }, _site, random) {
      const downMs = random.int(1, 60) * SECOND_MS
      mqtt.restart(downMs)
      return `the broker is wiped, and down for ${downMs / SECOND_MS} s`
    },
  },
  {
    kind: 'gateway-crash',
    weight: 3,
    happen({ gateways }, _site, random) {
      const gateway = gateways[random.int(0, gateways.length - 1)]!
      const downMs = random.int(1, 120) * SECOND_MS
      gateway.dies(downMs)
      return `${gateway.name} is killed, and down for ${downMs / SECOND_MS} s`
    },
  },
  {
    kind: 'charger-reboot',
    weight: 3,
    happen(_world, { chargers }, random) {
      const charger = anyOf(chargers, random)
      const downMs = random.int(5, 300) * SECOND_MS
      charger.reboot(downMs)
      return `${charger.id} has no power for ${downMs / SECOND_MS} s`
    },
  },
  {
    kind: 'line-cut',
    weight: 3,
    happen(_world, { chargers }, random) {
      const charger = anyOf(chargers, random)
      charger.line?.cut()
      return `the line of ${charger.id} is cut`
    },
  },
  {
    kind: 'line-half-open',
    weight: 2,
    happen(_world, { chargers }, random) {
      const charger = anyOf(chargers, random)
      charger.line?.halfOpen()
      return `nothing passes on the line of ${charger.id} any more`
    },
  },
  {
    kind: 'clock-step',
    weight: 2,
    happen(_world, { box }, random) {
      const byMs = random.pick([
        { weight: 2, ms: 2 * SECOND_MS },
        { weight: 2, ms: HOUR_MS },
        { weight: 1, ms: 400 * DAY_MS },
      ]).ms
      const signed = random.fraction() < 0.5 ? byMs : -byMs
      box.clockOffMs += signed
      return `the clock is set by ${signed / SECOND_MS} s`
    },
  },
  {
    kind: 'clock-sync',
    weight: 2,
    happen(_world, { box }) {
      box.clockOffMs = 0
      return 'a time server sets the clock right'
    },
  },
  {
    kind: 'card-replaced',
    weight: 1,
    happen(world, site) {
      if (world.hasRestoredCloud || site.clones.length > 0) return 'nothing, this time'
      world.replaceCard(site, world.newCard())
      return 'a fresh card takes the place of the old one'
    },
  },
  {
    kind: 'card-restored',
    weight: 2,
    happen(world, site, random) {
      if (world.hasRestoredCloud || site.clones.length > 0) return 'nothing, this time'
      const backup = world.clonedCard(site.box.card)
      const afterMs = random.int(10, 900) * SECOND_MS
      world.stage.after(afterMs, () => {
        if (world.hasRestoredCloud || !world.isActive) return
        world.stage.tell(site.siteId, `goes on with the image of its card of ${afterMs / SECOND_MS} s ago`)
        world.replaceCard(site, backup)
      })
      return 'an image of the card is taken'
    },
  },
  {
    kind: 'card-cloned',
    weight: 2,
    happen(world, site) {
      if (site.clones.length > 0) return 'nothing, this time'
      return `${world.clone(site).name} runs beside it with a copy of its card`
    },
  },
  {
    kind: 'cloud-restored',
    weight: 2,
    happen(world, _site, random) {
      if (world.hasLostCards || world.sites.some((it) => world.keepsBriefly(it))) return 'nothing, this time'
      const backup = world.store.backup()
      const afterMs = random.int(10, 900) * SECOND_MS
      world.stage.after(afterMs, () => {
        if (world.hasLostCards || world.hasRestoredCloud || !world.isActive) return
        world.stage.tell('cloud', `goes back to where it was ${afterMs / SECOND_MS} s ago`)
        world.restoreCloud(backup)
      })
      return 'a backup of the cloud is taken'
    },
  },
  {
    kind: 'charger-clock',
    weight: 1,
    happen(_world, { chargers }, random) {
      const charger = anyOf(chargers, random)
      charger.clockOffMs += random.int(-3_600, 3_600) * SECOND_MS
      return `the clock of ${charger.id} is off by ${charger.clockOffMs / SECOND_MS} s now`
    },
  },
]

/** From a blink to longer than the world lasts. */
function anyLength(random: Random): number {
  const longest = random.pick([
    { weight: 2, ms: 20 * SECOND_MS },
    { weight: 2, ms: 5 * MINUTE_MS },
    { weight: 1, ms: HOUR_MS },
  ]).ms
  return random.int(1, longest / SECOND_MS) * SECOND_MS
}

function anyOf(chargers: readonly Charger[], random: Random): Charger {
  return chargers[random.int(0, chargers.length - 1)]!
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

/** Some worlds have few kinds of faults, many times; others have a few of every kind. */
export function planFaults(world: World, activeMs: number): void {
  const { stage } = world
  const random = stage.random('faults')
  const count = random.int(0, 14)
  const among = random.fraction() < 0.3 ? [random.pick(FAULTS), random.pick(FAULTS)] : FAULTS
  for (let i = 0; i < count; i++) {
    const atMs = random.int(SECOND_MS, activeMs - SECOND_MS)
    const fault = random.pick(among)
    const site = world.sites[random.int(0, world.sites.length - 1)]!
    const own = random.fork(`fault ${i}`)
    stage.after(atMs, () => stage.fault(fault.kind, site.siteId, fault.happen(world, site, own)))
  }
}
