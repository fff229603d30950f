/** One world: sites, chargers, drivers and a cloud, from a seed; faults for a while, then everything heals, and the promises are counted. */

import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import type { Random } from '../random.ts'
import { Charger } from './charger/charger.ts'
import { v16, v201 } from './charger/dialect.ts'
import { quirksOf } from './charger/quirks.ts'
import { Billing } from './cloud/billing.ts'
import { Desk } from './cloud/desk.ts'
import { Gateway } from './cloud/gateway.ts'
import { Services } from './cloud/services.ts'
import { type Backup, type LoggedRow, Store } from './cloud/store.ts'
import { Card } from './disk/card.ts'
import { loadSqlite, type Sqlite } from './disk/vfs.ts'
import { drive } from './drivers.ts'
import { planFaults } from './faults.ts'
import { Mqtt } from './network/mqtt.ts'
import { AuthorityWatch } from './oracle/authority.ts'
import { checkBills } from './oracle/bills.ts'
import { checkCurrents } from './oracle/currents.ts'
import { DiskWatch } from './oracle/disk-watch.ts'
import { OracleLedger } from './oracle/ledger.ts'
import { checkRows } from './oracle/rows.ts'
import { Box, type BoxOptions } from './site/box.ts'
import { Stage, type Telling } from './stage.ts'
import { unrestOf } from './unrest.ts'
import type { Violation } from './violation.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** After the last fault everything must be quiet within this: a silent session is presumed over after six hours. */
const HEALING_MS = 8 * HOUR_MS
/** Share of commands at whose effect the controller dies. */
const CRASH_AT_EFFECT = 0.06
/** Many times what any sound world needs: one that has not come to rest by then runs in a circle. */
const MAX_EVENTS = 300_000
/** Share of sites whose batches name no conversation. */
const AS_BEFORE = 0.4

export interface Report {
  seed: number
  violations: readonly Violation[]
  faults: ReadonlyMap<string, number>
  sessions: number
  facts: number
  events: number
  /** Virtual time that passed, ms. */
  lastedMs: number
  hash: string
}

export interface WorldSite {
  siteId: string
  /** The one that the chargers are connected to. */
  box: Box
  /** Others that run with a copy of its card. */
  clones: Box[]
  /** The box that its chargers are connected to; `box`, unless they were moved. */
  atBox: Box
  /** Chargers have been moved between boxes: none of them knows all that is drawn. */
  isSplit: boolean
  chargers: Charger[]
  limitMa: number | undefined
}

export class World {
  readonly stage: Stage
  readonly random: Random
  readonly sites: WorldSite[] = []
  readonly mqtt: Mqtt
  readonly store = new Store()
  readonly billing: Billing
  readonly desk: Desk
  readonly gateways: Gateway[]
  readonly services: Services
  readonly oracle: OracleLedger
  readonly watch: DiskWatch
  readonly authority: AuthorityWatch
  readonly sqlite: Sqlite
  readonly #seed: number
  readonly #options = new Map<string, Omit<BoxOptions, 'name' | 'card'>>()
  /** Sites that name no conversation in their batches, as an earlier version did. */
  readonly #asBefore = new Set<string>()
  /** A card is gone for good, or the cloud forgot: what only they knew is lost, and no fault of anybody. */
  hasLostCards = false
  hasRestoredCloud = false
  /** Acknowledged rows may have been given up for want of room: a cloud that goes back would lack them. */
  hasPressedDisk = false
  #cards = 0
  /** Faults may happen, drivers come. */
  isActive = true

