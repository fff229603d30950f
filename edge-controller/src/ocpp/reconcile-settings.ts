/**
 * Keeps one station at what is wanted of its settings: after every boot, at once when a document changes it, and when it comes back
 * without a boot after a change. In the background: sessions do not wait for it. What nothing is wanted of is not called.
 */
import type { Draft } from '../draft.ts'
import type { Log } from '../ports.ts'
import type { SiteState } from '../site-state.ts'
import { inParts } from '../station/station-event.ts'
import { firstOfEach, operatorsWishes, type Wish } from '../station/wanted-settings.ts'
import type { Connection } from './connection.ts'
import type { OcppModule } from './module.ts'
import { type BaselineWish, type SettleLine, settleSettings } from './settle-settings.ts'

export interface ReconcilerPorts extends Pick<SettleLine, 'itemsPerMessage' | 'refusal'> {
  stationId: string
  state: SiteState
  log: Log
  baselineWish: BaselineWish
  /** Whether the metering baseline is set on it. */
  hasBaseline(): boolean
  commit(decide: (draft: Draft) => void): Promise<void>
}

/** The connection of a station, and how its version says settings. */
export interface SettingsLine {
  connection: Connection
  module: OcppModule
}

export class SettingsReconciler {
  readonly #ports: ReconcilerPorts
  #line: SettingsLine | undefined
  #isRunning = false
  /** Counts boots: what was read before one says nothing after it. */
  #boots = 0
  /** What was wanted when the station was brought to it last; undefined: not since its boot, or our start. */
  #settled: string | undefined
  #isToBeRead = false

  constructor(ports: ReconcilerPorts) {
    this.#ports = ports
  }

  /** The station has booted: it may have lost settings, or taken those that a reboot was required for. */
  booted(line: SettingsLine): void {
    this.#boots += 1
    this.#settled = undefined
    this.#isToBeRead = true
    this.begin(line)
  }

  /** The station is there; again on the same connection, where something may have changed. */
  begin(line: SettingsLine): void {
    this.#line = line
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#run().finally(() => {
      this.#isRunning = false
    })
  }

  hasBegunOn(connection: Connection): boolean {
    return this.#line?.connection === connection
  }

  async #run(): Promise<void> {
    for (let line = this.#line; line && !line.connection.closed; line = this.#line) {
      const wishes = this.#wishes(line.module)
      const wanted = JSON.stringify(wishes)
      if (wanted === this.#settled) return
      if (await this.#settle(line, wishes)) this.#settled = wanted
    }
  }

  /** Whether it was brought to an end. */
  async #settle({ connection, module }: SettingsLine, wishes: readonly Wish[]): Promise<boolean> {
    const { stationId, log, itemsPerMessage, refusal, commit } = this.#ports
    // Nothing is wanted, and nothing has been.
    if (wishes.length === 0 && this.#settled === undefined) return true
    const boots = this.#boots
    const line = { call: connection.call, words: module.settings, itemsPerMessage, refusal }
    const data = await settleSettings(line, wishes)
    if (connection.closed || this.#boots !== boots) return false
    if (data.deviations.length > 0)
      log.warn({ deviations: data.deviations }, 'the station does not take all settings that are wanted')
    await commit((draft) => draft.fact({ kind: 'station.settings', stationId, data }))
    if (!this.#isToBeRead) return true
    this.#isToBeRead = false
    await this.#readAll(connection, module)
    return this.#boots === boots
  }

  async #readAll(connection: Connection, { settings: words }: OcppModule): Promise<void> {
    const { stationId, commit } = this.#ports
    if (!words.all || !words.settingsIn) return
    const outcome = await connection.call(words.all.action, words.all.payload)
    if (outcome.status !== 'answered') return
    const parts = inParts(words.settingsIn(outcome.payload))
    await commit((draft) => {
      for (const settings of parts)
        draft.fact({ kind: 'station.settings-read', stationId, data: { settings } })
    })
  }

  #wishes({ settings: words }: OcppModule): Wish[] {
    const { state, stationId, baselineWish, hasBaseline } = this.#ports
    const baseline = hasBaseline() ? words.baseline(baselineWish) : []
    return firstOfEach([
      ...operatorsWishes(state, stationId),
      ...baseline.map(({ name, values }): Wish => ({ setting: { name }, values, source: 'baseline' })),
    ])
  }
}
