/** One world: sites, chargers, drivers and a cloud, from a seed; faults for a while, then everything heals, and the promises are counted. */

import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import type { DocumentVersion } from '@switchyard/protocol/site/document.ts'
import { type Fact, type FactData, readFact } from '@switchyard/protocol/site/fact.ts'
import type { Random } from '../random.ts'
import { Charger, type Quirks } from './charger/charger.ts'
import { v16, v201 } from './charger/dialect.ts'
import { Billing } from './cloud/billing.ts'
import { Desk } from './cloud/desk.ts'
import { Gateway } from './cloud/gateway.ts'
import { type Backup, type LoggedRow, Store } from './cloud/store.ts'
import { Card } from './disk/card.ts'
import { loadSqlite, type Sqlite } from './disk/vfs.ts'
import { drive } from './drivers.ts'
import { planFaults } from './faults.ts'
import { Mqtt } from './network/mqtt.ts'
import { checkBills } from './oracle/bills.ts'
import { checkCurrents } from './oracle/currents.ts'
import { DiskWatch } from './oracle/disk-watch.ts'
import { OracleLedger } from './oracle/ledger.ts'
import { checkRows } from './oracle/rows.ts'
import { Box, type BoxOptions } from './site/box.ts'
import { Stage, type Telling } from './stage.ts'
import type { Violation } from './violation.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** After the last fault everything must be quiet within this: a silent session is presumed over after six hours. */
const HEALING_MS = 8 * HOUR_MS
/** Share of commands at whose effect the controller dies. */
const CRASH_AT_EFFECT = 0.06
/** Many times what any sound world needs: one that has not come to rest by then runs in a circle. */
const MAX_EVENTS = 300_000

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
  readonly oracle: OracleLedger
  readonly watch: DiskWatch
  readonly sqlite: Sqlite
  readonly #seed: number
  readonly #options = new Map<string, Omit<BoxOptions, 'name' | 'card'>>()
  readonly #appliedVersions = new Map<string, DocumentVersion>()
  /** A card is gone for good, or the cloud forgot: what only they knew is lost, and no fault of anybody. */
  hasLostCards = false
  hasRestoredCloud = false
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
    this.watch = new DiskWatch(this.stage, this.store)
    const { stage, store, mqtt } = this
    this.desk = new Desk({
      stage,
      store,
      send: (to, channel, body) => this.gateways.find((it) => mqtt.isConnected(it))?.send(to, channel, body),
    })
    const grants = new Map<string, number>()
    const committed = (rows: readonly LoggedRow[]) => this.#committed(rows)
    this.gateways = ['gateway-a', 'gateway-b'].map(
      (name) => new Gateway({ name, stage, mqtt, store, desk: this.desk, grants, committed }),
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
    site.clones.push(box)
    box.on()
    return box
  }

  /** The card of a site is replaced, by an older image of it or a fresh one: what it alone knew is gone. */
  replaceCard({ siteId, box }: WorldSite, card: Card): void {
    this.hasLostCards = true
    for (const session of this.oracle.sessions) {
      if (session.siteId !== siteId) continue
      session.isForgotten = true
      session.outlivedCard = session.endedAtMs === undefined
      session.isStopKept = false
    }
    box.replaceCard(card)
  }

  /** The cloud goes back to an earlier state; what is derived from its log is derived anew. */
  restoreCloud(backup: Backup): void {
    this.hasRestoredCloud = true
    for (const gateway of this.gateways) gateway.dies(3_000)
    this.store.restore(backup)
    this.billing.accounts.clear()
    this.billing.unmatched.clear()
    this.#appliedVersions.clear()
    this.#committed(this.store.tables.log)
    this.desk.document('site', { offlinePolicy: 'accept' })
  }

  /** Journals of the site hold rows only for a while. */
  keepsBriefly({ siteId }: WorldSite): boolean {
    return this.#options.get(siteId)!.retentionMs < HOUR_MS
  }

  async #run(): Promise<Report> {
    const { stage, random } = this
    const activeMs = random.int(15, 60) * MINUTE_MS
    for (let i = 1; i <= random.int(1, 2); i++) this.#build(`site-${i}`)
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
          `not quiet ${hours} h after everything healed, ${scheduler.events} events: ${this.#unrest()}`,
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
    const site: WorldSite = { siteId, box, clones: [], chargers, limitMa }
    const crashes = stage.random(`crashes ${siteId}`)
    const crash = (): void => {
      stage.fault('crash-at-effect', siteId, 'the controller is killed before it hears what a command did')
      stage.after(0, () => site.box.processDies('it was killed'))
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
          connect: (line) => site.box.accept(line, id, dialect.version),
          began: (session) => this.oracle.began(session),
          effect: (kind, key) => {
            this.oracle.effect(id, kind, key)
            if (this.isActive && crashes.fraction() < CRASH_AT_EFFECT) crash()
          },
          currentChanged: () => {
            if (limitMa !== undefined) checkCurrents(stage, siteId, limitMa, chargers)
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
    return this.#unrest() === ''
  }

  #unrest(): string {
    const unrest: string[] = []
    for (const { box, clones, chargers, limitMa } of this.sites) {
      for (const charger of chargers)
        if (
          limitMa !== undefined &&
          charger.defaultMa === undefined &&
          !charger.options.quirks.ignoresProfiles
        )
          unrest.push(`${charger.id}: holds no failsafe limit`)
        else if (charger.session || charger.waiting > 0 || !charger.isOnline)
          unrest.push(`${charger.id}: ${charger.waiting} wait, ${charger.isOnline ? 'on' : 'off'} line`)
      for (const it of [box, ...clones]) {
        const status = it.controller?.status()
        const backlog = status?.backlog
        if (!status?.link.linked || !backlog || backlog.ledger + backlog.telemetry > 0)
          unrest.push(`${it.name}: ${JSON.stringify(status?.link)} ${JSON.stringify(backlog)}`)
        else if (status.link.generation !== this.store.generation)
          unrest.push(`${it.name}: has not heard that the cloud was restored`)
        else if (it === box && status.sessions > 0) unrest.push(`${it.name}: ${status.sessions} sessions run`)
      }
    }
    return unrest.join('; ')
  }

  async #count(): Promise<void> {
    const { stage } = this
    for (const box of this.sites.flatMap((site) => [site.box, ...site.clones])) {
      box.off()
      // Its last words are let go, then its card is read.
      const goesAtMs = stage.nowMs + 1
      await stage.scheduler.run(() => stage.nowMs > goesAtMs)
      checkRows(stage, this.sqlite, this.store, box)
      box.card.discard()
    }
    checkBills(stage, this.billing, this.oracle.sessions)
  }

  /** What the services make of committed rows. */
  #committed(rows: readonly LoggedRow[]): void {
    for (const row of rows) {
      if (row.stream !== 'ledger') continue
      const read = readFact(row.fact)
      if (!read.ok)
        this.stage.tell('cloud', `cannot read ${row.journalId} ${row.seq}: ${read.reason} ${row.fact}`)
      if (!read.ok || !read.known) continue
      const { fact } = read
      this.stage.tell('cloud', `takes ${row.journalId} ${row.seq} ${fact.kind} ${gist(fact)}`)
      switch (fact.kind) {
        case 'session.started':
          this.oracle.started(row, fact)
          break
        case 'session.ended':
          this.oracle.ended(fact.sessionId ?? '')
          this.billing.take(row.siteId, fact.stationId ?? '', fact.sessionId ?? '', fact.data)
          break
        case 'session.stop-unmatched':
          this.billing.unmatched.add(fact.data.idToken?.value ?? '')
          break
        case 'command.outcome':
          this.desk.settled(fact.data.commandId)
          break
        case 'document.applied':
          this.#applied(row, fact.data)
      }
    }
  }

  /** I7: within a generation of the cloud, the version that a journal applied never decreases. */
  #applied(row: LoggedRow, { name, generation, n }: FactData<'document.applied'>): void {
    this.desk.applied(row.siteId, name, { generation, n })
    const key = `${row.journalId}/${name}/${generation}`
    const before = this.#appliedVersions.get(key)
    if (before && n < before.n)
      this.stage.broken(
        'I7',
        `${row.siteId} ${row.journalId} row ${row.seq}: ${name} ${generation}/${n} after ${before.n}`,
      )
    this.#appliedVersions.set(key, { generation, n })
  }
}

/** What of a fact belongs to the story. */
function gist(fact: Fact): string {
  switch (fact.kind) {
    case 'session.started':
      return `${fact.stationId} ${fact.data.idToken?.value} ${fact.data.startedAt} at ${fact.data.startRegisterMilliWh} mWh`
    case 'session.ended': {
      const { revision, idToken, energyMilliWh, reason, presumed, review, startedAt, endedAt } = fact.data
      return `${fact.stationId} ${idToken?.value} revision ${revision}, ${startedAt} to ${endedAt}, ${energyMilliWh} mWh (${reason}${presumed ? ', presumed' : ''}) [${review}]`
    }
    case 'command.outcome':
      return `${fact.data.commandId} ${fact.data.status}`
    case 'document.applied':
      return `${fact.data.name} ${fact.data.generation}/${fact.data.n}`
    default:
      return fact.stationId ?? ''
  }
}

function quirksOf(random: Random, later: Random): Quirks {
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
