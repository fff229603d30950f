/** Books in memory: what billing's tables would hold, for the rules alone. */
import { creditIdOf, type Ended, overlap, payableOf, type Settled, settle } from './settle.ts'

interface BookedCdr {
  cdrId: string
  revision: number
  credited: boolean
  ended: Ended
}
interface BookedSession {
  held: { revision: number; reasons: string[] } | undefined
  cdrs: BookedCdr[]
}

export class Books {
  readonly sessions = new Map<string, BookedSession>()
  /** Every CDR and credit in the order in which they were issued. */
  readonly issued: string[] = []

  take(sessionId: string, ended: Ended): Settled {
    const session = this.sessions.get(sessionId) ?? { held: undefined, cdrs: [] }
    const known = { heldRevision: session.held?.revision, cdrs: session.cdrs }
    const others = this.payable().filter((cdr) => cdr.sessionId !== sessionId)
    const overlaps = others.some((cdr) => overlap(cdr.ended, ended))
    const settled = settle(known, sessionId, ended, { overlaps, hasTariff: true })
    if (settled.does === 'nothing') return settled
    this.sessions.set(sessionId, session)
    if (settled.does === 'hold') {
      session.held = { revision: ended.revision, reasons: settled.reasons }
      return settled
    }
    for (const cdr of session.cdrs) {
      if (cdr.cdrId !== settled.credits) continue
      cdr.credited = true
      this.issued.push(creditIdOf(cdr.cdrId))
    }
    session.cdrs.push({ cdrId: settled.cdrId, revision: ended.revision, credited: false, ended })
    this.issued.push(settled.cdrId)
    if (session.held !== undefined && session.held.revision <= ended.revision) session.held = undefined
    return settled
  }

  payable(): (BookedCdr & { sessionId: string })[] {
    return [...this.sessions].flatMap(([sessionId, { held, cdrs }]) => {
      const cdr = payableOf({ heldRevision: held?.revision, cdrs })
      return cdr === undefined
        ? []
        : cdrs.filter((it) => it.cdrId === cdr.cdrId).map((it) => ({ ...it, sessionId }))
    })
  }
}
