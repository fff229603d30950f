/** What goes wrong in a world: drawn from its seed, at any time until everything heals. */
import type { Random } from '../random.ts'
import type { Charger } from './charger/charger.ts'
import type { Box } from './site/box.ts'
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
    happen(world, site, random) {
      const { card } = site.box
      const lastsMs = random.int(10, 600) * SECOND_MS
      if (!world.fill(site, card.usedBytes + random.int(0, 20_000))) return 'nothing, this time'
      world.stage.after(lastsMs, () => {
        card.capacityBytes = undefined
      })
      return `the card is full for ${lastsMs / SECOND_MS} s`
    },
  },
  {
    kind: 'disk-fills',
    weight: 1,
    happen(world, site, random) {
      const { card } = site.box
      const lastsMs = random.int(60, 1_200) * SECOND_MS
      const leftBytes = random.int(2, 24) * 1024 * 1024
      if (!world.fill(site, card.usedBytes + leftBytes)) return 'nothing, this time'
      world.stage.after(lastsMs, () => {
        card.capacityBytes = undefined
      })
      return `the card has ${leftBytes / 1024 / 1024} MB left for ${lastsMs / SECOND_MS} s`
    },
  },
  {
    kind: 'page-corrupted',
    weight: 1,
    happen(world, site, random) {
      if (world.hasRestoredCloud) return 'nothing, this time'
      const { box } = site
      if (!world.losePage(site, box)) return 'nothing, this time'
      if (random.fraction() < 0.5) return 'a page of the journal is lost'
      box.powerFails()
      return 'power fails, and a page of the journal is lost'
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
        if (world.hasRestoredCloud || site.clones.length > 0 || !world.isActive) return
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
    kind: 'cloned-in-the-dark',
    weight: 2,
    happen(world, site, random) {
      if (site.clones.length > 0) return 'nothing, this time'
      const { stage, mqtt } = world
      const lastsMs = random.int(60, 900) * SECOND_MS
      const clonedMs = random.int(1, lastsMs - 1)
      const lossShare = random.fraction() * 0.4
      mqtt.cutSite(site.siteId, false)
      stage.after(clonedMs, () => {
        if (world.isActive)
          stage.tell(site.siteId, `${world.clone(site).name} runs beside it with a copy of its card`)
      })
      if (random.fraction() < 0.5)
        moveForAWhile(world, site, clonedMs + random.int(10, 120) * SECOND_MS, random)
      stage.after(lastsMs, () => {
        mqtt.healSite(site.siteId)
        if (world.isActive) mqtt.lossShare = lossShare
      })
      stage.after(lastsMs + 2 * MINUTE_MS, () => {
        mqtt.lossShare = 0
      })
      return `the internet is gone for ${lastsMs / SECOND_MS} s, then bad; its card is cloned meanwhile`
    },
  },
  {
    kind: 'swapped-in-session',
    weight: 2,
    happen(world, site, random) {
      if (site.clones.length > 0) return 'nothing, this time'
      const { stage, mqtt } = world
      mqtt.cutSite(site.siteId, false)
      const box = world.clone(site)
      const movedMs = random.int(5, 20) * SECOND_MS
      const endedMs = movedMs + random.int(30, 90) * SECOND_MS
      const backMs = endedMs + random.int(30, 90) * SECOND_MS
      stage.after(movedMs, () => world.isActive && world.moveChargers(site, box))
      stage.after(endedMs, () => {
        for (const charger of site.chargers) if (charger.session?.isOnBoth) charger.end('Local')
      })
      stage.after(backMs, () => world.isActive && world.moveChargers(site, site.box))
      stage.after(backMs + random.int(60, 300) * SECOND_MS, () => mqtt.healSite(site.siteId))
      return `without the internet, ${box.name} takes over with a copy of its card, hears the sessions end, and goes again`
    },
  },
  {
    kind: 'chargers-moved',
    weight: 2,
    happen(world, site, random) {
      if (site.clones.length === 0) return 'nothing, this time'
      moveForAWhile(world, site, 0, random)
      return 'its chargers find its other box'
    },
  },
  {
    kind: 'operator-decides',
    weight: 1,
    happen({ desk }, { siteId, box, clones }, random) {
      const boxes = [box, ...clones]
      const { controller } = boxes[random.int(0, boxes.length - 1)]!
      if (!controller) return 'nothing, this time'
      desk.give(siteId, controller.journalId)
      return `an operator gives authority to ${controller.journalId}`
    },
  },
  {
    kind: 'cloud-restored',
    weight: 2,
    happen(world, _site, random) {
      if (mustNotForget(world)) return 'nothing, this time'
      const backup = world.store.backup()
      const afterMs = random.int(10, 900) * SECOND_MS
      world.stage.after(afterMs, () => {
        if (mustNotForget(world) || world.hasRestoredCloud || !world.isActive) return
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

/** To the clone, and most times back again. */
function moveForAWhile(world: World, site: WorldSite, afterMs: number, random: Random): void {
  const lastsMs = random.int(20, 900) * SECOND_MS
  const goesBack = random.fraction() < 0.7
  const move = (): void => {
    const to = site.atBox === site.box ? site.clones[0] : site.box
    if (!to || !world.isActive) return
    world.stage.tell(site.siteId, `has its chargers at ${to.name} now`)
    world.moveChargers(site, to)
  }
  world.stage.after(afterMs, move)
  if (goesBack) world.stage.after(afterMs + lastsMs, move)
}

/** What the cloud would lack after a restore lies nowhere else. */
function mustNotForget(world: World): boolean {
  return world.hasLostCards || world.hasPressedDisk || world.sites.some((it) => world.keepsBriefly(it))
}

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

/** Share of worlds in which a site begins without the internet, and without the time where its box has no battery. */
const BORN_IN_THE_DARK = 0.12

function bornInTheDark(world: World, random: Random): void {
  const { stage, mqtt } = world
  const { siteId, box } = world.sites[random.int(0, world.sites.length - 1)]!
  const lastsMs = random.int(300, 1_200) * SECOND_MS
  mqtt.cutSite(siteId, false)
  box.forgetsTime()
  for (let i = random.int(0, 3); i > 0; i--)
    stage.after(random.int(1_000, lastsMs), () => stage.fault('power-cut', siteId, powerFails(box)))
  stage.after(lastsMs, () => mqtt.healSite(siteId))
  stage.fault('born-in-the-dark', siteId, `it has no internet yet, for ${lastsMs / SECOND_MS} s`)
}

function powerFails(box: Box): string {
  box.powerFails()
  return 'power fails between two writes'
}

/** Some worlds have few kinds of faults, many times; others have a few of every kind. */
export function planFaults(world: World, activeMs: number): void {
  const { stage } = world
  const random = stage.random('faults')
  const count = random.int(0, 14)
  if (random.fraction() < BORN_IN_THE_DARK) bornInTheDark(world, random.fork('dark'))
  const among = random.fraction() < 0.3 ? [random.pick(FAULTS), random.pick(FAULTS)] : FAULTS
  for (let i = 0; i < count; i++) {
    const atMs = random.int(SECOND_MS, activeMs - SECOND_MS)
    const fault = random.pick(among)
    const site = world.sites[random.int(0, world.sites.length - 1)]!
    const own = random.fork(`fault ${i}`)
    stage.after(atMs, () => stage.fault(fault.kind, site.siteId, fault.happen(world, site, own)))
  }
}
