/** Keeps one station at what is wanted of its settings, of the monitors of its variables and of its tariff. What nothing is wanted of is not called. */
import type { Tariff } from '@switchyard/protocol/pricing/tariff.ts'
import type { Draft } from '../draft.ts'
import type { Log } from '../ports.ts'
import type { SiteState } from '../site-state.ts'
import { inParts } from '../station/station-event.ts'
import { keepMonitors, keptMonitors, type MonitorWish, monitorWishes } from '../station/wanted-monitors.ts'
import { firstOfEach, operatorsWishes, type Wish } from '../station/wanted-settings.ts'
import type { Connection } from './connection.ts'
import type { OcppModule } from './module.ts'
import { settleTariff, wantedTariff } from './reconcile-tariff.ts'
import { type Attempt, Reconciliation, type StationLine } from './reconciliation.ts'
import { type MonitorLine, settleMonitors } from './settle-monitors.ts'
import { type BaselineWish, type SettleLine, settleSettings } from './settle-settings.ts'

export interface ReconcilerPorts extends Pick<SettleLine, 'itemsPerMessage' | 'refusal'> {
  stationId: string
  state: SiteState
  log: Log
  baselineWish: BaselineWish
  /** Whether the metering baseline is set on it. */
  hasBaseline(): boolean
  report: MonitorLine['report']
  commit(decide: (draft: Draft) => void): Promise<void>
}

export class SettingsReconciler {
  readonly #ports: ReconcilerPorts
  readonly #settings: Reconciliation<Wish[]>
  readonly #monitors: Reconciliation<MonitorWish[]>
  readonly #tariff: Reconciliation<Tariff | null>
  #isToBeRead = false

  constructor(ports: ReconcilerPorts) {
    this.#ports = ports
    this.#settings = new Reconciliation({
      wanted: ({ module }) => this.#wishes(module),
      settle: (line, wishes, attempt) => this.#settle(line, wishes, attempt),
    })
    this.#monitors = new Reconciliation({
      wanted: () => monitorWishes(ports.state, ports.stationId),
      settle: (line, wishes, attempt) => this.#settleMonitors(line, wishes, attempt),
    })
    this.#tariff = new Reconciliation({
      wanted: (line) => wantedTariff(ports, line),
      settle: (line, tariff, attempt) => settleTariff(ports, line, tariff, attempt),
    })
  }

  /** The station has booted. */
  booted(line: StationLine): void {
    this.#isToBeRead = true
    this.#settings.booted(line)
    this.#monitors.booted(line)
    this.#tariff.booted(line)
  }

  /** The station is there; again on the same connection, where something may have changed. */
  begin(line: StationLine): void {
    this.#settings.begin(line)
    this.#monitors.begin(line)
    this.#tariff.begin(line)
  }

  hasBegunOn(connection: Connection): boolean {
    return this.#settings.hasBegunOn(connection)
  }

  async #settle({ connection, module }: StationLine, wishes: Wish[], attempt: Attempt): Promise<void> {
    const { stationId, log, itemsPerMessage, refusal, commit } = this.#ports
    // Nothing is wanted, and nothing has been.
    if (wishes.length === 0 && attempt.isFirst) return
    const line = { call: connection.call, words: module.settings, itemsPerMessage, refusal }
    const data = await settleSettings(line, wishes)
    if (!attempt.isCurrent()) return
    if (data.deviations.length > 0)
      log.warn({ deviations: data.deviations }, 'the station does not take all settings that are wanted')
    await commit((draft) => draft.fact({ kind: 'station.settings', stationId, data }))
    if (!this.#isToBeRead) return
    this.#isToBeRead = false
    await this.#readAll(connection, module)
  }

  async #settleMonitors({ connection }: StationLine, wishes: MonitorWish[], attempt: Attempt): Promise<void> {
    const { stationId, state, log, itemsPerMessage, report, commit } = this.#ports
    const kept = keptMonitors(state, stationId)
    if (wishes.length === 0 && kept.length === 0) return
    const line: MonitorLine = {
      version: connection.version,
      call: connection.call,
      itemsPerMessage,
      report,
      keep: (monitors) => commit((draft) => keepMonitors(draft, stationId, monitors)),
    }
    const data = await settleMonitors(line, wishes, kept)
    if (!attempt.isCurrent()) return
    if (data.deviations.length > 0)
      log.warn({ deviations: data.deviations }, 'the station does not have all monitors that are wanted')
    await commit((draft) => draft.fact({ kind: 'station.monitors', stationId, data }))
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
