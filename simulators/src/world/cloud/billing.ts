/** Billing over the log: what becomes of an ended session is decided by the same function as in billing-service. */

import { type BilledAs, type Ended, overlap, payableOf, settle } from '@switchyard/protocol/billing/settle.ts'
import { type PresumedEnd, placeEnd } from '@switchyard/protocol/billing/told-end.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Stage } from '../stage.ts'

export interface Cdr extends BilledAs {
  siteId: string
  stationId: string
  sessionId: string
  ended: Ended
}

interface Account {
  cdrs: Cdr[]
  held: { revision: number; reasons: string[]; ended: Ended } | undefined
  presumed: PresumedEnd | undefined
  /** The newest end that was told, billed or not. */
  newest: Ended
  siteId: string
  stationId: string
}

export class Billing {
  readonly accounts = new Map<string, Account>()
  /** Tokens of stops that fitted no session. */
  readonly unmatched = new Set<string>()
  readonly #stage: Stage

  constructor(stage: Stage) {
    this.#stage = stage
  }

  take(siteId: string, stationId: string, sessionId: string, told: FactData<'session.ended'>): void {
    const before = this.accounts.get(sessionId)
    const placed = placeEnd(told, before?.presumed, before !== undefined)
    if (!placed) return
    const { ended, presumed } = placed
    const account: Account = before ?? {
      cdrs: [],
      held: undefined,
      presumed,
      newest: ended,
      siteId,
      stationId,
    }
    account.presumed = presumed
    if (ended.revision >= account.newest.revision) account.newest = ended
    this.accounts.set(sessionId, account)
    const known = { heldRevision: account.held?.revision, cdrs: account.cdrs, decided: undefined }
    const overlaps = this.payable().some(
      (other) =>
        other.sessionId !== sessionId &&
        other.stationId === stationId &&
        other.siteId === siteId &&
        other.ended.evseId === ended.evseId &&
        other.ended.connectorId === ended.connectorId &&
        overlap(other.ended, ended),
    )
    const settled = settle(known, sessionId, ended, { overlaps, hasTariff: true, billsUnidentified: false })
    if (settled.does === 'nothing') return
    if (settled.does === 'hold') {
      account.held = { revision: ended.revision, reasons: settled.reasons, ended }
      return
    }
    for (const cdr of account.cdrs) if (cdr.cdrId === settled.credits) cdr.credited = true
    const { revision } = ended
    const newer = account.cdrs.find((cdr) => cdr.revision >= revision)
    if (newer) this.#stage.broken('I4', `${settled.cdrId} is issued after ${newer.cdrId}`)
    account.cdrs.push({
      cdrId: settled.cdrId,
      revision,
      credited: false,
      siteId,
      stationId,
      sessionId,
      ended,
    })
    if (account.held && account.held.revision <= revision) account.held = undefined
  }

  payable(): Cdr[] {
    return [...this.accounts.values()].flatMap((account) => {
      const cdr = payableOf(account)
      return cdr ? [cdr as Cdr] : []
    })
  }
}
