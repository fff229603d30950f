/** What the services behind the log make of committed rows. */
import type { DocumentVersion } from '@switchyard/protocol/site/document.ts'
import { type Fact, type FactData, readFact } from '@switchyard/protocol/site/fact.ts'
import type { OracleLedger } from '../oracle/ledger.ts'
import type { Stage } from '../stage.ts'
import type { Billing } from './billing.ts'
import type { Desk } from './desk.ts'
import { OpenSessions } from './open-sessions.ts'
import type { LoggedRow } from './store.ts'

export interface ServicesPorts {
  stage: Stage
  oracle: OracleLedger
  billing: Billing
  desk: Desk
}

export class Services {
  readonly #ports: ServicesPorts
  readonly #open = new OpenSessions()
  readonly #appliedVersions = new Map<string, DocumentVersion>()
  /** Tokens of sessions whose end the cloud has as their charger told it. */
  readonly ends = new Set<string>()
  /** Sites that have told that rows were lost whose number they do not know. */
  readonly toldOfLoss = new Set<string>()

  constructor(ports: ServicesPorts) {
    this.#ports = ports
  }

  /** The log went back to an earlier state: what is derived from it is derived anew. */
  again(log: readonly LoggedRow[]): void {
    const { billing, oracle } = this.#ports
    oracle.again()
    this.#open.clear()
    billing.accounts.clear()
    billing.unmatched.clear()
    this.ends.clear()
    this.#appliedVersions.clear()
    this.take(log)
  }

  take(rows: readonly LoggedRow[]): void {
    const { stage, oracle, billing, desk } = this.#ports
    for (const row of rows) {
      if (row.stream !== 'ledger') continue
      const read = readFact(row.fact)
      if (!read.ok) stage.tell('cloud', `cannot read ${row.journalId} ${row.seq}: ${read.reason} ${row.fact}`)
      if (!read.ok || !read.known) continue
      const { fact } = read
      stage.tell('cloud', `takes ${row.journalId} ${row.seq} ${fact.kind} ${gist(fact)}`)
      switch (fact.kind) {
        case 'controller.started':
          this.#giveUp(row, fact.data.running)
          break
        case 'stream.loss':
          oracle.lost(row)
          break
        case 'session.started':
          this.#open.started(row, fact)
          oracle.started(row, fact)
          break
        case 'session.updated':
        case 'session.register':
          this.#open.changed(row, fact)
          break
        case 'session.ended':
          this.#open.ended(fact.sessionId ?? '')
          oracle.ended(fact.sessionId ?? '')
          if (!fact.data.presumed) this.ends.add(fact.data.idToken?.value ?? '')
          billing.take(row.siteId, fact.stationId ?? '', fact.sessionId ?? '', fact.data)
          break
        case 'session.stop-unmatched':
          billing.unmatched.add(fact.data.idToken?.value ?? '')
          break
        case 'journal.salvaged':
          if (fact.data.newestUnknown || fact.data.newJournal) this.toldOfLoss.add(row.siteId)
          break
        case 'command.outcome':
          desk.settled(fact.data.commandId)
          break
        case 'document.applied':
          this.#applied(row, fact.data)
      }
    }
  }

  /** Sessions that their site has forgotten, as station-service finds them: they go to review. */
  #giveUp(row: LoggedRow, running: readonly string[] | undefined): void {
    const { stage, oracle, billing } = this.#ports
    for (const { sessionId, stationId, ended } of this.#open.forgotten(row, running)) {
      stage.tell(
        'cloud',
        `makes an end for session ${sessionId} of ${stationId}, which its site has forgotten`,
      )
      oracle.ended(sessionId)
      billing.take(row.siteId, stationId, sessionId, ended)
    }
  }

  /** I7: within a generation of the cloud, the version that a journal applied never decreases. */
  #applied(row: LoggedRow, { name, generation, n }: FactData<'document.applied'>): void {
    const { stage, desk } = this.#ports
    desk.applied(row.siteId, name, { generation, n })
    const key = `${row.journalId}/${name}/${generation}`
    const before = this.#appliedVersions.get(key)
    if (before && n < before.n)
      stage.broken(
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
