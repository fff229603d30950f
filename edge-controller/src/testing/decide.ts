/** Handlers as the pure functions that they are: messages in, replies and facts out, state in a map. */
import { Draft, type StateReader } from '../draft.ts'
import type { Decision, HandlerContext } from '../ocpp/handler.ts'
import type { Authorization } from '../session/authorize.ts'
import type { Outcome } from '../site-state.ts'
import { newStation, STATION_KIND, type Station } from '../station/station.ts'

export class Decisions implements StateReader {
  readonly facts: Outcome['facts'] = []
  readonly #entities = new Map<string, unknown>()
  #sessions = 0
  #transactions = 0
  nowMs = Date.parse('2026-11-23T12:00:00Z')
  monoMs = 0
  bootId = 'boot-1'
  maxPowerW = 22_000
  /** Since when the station's connection stands. */
  connectedMonoMs: number | undefined
  quality: HandlerContext['at']['quality'] = 'synced'
  approved = true
  rejected = false
  status: Authorization['status'] = 'Accepted'

  constructor() {
    const draft = new Draft(this)
    draft.put(STATION_KIND, 'CP1', newStation('CP1', true))
    this.#commit(draft.outcome())
  }

  get<T>(kind: string, id: string): T | undefined {
    return this.#entities.get(`${kind}\n${id}`) as T | undefined
  }

  get station(): Station {
    return this.get<Station>(STATION_KIND, 'CP1')!
  }

  /** Entities of a kind, for what must not grow. */
  count(kind: string): number {
    return [...this.#entities.keys()].filter((key) => key.startsWith(`${kind}\n`)).length
  }

  pass(byMs: number): void {
    this.nowMs += byMs
    this.monoMs += byMs
  }

  context(idToken = { value: 'TAG', type: 'Central' }): HandlerContext {
    const { nowMs, monoMs, bootId, quality, maxPowerW, connectedMonoMs } = this
    return {
      stationId: 'CP1',
      version: '1.6',
      state: this,
      at: { nowMs, monoMs, bootId, quality, ...(connectedMonoMs === undefined ? {} : { connectedMonoMs }) },
      settings: {
        approved: this.approved,
        rejected: this.rejected,
        baseline: false,
        failsafe: true,
        maxPowerW,
      },
      maxPowerW,
      authorization: { idToken, status: this.status, source: 'document', offline: false },
      stationIds: ['CP1'],
      limitOf: () => undefined,
      refusalOf: () => undefined,
      heartbeatIntervalS: 300,
      refusesSessions: false,
      mayAskForCertificate: false,
      signsCertificates: false,
      mintSessionId: () => `session-${++this.#sessions}`,
      drawTransactionId: () => ++this.#transactions,
    }
  }

  /** Takes one message; the facts that it adds are returned with the reply. */
  take<Request, Response>(
    handle: (context: HandlerContext, payload: Request) => Decision<Response>,
    payload: Request,
    context = this.context(),
  ): { reply: Response; facts: Outcome['facts'] } {
    const { reply, outcome } = handle(context, payload)
    this.#commit(outcome)
    return { reply, facts: outcome.facts }
  }

  /** A decision of the site's own; its facts are returned. */
  decide(change: (draft: Draft, context: HandlerContext) => void): Outcome['facts'] {
    const draft = new Draft(this)
    change(draft, this.context())
    const outcome = draft.outcome()
    this.#commit(outcome)
    return outcome.facts
  }

  /** Kinds of all facts so far. */
  get kinds(): string[] {
    return this.facts.map((fact) => fact.kind)
  }

  #commit({ facts, puts, deletes }: Outcome): void {
    this.facts.push(...facts)
    for (const { kind, id, value } of puts) this.#entities.set(`${kind}\n${id}`, structuredClone(value))
    for (const { kind, id } of deletes) this.#entities.delete(`${kind}\n${id}`)
  }
}
