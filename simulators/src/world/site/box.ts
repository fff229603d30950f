/** A box with a site controller in it: a card, a clock that may be wrong, and a process that dies and is started again. */
import {
  createSiteController,
  GroupedJournal,
  type Log,
  SiteClock,
  type SiteController,
  type SiteControllerConfig,
} from '@switchyard/edge-controller/site-controller.ts'
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { Random } from '../../random.ts'
import type { Card } from '../disk/card.ts'
import { openOnCard } from '../disk/database.ts'
import type { Sqlite } from '../disk/vfs.ts'
import { volumeOn } from '../disk/volume.ts'
import type { Line } from '../network/line.ts'
import type { Mqtt } from '../network/mqtt.ts'
import type { DiskWatch } from '../oracle/disk-watch.ts'
import type { Stage } from '../stage.ts'
import { SlowDisk } from './journal-disk.ts'
import { Life } from './life.ts'
import { UplinkBroker } from './uplink-broker.ts'

const JOURNAL = 'journal.db'
const PAGE_BYTES = 4_096
/** A supervisor starts the process again after this. */
const RESTART_MS = 5_000
const STOP_MS = 10_000
/** A box without a battery wakes in 1970. */
const NO_RTC_MS = 0
/** The machine's monotonic clock shows no whole milliseconds. */
const MONOTONIC_FRACTION_MS = 0.37

export interface BoxOptions {
  name: string
  siteId: string
  card: Card
  stage: Stage
  sqlite: Sqlite
  mqtt: Mqtt
  config: SiteControllerConfig
  retentionMs: number
  watch: DiskWatch
  hasRtc: boolean
  /** Watches the room on its card, and salvages a damaged journal. */
  looksAfterCard: boolean
}

interface Running {
  life: Life
  disk: SlowDisk | undefined
  controller: SiteController | undefined
}

export class Box {
  readonly name: string
  readonly siteId: string
  readonly #options: BoxOptions
  readonly #random: Random
  readonly #lines = new Set<Line>()
  #card: Card
  #running: Running | undefined
  #lives = 0
  #bootId = ''
  /** How far the machine's clock is off, ms. */
  clockOffMs = 0
  /** It shall run: a supervisor starts it again. */
  #isWanted = false
  /** Times that the controller could not be started over its card. */
  failures = 0

  constructor(options: BoxOptions) {
    this.#options = options
    this.name = options.name
    this.siteId = options.siteId
    this.#random = options.stage.random(`box ${options.name}`)
    this.#card = options.card
  }

  get card(): Card {
    return this.#card
  }

  /** Undefined while it is down or starting. */
  get controller(): SiteController | undefined {
    return this.#running?.controller
  }

  /** Its journal writes, or has written what its controller does not know yet. */
  get isWriting(): boolean {
    return this.#running?.disk?.isBusy ?? false
  }

  /** Of the process that runs, or ran last; empty before the first. */
  get bootId(): string {
    return this.#bootId
  }

  get isWanted(): boolean {
    return this.#isWanted
  }

