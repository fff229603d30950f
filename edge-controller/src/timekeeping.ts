/**
 * Keeps the site's clock: what the journal knows of the time at boot, the cloud's word while there is a link, steps as facts, and
 * what follows once a time that was unknown is known.
 */
import { instant } from '@switchyard/protocol/instant.ts'
import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import type { TimeReference } from './clock-quality.ts'
import { watchSteps } from './clock-steps.ts'
import type { Log } from './ports.ts'
import type { Moment } from './session/timing.ts'
import type { SiteClock } from './site-clock.ts'
import type { Outcome, SiteState } from './site-state.ts'

/** Entity (`clock`, `floor`): newest time that was known for sure, ms. */
const CLOCK_KIND = 'clock'
const FLOOR_ID = 'floor'
/** How often it is written: after a long time without the cloud, the newest rows say nothing of the time any more. */
const FLOOR_INTERVAL_MS = 3_600_000

export interface TimekeepingPorts {
  siteId: string
  clock: SiteClock
  state: SiteState
  log: Log
  /** The time is known now; `before` is what the clock said until then. */
  placed(before: Moment): void
}

export interface Timekeeping {
  /** The cloud has told its time. */
  onTime(reference: TimeReference): void
  start(): void
  stop(): void
}

/** The floor at boot: the kept one, or a newer row. Undefined for a journal that has never known the time. */
export function floorOf(state: SiteState, newestRowMs: number | undefined): number | undefined {
  const known = [state.get<number>(CLOCK_KIND, FLOOR_ID), newestRowMs].filter((it) => it !== undefined)
  return known.length > 0 ? Math.max(...known) : undefined
}

export function keepTime(ports: TimekeepingPorts): Timekeeping {
  const { siteId, clock, state, log } = ports
  let stopSteps = (): void => {}
  let cancelFloor = (): void => {}

  function commit(outcome: Partial<Outcome>): void {
    state
      .commit({ facts: [], puts: [], deletes: [], ...outcome })
      .catch((error) => log.error({ siteId, error }, 'what was learnt of the time could not be journalled'))
  }
  const tell = (fact: FactDraft): void => commit({ facts: [fact] })

  function stepped(byMs: number): void {
    const quality = clock.quality()
    log.warn({ siteId, byMs, quality }, 'the clock stepped')
    tell({ kind: 'clock.stepped', data: { byMs, quality } })
  }

  const moment = (): Moment => ({
    nowMs: clock.now(),
    monoMs: clock.mono(),
    bootId: state.bootId,
    quality: clock.quality(),
  })

  function writeFloor(): void {
    if (clock.quality() === 'synced')
      commit({ puts: [{ kind: CLOCK_KIND, id: FLOOR_ID, value: Math.floor(clock.now()) }] })
  }

  return {
    onTime(reference) {
      const before = moment()
      clock.setReference(reference)
      const now = moment()
      if (before.quality !== 'unknown' || now.quality === 'unknown') return
      const offByMs = Math.round(now.nowMs - before.nowMs - (now.monoMs - before.monoMs))
      log.info({ siteId, offByMs }, 'the time is known now')
      const bootedAt = instant(now.nowMs - now.monoMs)
      tell({ kind: 'clock.placed', data: { bootId: state.bootId, bootedAt, offByMs } })
      writeFloor()
      ports.placed(before)
    },
    start() {
      stopSteps = watchSteps(clock, stepped)
      const tick = (): void => {
        writeFloor()
        cancelFloor = clock.after(FLOOR_INTERVAL_MS, tick)
      }
      cancelFloor = clock.after(FLOOR_INTERVAL_MS, tick)
    },
    stop() {
      stopSteps()
      cancelFloor()
    },
  }
}
