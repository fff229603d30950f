/** Books in memory: what billing's tables would hold, for the rules alone. */
import { type Billable, type Decision, decide, isNewDecision } from './decide.ts'
import {
  type BilledAs,
  creditIdOf,
  type Ended,
  type KnownOfSession,
  type LookedUp,
  overlap,
  payableOf,
  settle,
} from './settle.ts'

interface BookedCdr extends BilledAs {
  bill: Billable
}
interface BookedSession {
  held: { revision: number; reasons: string[] } | undefined
  decided: KnownOfSession['decided']
  cdrs: BookedCdr[]
}

export class Books {
  readonly sessions = new Map<string, BookedSession>()
  /** Every CDR and credit in the order in which they were issued. */
  readonly issued: string[] = []
  #billsUnidentified: boolean

  constructor(billsUnidentified = false) {
    this.#billsUnidentified = billsUnidentified
  }

  take(sessionId: string, ended: Ended): void {
    const session = this.#session(sessionId)
    const settled = settle(known(session), sessionId, ended, this.#lookUp(sessionId, ended))
    if (settled.does === 'hold') session.held = { revision: ended.revision, reasons: settled.reasons }
    if (settled.does === 'issue') this.#issue(session, settled, ended.revision, ended)
  }

  decide(sessionId: string, decision: Decision, bill: Billable | undefined): void {
    const session = this.#session(sessionId)
    const before = known(session)
    const decided = decide(before, sessionId, decision, bill, this.#lookUp(sessionId, bill))
    const { revision, settlement, action } = decision
    if (isNewDecision(before, decision)) session.decided = { revision, settlement, action }
    if (decided.does === 'hold') session.held = { revision, reasons: decided.reasons }
    if (decided.does === 'reopen') session.held = decided
    if (decided.does === 'issue' && bill !== undefined) this.#issue(session, decided, revision, bill)
    if (decided.does === 'waive') this.#credit(session, decided.credits)
    if (decided.does === 'waive' || decided.does === 'keep') session.held = undefined
  }

  payable(): (BookedCdr & { sessionId: string })[] {
    return [...this.sessions].flatMap(([sessionId, { cdrs }]) =>
      cdrs.filter((cdr) => !cdr.credited).map((cdr) => ({ ...cdr, sessionId })),
    )
  }

  #session(sessionId: string): BookedSession {
    const session = this.sessions.get(sessionId) ?? { held: undefined, decided: undefined, cdrs: [] }
    this.sessions.set(sessionId, session)
    return session
  }

  #lookUp(sessionId: string, bill: Billable | undefined): LookedUp {
    const others = this.payable().filter((cdr) => cdr.sessionId !== sessionId)
    const overlaps = bill !== undefined && others.some((cdr) => overlap(cdr.bill, bill))
    return { overlaps, hasTariff: true, billsUnidentified: this.#billsUnidentified }
  }

  #issue(
    session: BookedSession,
    { cdrId, credits }: { cdrId: string; credits: string | undefined },
    revision: number,
    bill: Billable,
  ): void {
    this.#credit(session, credits)
    session.cdrs.push({ cdrId, revision, credited: false, bill })
    this.issued.push(cdrId)
    if (session.held !== undefined && session.held.revision <= revision) session.held = undefined
  }

  #credit({ cdrs }: BookedSession, credits: string | undefined): void {
    const cdr = payableOf({ cdrs })
    if (cdr === undefined || cdr.cdrId !== credits) return
    cdr.credited = true
    this.issued.push(creditIdOf(cdr.cdrId))
  }
}

function known({ held, decided, cdrs }: BookedSession): KnownOfSession {
  return { heldRevision: held?.revision, decided, cdrs }
}
