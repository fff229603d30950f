/**
 * Tells stations what their sessions cost, for the driver, where the site's operator wants it (`runningCost` of the site document): what
 * will be asked at the start, what it is so far, and what it was. By the tariff of the start and the rules of billing (session/cost.ts).
 */
import { priceText } from '@switchyard/protocol/pricing/unit-prices.ts'
import type { Fact, FactDraft } from '@switchyard/protocol/site/fact.ts'
import { appliedDocument } from '../documents.ts'
import type { StateReader } from '../draft.ts'
import type { Clock } from '../ports.ts'
import { costOfEnd, keptTariff, type RunningCost, runningCostOf } from '../session/cost.ts'
import { runningSessions, type Session, sessionById } from '../session/session.ts'
import { tokenEntry } from '../tokens.ts'
import type { Call } from './calls.ts'
import type { OcppModule, OutgoingCall } from './module.ts'

/** The cost of a running session is looked at so often, and told where it has changed. */
export const RUNNING_COST_INTERVAL_MS = 60_000

/** How one OCPP version tells costs; what it has no message for is absent, or undefined. Amounts include tax, in the tariff's currency. */
export interface CostWords {
  price?(session: Session, text: string): OutgoingCall | undefined
  running(session: Session, cost: RunningCost): OutgoingCall | undefined
  final?(session: Session, amount: number, text: string): OutgoingCall
}

export interface CostTellerPorts {
  state: StateReader
  clock: Clock
  stationIds(): string[]
  /** Undefined while the station is away, or not accepted. */
  reach(stationId: string): { call: Call; module: OcppModule } | undefined
}

/** Words of stations that do not know such messages: they are asked no more until they boot. */
const NOT_KNOWN = ['UnknownVendorId', 'UnknownMessageId', 'NotImplemented', 'NotSupported']

export class CostTeller {
  readonly #ports: CostTellerPorts
  readonly #deaf = new Set<string>()
  /** What was told last of running sessions, by their ids. */
  #told = new Map<string, number>()

  constructor(ports: CostTellerPorts) {
    this.#ports = ports
  }

  /** The station may have other software now. */
  booted(stationId: string): void {
    this.#deaf.delete(stationId)
  }

  /** A fact is durable. */
  committed(fact: Fact | FactDraft): void {
    const isStart = fact.kind === 'session.started'
    if ((!isStart && fact.kind !== 'session.ended') || fact.sessionId === undefined || !this.#isWanted())
      return
    const { state } = this.#ports
    const session = sessionById(state, fact.sessionId)
    const tariff = keptTariff(state, fact.sessionId)
    const words = session && this.#wordsFor(session.stationId)
    if (!session || !tariff || !words) return
    if (isStart) {
      // Nobody pays for one that was refused.
      if (session.authorization !== 'Accepted') return
      const language = session.idToken && tokenEntry(state, session.idToken)?.language
      void this.#send(session.stationId, words.price?.(session, priceText(tariff, language)))
    } else if (fact.kind === 'session.ended' && !fact.data.presumed) {
      const amount = costOfEnd(state, fact.sessionId, fact.data)
      if (amount === undefined) return
      const { energyMilliWh, durationMs } = fact.data
      // Without a register of the start, what was taken is not known for sure, and not told.
      const energy = energyMilliWh === undefined ? '' : `${(energyMilliWh / 1e6).toFixed(2)} kWh, `
      const text = `${energy}${Math.round(durationMs / 60_000)} min: ${amount.toFixed(2)} ${tariff.currency}`
      void this.#send(session.stationId, words.final?.(session, amount, text))
    }
  }

  /** To be called every RUNNING_COST_INTERVAL_MS. */
  tick(): void {
    if (!this.#isWanted()) return
    const { state, clock, stationIds } = this.#ports
    const before = this.#told
    this.#told = new Map()
    for (const stationId of stationIds()) {
      const words = this.#wordsFor(stationId)
      for (const session of words ? runningSessions(state, stationId) : []) {
        const cost = runningCostOf(state, session, clock.now())
        const told = before.get(session.sessionId)
        if (told !== undefined) this.#told.set(session.sessionId, told)
        if (cost === undefined || cost.amount === told) continue
        void this.#tell(session, words?.running(session, cost), cost.amount)
      }
    }
  }

  async #tell(session: Session, call: OutgoingCall | undefined, amount: number): Promise<void> {
    if (await this.#send(session.stationId, call)) this.#told.set(session.sessionId, amount)
  }

  /** Whether it was answered; one that is not is told again with the next look. */
  async #send(stationId: string, call: OutgoingCall | undefined): Promise<boolean> {
    const reach = this.#ports.reach(stationId)
    if (!reach || !call) return false
    const outcome = await reach.call(call.action, call.payload)
    const word =
      outcome.status === 'answered'
        ? (outcome.payload as { status?: unknown }).status
        : outcome.status === 'failed' && outcome.code
    if (NOT_KNOWN.includes(String(word))) this.#deaf.add(stationId)
    return outcome.status === 'answered'
  }

  #wordsFor(stationId: string): CostWords | undefined {
    return this.#deaf.has(stationId) ? undefined : this.#ports.reach(stationId)?.module.cost
  }

  #isWanted(): boolean {
    return appliedDocument(this.#ports.state, 'site')?.runningCost === true
  }
}
