/** Bills against what truly flowed: I4, I5, I12 and I13. */
import { overlap } from '@switchyard/protocol/billing/settle.ts'
import type { PhysicalSession } from '../charger/physical-session.ts'
import type { Billing, Cdr } from '../cloud/billing.ts'
import type { Stage } from '../stage.ts'

/** The registers of both ends are told in whole steps, each up to one too low. */
const RESOLUTION_STEPS = 1
const DAY_MS = 24 * 3_600_000

export function checkBills(stage: Stage, billing: Billing, sessions: readonly PhysicalSession[]): void {
  const payable = billing.payable()
  const byToken = new Map<string, Cdr[]>()
  for (const cdr of payable) {
    const token = cdr.ended.idToken?.value ?? ''
    byToken.set(token, [...(byToken.get(token) ?? []), cdr])
  }
  const held = new Set<string>()
  const told = new Set([...billing.accounts.values()].map((it) => it.newest.idToken?.value ?? ''))
  for (const { held: hold, newest } of billing.accounts.values())
    if (hold) held.add(newest.idToken?.value ?? '')

  for (const session of sessions) {
    const cdrs = byToken.get(session.token) ?? []
    onePayable(stage, session, cdrs)
    for (const cdr of cdrs) itsOwnSite(stage, session, cdr)
    for (const cdr of cdrs) rightEnergy(stage, session, cdr, held.has(session.token))
    comesToAnEnd(stage, session, cdrs.length > 0 || held.has(session.token))
    if (session.isStopKept && !told.has(session.token) && !billing.unmatched.has(session.token))
      stage.broken('I13', `${session.siteId} ${session.chargerId} ${session.token}: its stop is nowhere`)
  }
  for (const cdr of payable) inTime(stage, cdr)
  noOverlap(stage, payable)
}

/** I10: a session is billed at its own site, and with it to its own tenant. */
function itsOwnSite(stage: Stage, { token, siteId }: PhysicalSession, cdr: Cdr): void {
  if (cdr.siteId !== siteId)
    stage.broken('I10', `${siteId} ${token} is billed by ${cdr.siteId} (${cdr.cdrId})`)
}

/** I4: a physical session has at most one payable CDR. */
function onePayable(stage: Stage, session: PhysicalSession, cdrs: readonly Cdr[]): void {
  if (cdrs.length <= 1) return
  const ids = cdrs.map((cdr) => cdr.cdrId).join(', ')
  stage.broken(
    'I4',
    `${session.siteId} ${session.chargerId} ${session.token} is payable ${cdrs.length} times: ${ids}`,
  )
}

/** I5: what is billed is what the registers say, where the end is the charger's own word and no correction is in review. */
function rightEnergy(stage: Stage, session: PhysicalSession, cdr: Cdr, isHeld: boolean): void {
  const { ended } = cdr
  const truth = (session.toldEndMilliWh ?? session.toldStartMilliWh) - session.toldStartMilliWh
  const billed = ended.energyMilliWh ?? 0
  const where = `${session.siteId} ${session.chargerId} ${session.token} ${cdr.cdrId}`
  if (billed < 0 || billed > truth)
    stage.broken('I5', `${where}: ${billed} mWh are billed, ${truth} mWh flowed`)
  else if (session.isEndKnown && !session.isForgotten && !isHeld && billed !== truth)
    stage.broken(
      'I5',
      `${where}: ${billed} mWh are billed, its registers say ${truth} mWh (within ${RESOLUTION_STEPS} step)`,
    )
}

/** I13: a session with energy ends as a CDR, or in review. */
function comesToAnEnd(stage: Stage, session: PhysicalSession, isSettled: boolean): void {
  const flowed = (session.toldEndMilliWh ?? session.toldStartMilliWh) - session.toldStartMilliWh
  if (isSettled || flowed === 0 || !session.isKnown || session.isForgotten) return
  stage.broken(
    'I13',
    `${session.siteId} ${session.chargerId} ${session.token}: ${flowed} mWh are neither billed nor in review`,
  )
}

/** I5: nobody is billed at a time that lies far outside of the world; clocks of chargers may be wrong by hours. */
function inTime(stage: Stage, { cdrId, ended }: Cdr): void {
  const beginMs = stage.wallMs - stage.nowMs
  for (const at of [ended.startedAt, ended.endedAt])
    if (Date.parse(at) < beginMs - DAY_MS || Date.parse(at) > stage.wallMs + DAY_MS)
      stage.broken('I5', `${cdrId}: from ${ended.startedAt} to ${ended.endedAt}, which was not then`)
}

/** I12: no billed interval is negative, or overlaps another on its connector. */
function noOverlap(stage: Stage, payable: readonly Cdr[]): void {
  for (const [i, a] of payable.entries()) {
    if (a.ended.endedAt < a.ended.startedAt)
      stage.broken('I12', `${a.cdrId}: from ${a.ended.startedAt} to ${a.ended.endedAt}`)
    for (const b of payable.slice(i + 1)) {
      const isSame = a.siteId === b.siteId && a.stationId === b.stationId && a.ended.evseId === b.ended.evseId
      if (isSame && overlap(a.ended, b.ended))
        stage.broken('I12', `${a.cdrId} and ${b.cdrId} overlap on ${a.siteId} ${a.stationId}`)
    }
  }
}