  on(): void {
    this.#isWanted = true
    // Not before what ran before has let go of the card.
    this.#options.stage.after(1, () => {
      if (this.#isWanted && !this.#running) this.#start()
    })
  }

  /** Unplugged for good, or until `on`. */
  off(): void {
    this.#isWanted = false
    this.powerFails()
  }

  /** It has no battery, and nobody has told it the time. */
  forgetsTime(): void {
    if (!this.#options.hasRtc) this.clockOffMs = NO_RTC_MS - this.#options.stage.wallMs
  }

  powerFails(): void {
    this.#card.cut(this.#random)
    this.forgetsTime()
    this.#died('power failed')
  }

  /** At the operation of the card that comes so many after this one. */
  powerFailsAfter(operations: number): void {
    this.#card.cutAfter(operations, () => {
      const { stage } = this.#options
      stage.fault('power-cut', this.name, 'power fails in the middle of a write')
      this.powerFails()
    })
  }

  processDies(why: string): void {
    this.#card.kill()
    this.#died(why)
  }

  /** A page of its journal is lost; false: nothing was there, or nobody would look after it. */
  losesPage(): boolean {
    return this.#options.looksAfterCard && this.#card.corrupt(JOURNAL, PAGE_BYTES, this.#random)
  }

  /** An orderly restart, as at an update. */
  restarts(): void {
    const controller = this.#running?.controller
    const life = this.#running?.life
    if (!controller || !life) return
    void controller.stop(STOP_MS).then(() => {
      if (!life.isAlive) return
      this.#card.kill()
      this.#died('it was stopped')
    })
  }

  /** Another card for the one in it, at a moment without power. */
  replaceCard(card: Card): void {
    const isWanted = this.#isWanted
    this.off()
    this.#card = card
    if (isWanted) this.on()
  }

  /** A charger's line, as far as the box is there to take it; false: it is not, or refuses. */
  async accept(line: Line, stationId: string, version: OcppVersion): Promise<boolean> {
    const running = this.#running
    if (!running?.controller) return false
    const knock = { stationId, rawId: stationId, remote: line.siteEnd.remote, version }
    const admission = await running.controller.admit(knock)
    if (!admission.ok || !running.life.isAlive || !line.isOpen) return false
    this.#lines.add(line)
    running.controller.accept(line.siteEnd, stationId, version, admission.credential)
    return true
  }

  #start(): void {
    const { stage, sqlite, name, mqtt, siteId, watch } = this.#options
    const life = new Life(stage)
    const running: Running = { life, disk: undefined, controller: undefined }
    this.#running = running
    this.#lives++
    const card = this.#card
    card.insert()
    sqlite.insert(card)
    stage.tell(name, `starts (life ${this.#lives}, card ${card.id})`)
    const random = stage.random(`controller ${name} ${this.#lives}`)
    const bytes = (length: number) => Uint8Array.from({ length }, () => random.int(0, 255))
    const port = { bytes, fraction: () => random.fraction() }
    const failed = (error: Error): void => {
      if (!life.isAlive) return
      this.failures++
      stage.tell(name, `gives up: ${error.message}`)
      card.kill()
      this.#died('the controller gave up')
    }
    const journal = new GroupedJournal({
      disk: (events) => {
        const disk = new SlowDisk(
          {
            file: `${card.id}/${JOURNAL}`,
            newJournalId: `J-${name}-${this.#lives}`,
            life,
            random: stage.random(`disk ${name} ${this.#lives}`),
            open: (file) => openOnCard(sqlite, file),
            volume: this.#options.looksAfterCard ? volumeOn(card) : undefined,
            performed: (request, response) => watch.performed(this, request, response),
            pruned: (stream, last) => watch.pruned(this, stream, last),
            answered: (request, response) => watch.answered(this, request, response),
          },
          events,
        )
        running.disk = disk
        return disk
      },
      soon: (work) => void life.after(0, work),
      after: (delayMs, work) => life.after(delayMs, work),
      onFailure: failed,
    })
    const clock = new SiteClock({
      now: () => stage.wallMs + this.clockOffMs,
      mono: () => stage.nowMs - life.bornMs + MONOTONIC_FRACTION_MS,
      after: (delayMs, work) => life.after(delayMs, work),
    })
    createSiteController({
      siteId,
      version: 'world',
      node: 'world',
      journal,
      clock,
      random: port,
      log: logTo(stage, name),
      broker: new UplinkBroker(name, siteId, mqtt, life, stage.random(`broker ${name} ${this.#lives}`)),
      config: this.#options.config,
      retentionMs: this.#options.retentionMs,
      retainedMaxBytes: Number.MAX_SAFE_INTEGER,
      onFatal: failed,
      ...(stage.tellsFrames
        ? { record: (id, way, text) => stage.tell(id, `${way === 'in' ? '->' : '<-'} ${text}`) }
        : {}),
      // As it is: what zlib makes of a text differs between its versions, and a trace must not.
      compress: (text) => text,
    })
      .then(async (controller) => {
        if (!life.isAlive) return
        await controller.start()
        if (!life.isAlive) return
        running.controller = controller
        this.#bootId = controller.status().bootId
      })
      .catch(failed)
  }

  #died(why: string): void {
    const { stage, sqlite, name } = this.#options
    const running = this.#running
    if (!running) return
    this.#running = undefined
    running.life.isAlive = false
    stage.tell(name, `is down: ${why}`)
    for (const line of this.#lines) line.siteDied()
    this.#lines.clear()
    const card = this.#card
    // Not within the card's own operation: SQLite is still in the middle of it.
    stage.after(0, () => {
      running.disk?.abandon()
      if (this.#card !== card || this.#running === undefined) sqlite.remove(card)
    })
    stage.after(RESTART_MS, () => {
      if (this.#isWanted && !this.#running) this.#start()
    })
  }
}

/** Warnings and errors belong to the story. */
function logTo(stage: Stage, name: string): Log {
  const tell = (level: string) => (fields: object, message: string) => {
    const { reason, error } = fields as { reason?: unknown; error?: unknown }
    const why = reason ?? (error instanceof Error ? error.message : error)
    stage.tell(name, `${level}: ${message}${why === undefined ? '' : ` (${String(why)})`}`)
  }
  return { debug() {}, info() {}, warn: tell('warns'), error: tell('errs') }
}
