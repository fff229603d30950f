/** Sessions that run, as the cloud was told: which of them their site has forgotten is seen when its controller starts. */
import { endOfForgotten, type OpenSession } from '@switchyard/protocol/billing/forgotten.ts'
import type { Ended } from '@switchyard/protocol/billing/settle.ts'
import type { Fact } from '@switchyard/protocol/site/fact.ts'

interface Place {
  journalId: string
  seq: number
}
interface Open extends Place {
  stationId: string
  session: OpenSession
}

export class OpenSessions {
  readonly #open = new Map<string, Open>()
  readonly #ended = new Set<string>()

  clear(): void {
    this.#open.clear()
    this.#ended.clear()
  }

  started(
    { journalId, seq }: Place,
    { stationId = '', sessionId = '', data }: Extract<Fact, { kind: 'session.started' }>,
  ): void {
    const { offline: _, remoteStartId: __, ...session } = data
    if (!this.#ended.has(sessionId)) this.#open.set(sessionId, { journalId, seq, stationId, session })
  }

  changed(
    { journalId, seq }: Place,
    fact: Extract<Fact, { kind: 'session.updated' | 'session.register' }>,
  ): void {
    const open = this.#open.get(fact.sessionId ?? '')
    if (!open) return
    if (fact.kind === 'session.updated') {
      Object.assign(open, { journalId, seq })
      Object.assign(open.session, fact.data)
    } else open.session.register = { at: fact.data.at, milliWh: fact.data.registerMilliWh }
  }

  ended(sessionId: string): void {
    this.#ended.add(sessionId)
    this.#open.delete(sessionId)
  }

  /** Those that this journal told of before this row, and that are not among `running`: with the end that is made for them. */
  forgotten(
    { journalId, seq }: Place,
    running: readonly string[] | undefined,
  ): { sessionId: string; stationId: string; ended: Ended }[] {
    if (running === undefined) return []
    const lost = [...this.#open].filter(
      ([sessionId, open]) => open.journalId === journalId && open.seq < seq && !running.includes(sessionId),
    )
    return lost.map(([sessionId, { stationId, session }]) => {
      this.#open.delete(sessionId)
      return { sessionId, stationId, ended: endOfForgotten(session) }
    })
  }
}