  private constructor(seed: number, sqlite: Sqlite, telling: Telling) {
    this.#seed = seed
    this.sqlite = sqlite
    this.stage = new Stage(seed, telling)
    this.random = this.stage.random('world')
    this.mqtt = new Mqtt(this.stage)
    this.billing = new Billing(this.stage)
    this.oracle = new OracleLedger(this.stage)
    this.watch = new DiskWatch(this.stage, this.store, (siteId) => this.#forgets(siteId))
    this.authority = new AuthorityWatch(this.stage)
    const { stage, store, mqtt } = this
    this.desk = new Desk({
      stage,
      store,
      decided: (siteId) => this.authority.decided(siteId),
      handed: (commandId, bootId) => this.oracle.handed(commandId, bootId),
      send: (to, channel, body) => this.gateways.find((it) => mqtt.isConnected(it))?.send(to, channel, body),
    })
    const { desk, authority } = this
    this.services = new Services({ stage, oracle: this.oracle, billing: this.billing, desk })
    const committed = (rows: readonly LoggedRow[]) => this.services.take(rows)
    const namesNoConversation = (siteId: string) => this.#asBefore.has(siteId)
    this.gateways = ['gateway-a', 'gateway-b'].map(
      (name) => new Gateway({ name, stage, mqtt, store, desk, authority, namesNoConversation, committed }),
    )
  }

  static async run(seed: number, telling: Telling = {}): Promise<Report> {
    const sqlite = await loadSqlite()
    // Loaded when first asked for, which is no moment of a world's time.
    await Promise.all([loadValidators('1.6'), loadValidators('2.0.1')])
    sqlite.restart()
    const world = new World(seed, sqlite, telling)
    try {
      return await world.#run()
    } catch (error) {
      world.stage.broken('crash', (error as Error).stack ?? String(error))
      return world.#report()
    }
  }

  newCard(): Card {
    return new Card(`card${++this.#cards}`)
  }

  clonedCard(card: Card): Card {
    const clone = card.cloned(`card${++this.#cards}`)
    this.watch.cloned(card.id, clone.id)
    return clone
  }

  /** A second box for a site, with a copy of its card: both speak. */
  clone(site: WorldSite): Box {
    const name = `${site.siteId}-clone${site.clones.length + 1}`
    const box = new Box({ ...this.#options.get(site.siteId)!, name, card: this.clonedCard(site.box.card) })
    // Chargers are moved to the first clone only; what began since it was made, or at it, is not on both.
    if (site.clones.length === 0)
      for (const session of this.oracle.sessions)
        if (session.siteId === site.siteId && session.endedAtMs === undefined && session.isKnown)
          session.isOnBoth = true
    site.clones.push(box)
    box.on()
    return box
  }

  /** Chargers of a site find another one of its boxes, and none of what only the one before knows. */
  moveChargers(site: WorldSite, box: Box): void {
    if (site.atBox === box) return
    site.atBox = box
    site.isSplit = true
    for (const session of this.oracle.sessions) {
      if (session.siteId !== site.siteId || session.isOnBoth) continue
      const charger = site.chargers.find((it) => it.id === session.chargerId)!
      if (session.endedAtMs !== undefined && charger.waiting === 0) continue
      session.isForgotten = true
      session.isStopKept = false
    }
    for (const { line } of site.chargers) line?.cut()
  }

  /** The card of a site is replaced, by an older image of it or a fresh one: what it alone knew is gone. */
  replaceCard({ siteId, box }: WorldSite, card: Card): void {
    this.hasLostCards = true
    this.#forgets(siteId)
    this.watch.takenOut(box.card.id)
    box.replaceCard(card)
  }

  /** A card is filled; false: it must not be, for what is given up may be asked for. */
  fill({ siteId, box }: WorldSite, capacityBytes: number): boolean {
    if (this.#options.get(siteId)!.looksAfterCard) {
      if (this.hasRestoredCloud) return false
      this.hasPressedDisk = true
    }
    box.card.capacityBytes = capacityBytes
    return true
  }

  /** A page of the card in a box is lost: what its journal cannot save it tells. */
  losePage(site: WorldSite, box: Box): boolean {
    if (!box.losesPage()) return false
    this.hasLostCards = true
    this.watch.damaged.add(box.card.id)
    this.#forgets(site.siteId)
    return true
  }

  /** What only a card of the site knew is gone; a session whose end the cloud has is none of it. */
  #forgets(siteId: string): void {
    for (const session of this.oracle.sessions) {
      if (session.siteId !== siteId || this.services.ends.has(session.token)) continue
      session.isForgotten = true
      session.outlivedCard = session.endedAtMs === undefined
      session.isStopKept = false
    }
  }

  /** The cloud goes back to an earlier state; what is derived from its log is derived anew. */
  restoreCloud(backup: Backup): void {
    this.hasRestoredCloud = true
    for (const gateway of this.gateways) gateway.dies(3_000)
    this.store.restore(backup)
    this.authority.forget()
    this.services.again(this.store.tables.log)
    this.desk.document('site', { offlinePolicy: 'accept' })
  }

  /** Journals of the site hold rows only for a while. */
  keepsBriefly({ siteId }: WorldSite): boolean {
    return this.#options.get(siteId)!.retentionMs < HOUR_MS
  }

  async #run(): Promise<Report> {
    const { stage, random } = this
    const activeMs = random.int(15, 60) * MINUTE_MS
    const { count } = random.pick([
      { weight: 10, count: 1 },
      { weight: 10, count: 2 },
      { weight: 1, count: 3 },
    ])
    for (let i = 1; i <= count; i++) this.#build(`site-${i}`)
    for (const gateway of this.gateways) gateway.start()
    this.desk.start()
    for (const { siteId } of this.sites) this.store.site(siteId)
    this.desk.document('site', { offlinePolicy: 'accept' })
    for (const { box, chargers } of this.sites) {
      box.on()
      for (const charger of chargers) stage.after(random.int(0, 5_000), () => charger.on())
    }
    drive(this, activeMs)
    planFaults(this, activeMs)
    stage.after(activeMs, () => this.#heal())

    let isQuiet = false
    const look = (): void => {
      isQuiet = this.#isQuiet()
      if (!isQuiet) stage.after(30_000, look)
    }
    stage.after(activeMs + 30_000, look)
    const endMs = activeMs + HEALING_MS
    const isOver = () => stage.nowMs > endMs || stage.scheduler.events > MAX_EVENTS
    await stage.scheduler.run(() => isQuiet || isOver() || stage.violations.length > 0)
    if (stage.violations.length === 0) {
      if (!isQuiet) {
        const { nowMs, scheduler } = stage
        const hours = ((nowMs - activeMs) / HOUR_MS).toFixed(1)
        stage.broken(
          'I11',
          `not quiet ${hours} h after everything healed, ${scheduler.events} events: ${unrestOf(this)}`,
        )
      }
      await this.#count()
    }
    return this.#report()
  }

  #report(): Report {
    const { stage } = this
    return {
      seed: this.#seed,
      violations: stage.violations,
      faults: stage.faults,
      sessions: this.oracle.sessions.length,
      facts: this.store.tables.log.length,
      events: stage.scheduler.events,
      lastedMs: stage.nowMs,
      hash: stage.trace.hash,
    }
  }

  #build(siteId: string): void {
    const { stage, random, sqlite, mqtt, watch } = this
    const limitMa = random.fraction() < 0.4 ? random.int(16, 63) * 1_000 : undefined
    const options: Omit<BoxOptions, 'name' | 'card'> = {
      siteId,
      stage,
      sqlite,
      mqtt,
      watch,
      hasRtc: random.fraction() < 0.7,
      looksAfterCard: stage.random(`card of ${siteId}`).fraction() < 0.5,
      retentionMs: random.fraction() < 0.2 ? 1_000 : 30 * 24 * HOUR_MS,
      config: {
        onboarding: 'open',
        heartbeatIntervalS: 3_600,
        pingIntervalMs: 120_000,
        offlinePolicy: 'accept',
        baseline: false,
        meterIntervalS: 300,
        maxPowerW: 22_000,
        failsafeMa: 6_000,
        ...(limitMa === undefined ? {} : { siteLimitMa: limitMa }),
      },
    }
    this.#options.set(siteId, options)
    const box = new Box({ ...options, name: siteId, card: this.newCard() })
    const chargers: Charger[] = []
    const site: WorldSite = { siteId, box, clones: [], atBox: box, isSplit: false, chargers, limitMa }
    if (stage.random(`version ${siteId}`).fraction() < AS_BEFORE) this.#asBefore.add(siteId)
    const crashes = stage.random(`crashes ${siteId}`)
    const crash = (box: Box): void => {
      stage.fault('crash-at-effect', box.name, 'the controller is killed before it hears what a command did')
      stage.after(0, () => box.processDies('it was killed'))
    }
    for (let i = 1; i <= random.int(1, 3); i++) {
      const id = `${siteId}-c${i}`
      const dialect = random.fraction() < 0.5 ? v16 : v201
      chargers.push(
        new Charger({
          id,
          siteId,
          dialect,
          phases: random.fraction() < 0.7 ? 3 : 1,
          hardwareMa: random.fraction() < 0.7 ? 32_000 : 16_000,
          quirks: quirksOf(random, stage.random(`quirks ${id}`)),
          stage,
          connect: (line) => site.atBox.accept(line, id, dialect.version),
          began: (session) => this.oracle.began(session),
          effect: (kind, key) => {
            this.oracle.effect(id, kind, key, site.atBox.bootId)
            if (this.isActive && crashes.fraction() < CRASH_AT_EFFECT) crash(site.atBox)
          },
          currentChanged: () => {
            if (limitMa !== undefined && !site.isSplit) checkCurrents(stage, siteId, limitMa, chargers)
          },
        }),
      )
    }
    this.sites.push(site)
  }

