/**
 * Watches the disk of the journal: reads it on a timer, decides by pressure.ts, and does what the level asks for. Every change of
 * level is a fact.
 */
import { instant } from '@switchyard/protocol/instant.ts'
import { STREAMS } from '@switchyard/protocol/site/fact.ts'
import type { Clock, Log } from '../ports.ts'
import type { SiteState } from '../site-state.ts'
import type { Journal, JournalUpkeep } from './port.ts'
import {
  type DiskReading,
  mayHoldReserve,
  mustPrune,
  nextLevel,
  PRESSURE,
  type PressureLevel,
  roomOf,
} from './pressure.ts'

/** How often the disk is read. */
export const DISK_INTERVAL_MS = 15_000
/** Most calls of `prune`, of `thin` and of pieces of the reserve at one reading; the rest waits for the next. */
const MAX_STEPS = 32
/** Telemetry that was thinned once is thinned again no sooner: by then the first pass has not been enough. */
const THIN_AGAIN_MS = 15 * 60_000

/** The level that was told last, as entity (`journal`, `pressure`). */
const KIND = 'journal'
const ID = 'pressure'

export interface DiskWatchPorts {
  siteId: string
  journal: Journal
  state: SiteState
  clock: Clock
  log: Log
  /** Acknowledged rows go, the oldest first, while the journal is larger than this. */
  retainedMaxBytes: number
  /** Telemetry rows up to this one may have been sent. */
  sentTo(): number
}

export class DiskWatch {
  readonly #ports: DiskWatchPorts
  readonly #upkeep: JournalUpkeep | undefined
  #level: PressureLevel = PRESSURE.none
  #spent = false
  #reading: Promise<void> | undefined
  #thinned = { after: 0, againAtMs: 0 }
  #cancel = (): void => {}
  #stopped = false

  constructor(ports: DiskWatchPorts) {
    this.#ports = ports
    this.#upkeep = ports.journal.upkeep
  }

  /** Resolves after the first reading: what the disk asks for holds from then on. */
  async start(): Promise<void> {
    if (!this.#upkeep) return
    this.#upkeep.onReserveSpent(() => {
      this.#spent = true
      void this.#read()
    })
    await this.#read()
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  /** One reading at a time; the next one follows by itself. */
  #read(): Promise<void> {
    this.#cancel()
    this.#reading ??= this.#step()
      .catch((error: Error) => {
        if (!this.#stopped)
          this.#ports.log.error(
            { siteId: this.#ports.siteId, error },
            'the disk of the journal was not looked after',
          )
      })
      .finally(() => {
        this.#reading = undefined
        if (this.#stopped) return
        this.#cancel = this.#ports.clock.after(this.#spent ? 0 : DISK_INTERVAL_MS, () => void this.#read())
      })
    return this.#reading
  }

  async #step(): Promise<void> {
    const upkeep = this.#upkeep!
    let reading = await upkeep.measure()
    if (!reading) return this.stop()
    for (let i = 0; i < MAX_STEPS && mayHoldReserve(reading); i++) {
      await upkeep.growReserve()
      reading = (await upkeep.measure())!
    }
    const spent = this.#spent
    this.#spent = false
    await this.#become(nextLevel(this.#level, reading, spent), reading)
    reading = await this.#prune(reading)
    if (this.#level >= PRESSURE.thin) await this.#thin()
  }

  /** The level holds at once, told or not. */
  async #become(level: PressureLevel, reading: DiskReading): Promise<void> {
    const { state, log, siteId } = this.#ports
    this.#level = level
    const unwritten = state.pressAt(level)
    const before = state.get<number>(KIND, ID) ?? PRESSURE.none
    if (level === before) return
    const { freeBytes, usedBytes } = reading
    const data = { level, before, roomBytes: roomOf(reading), freeBytes, journalBytes: usedBytes, unwritten }
    log[level > before ? 'warn' : 'info'](
      { siteId, ...data },
      'the pressure on the disk of the journal has changed',
    )
    await state.commit({
      facts: [{ kind: 'journal.pressure', data }],
      puts: [{ kind: KIND, id: ID, value: level }],
      deletes: [],
    })
  }

  /** Telemetry first: for a cloud that is restored the ledger is worth more. */
  async #prune(first: DiskReading): Promise<DiskReading> {
    const { journal, log, siteId, retainedMaxBytes } = this.#ports
    let reading = first
    let removed = 0
    for (const stream of [...STREAMS].reverse()) {
      for (
        let i = 0;
        i < MAX_STEPS && mustPrune(nextLevel(this.#level, reading, false), reading, retainedMaxBytes);
        i++
      ) {
        const n = await journal.prune(stream, Number.MAX_SAFE_INTEGER)
        if (n === 0) break
        removed += n
        reading = (await this.#upkeep!.measure())!
      }
    }
    if (removed > 0)
      log.info({ siteId, removed }, 'acknowledged rows were removed before their time, for the disk')
    return reading
  }

  async #thin(): Promise<void> {
    const { state, clock, log, siteId, sentTo } = this.#ports
    if (clock.mono() >= this.#thinned.againAtMs)
      this.#thinned = { after: 0, againAtMs: clock.mono() + THIN_AGAIN_MS }
    let removed = 0
    for (let i = 0; i < MAX_STEPS; i++) {
      const after = Math.max(this.#thinned.after, sentTo())
      const stamp = {
        at: instant(clock.now()),
        monoMs: Math.round(clock.mono()),
        bootId: state.bootId,
        clock: clock.quality(),
      }
      const pass = await this.#upkeep!.thin({ after, stamp })
      removed += pass.removed
      if (pass.next === undefined) break
      this.#thinned.after = pass.next
    }
    if (removed > 0)
      log.warn({ siteId, removed }, 'telemetry that was not sent yet was thinned, for the disk')
  }
}