  #heal(): void {
    const { stage } = this
    stage.tell('world', 'heals')
    this.isActive = false
    this.mqtt.lossShare = 0
    this.mqtt.doubleShare = 0
    this.mqtt.cutSites.clear()
    for (const { box, clones, chargers } of this.sites) {
      for (const it of [box, ...clones]) {
        it.card.capacityBytes = undefined
        it.clockOffMs = 0
        it.on()
      }
      for (const charger of chargers) if (charger.session) stage.after(MINUTE_MS, () => charger.end('Local'))
    }
  }

  /** Everything that was to be told is told, everywhere. */
  #isQuiet(): boolean {
    return unrestOf(this) === ''
  }

  async #count(): Promise<void> {
    const { stage } = this
    const boxes = this.sites.flatMap((site) => [site.box, ...site.clones])
    // All at once: what one of them writes while another's card is read, as that a command has expired, nobody would be told any more.
    for (const box of boxes) box.off()
    // Their last words are let go, then their cards are read.
    const goesAtMs = stage.nowMs + 1
    await stage.scheduler.run(() => stage.nowMs > goesAtMs)
    for (const box of boxes) {
      checkRows(stage, this.sqlite, this.store, box, this.watch.damaged.has(box.card.id))
      box.card.discard()
    }
    this.watch.checkTold(this.services.toldOfLoss)
    this.oracle.checkLate()
    checkBills(stage, this.billing, this.oracle.sessions)
  }
}
