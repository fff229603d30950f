/**
 * What a session has cost so far, and in the end, for the display of its station (2.x use cases I02, I03): by the tariff that
 * the site knew when the session started, and by the rules with which billing makes CDRs. Where the site does not know the
 * tariff of its start, nothing is said: an amount that is shown is a promise. A session that billing would hold for a person is told at
 * what was told of it; while it runs not so where its registers are in doubt, for the next one may undo the amount, but its end is, as the
 * driver is owed one (I03).
 */
import { priceEnded } from '@switchyard/protocol/billing/price-ended.ts'
import { type Ended, impossible, settle } from '@switchyard/protocol/billing/settle.ts'
import { instant } from '@switchyard/protocol/instant.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import type { Tariff } from '@switchyard/protocol/pricing/tariff.ts'
import type { ReviewReason } from '@switchyard/protocol/site/fact.ts'
import { appliedDocument } from '../documents.ts'
import type { Draft, StateReader } from '../draft.ts'
import type { Outcome } from '../site-state.ts'
import { MOST_FROM_ZERO_MILLI_WH } from './plausibility.ts'
import { type Session, startOf, TARIFF_KIND, unmeteredById } from './session.ts'

/** A start that is told later than this, ms, may be older than the tariff that the site has now. */
const TARIFF_KNOWN_WITHIN_MS = 2 * 60_000

/** Registers that cannot be true: an amount by them is not shown while the next ones may tell another. */
const REGISTERS_IN_DOUBT: readonly ReviewReason[] = [
  'register-falling',
  'register-implausible-power',
  'register-zero-start',
]

/** Entity of kind TARIFF_KIND, by session id. */
interface SessionTariff {
  tariff: Tariff
  /** Including tax, as it was told at the end: an end that is sent again is told the same. */
  finalCost?: number
  /** Its station computes the cost itself (2.1). */
  isComputed?: true
}

/** The tariff of sessions that start at the station now. */
export function tariffAt(state: StateReader, stationId: string): Tariff | undefined {
  const tariffs = appliedDocument(state, 'tariffs')
  return tariffs?.byStation[stationId] ?? tariffs?.default
}

/** Keeps the tariff for the session, if its start is of now: one that changes meanwhile is the next session's. */
export function keepTariff(draft: Draft, session: Session, nowMs: number): void {
  const { stationId, sessionId, startedAtMs, offline } = session
  if (offline || Math.abs(nowMs - startedAtMs) > TARIFF_KNOWN_WITHIN_MS) return
  const tariff = tariffAt(draft, stationId)
  if (tariff) draft.put(TARIFF_KIND, sessionId, { tariff } satisfies SessionTariff)
}

/** The true start of a session has come after other events of it: a tariff that is not surely of that time is kept no more. */
export function startCorrected(
  draft: Draft,
  { sessionId, startedAtMs, received }: Pick<Session, 'sessionId' | 'startedAtMs' | 'received'>,
): void {
  if (Math.abs(received.nowMs - startedAtMs) > TARIFF_KNOWN_WITHIN_MS) draft.remove(TARIFF_KIND, sessionId)
}

/** `outcome`, and with it that the station has told of a cost of its own computing (2.1, I07): that is on its display, and no other is told unasked. */
export function withComputedCost(state: StateReader, outcome: Outcome, sessionId: string): Outcome {
  const isIt = ({ kind, id }: { kind: string; id: string }) => kind === TARIFF_KIND && id === sessionId
  if (outcome.deletes.some(isIt)) return outcome
  const put = outcome.puts.find(isIt)?.value as SessionTariff | undefined
  const kept = put ?? state.get<SessionTariff>(TARIFF_KIND, sessionId)
  if (!kept || kept.isComputed) return outcome
  const value = { ...kept, isComputed: true } satisfies SessionTariff as unknown as Json
  const puts = [...outcome.puts.filter((it) => !isIt(it)), { kind: TARIFF_KIND, id: sessionId, value }]
  return { ...outcome, puts }
}

/** Whether its station has told of a cost of its own computing. */
export function computesItself(state: StateReader, sessionId: string): boolean {
  return state.get<SessionTariff>(TARIFF_KIND, sessionId)?.isComputed === true
}

export interface RunningCost {
  /** Including tax, in the tariff's currency. */
  amount: number
  atMs: number
  tariff: Tariff
}

/** The tariff of the session's start; undefined where the site does not know it. */
export function keptTariff(state: StateReader, sessionId: string): Tariff | undefined {
  return state.get<SessionTariff>(TARIFF_KIND, sessionId)?.tariff
}

/** As `runningCost`, with what it goes by; undefined too where the station computes it itself. */
export function runningCostOf(state: StateReader, session: Session, atMs: number): RunningCost | undefined {
  const kept = state.get<SessionTariff>(TARIFF_KIND, session.sessionId)
  if (!kept || kept.isComputed) return undefined
  const amount = runningCost(state, session, atMs)
  return amount === undefined ? undefined : { amount, atMs, tariff: kept.tariff }
}

/** So far, including tax, in the tariff's currency; undefined: nothing can be said. `atMs`: time of the event that asks. */
export function runningCost(state: StateReader, session: Session, atMs: number): number | undefined {
  const kept = state.get<SessionTariff>(TARIFF_KIND, session.sessionId)
  if (!kept || session.end) return kept?.finalCost
  const { evseId, connectorId, transactionId, authorization, review, idToken } = session
  const { startRegisterMilliWh, register } = session
  const startedAtMs = startOf(session).atMs
  const asIfEnded: Ended = {
    evseId,
    connectorId,
    transactionId,
    authorization,
    ...(idToken ? { idToken } : {}),
    revision: session.revision + 1,
    startedAt: instant(startedAtMs),
    endedAt: instant(atMs),
    durationMs: atMs - startedAtMs,
    ...(startRegisterMilliWh === undefined || !register
      ? {}
      : { energyMilliWh: register.milliWh - startRegisterMilliWh }),
    reason: 'Running',
    presumed: true,
    review,
    profile: [],
  }
  const cost = billed(kept.tariff, session.sessionId, asIfEnded)
  if (cost !== undefined || review.some((reason) => REGISTERS_IN_DOUBT.includes(reason))) return cost
  const told = { ...asIfEnded, ...energyTold(session, asIfEnded, register?.milliWh) }
  // Before its energy is known from some register on, there is nothing to say: it may come with the next.
  return told.energyMilliWh === undefined ? undefined : asTold(kept.tariff, told)
}

/** At the end that `draft` tells of, if it tells of one; undefined as in `runningCost`. 0: nothing is to be paid (I03). */
export function finalCost(draft: Draft, sessionId: string): number | undefined {
  const kept = draft.get<SessionTariff>(TARIFF_KIND, sessionId)
  if (!kept) return undefined
  const ended = draft
    .outcome()
    .facts.findLast((fact) => fact.kind === 'session.ended' && fact.sessionId === sessionId)
  if (ended?.kind !== 'session.ended') return kept.finalCost
  const cost = costOfEnd(draft, sessionId, ended.data)
  const { finalCost: _before, ...without } = kept
  draft.put(TARIFF_KIND, sessionId, cost === undefined ? without : { ...without, finalCost: cost })
  return cost
}

/** Of an end that was told, as `finalCost` says it with the end itself. */
export function costOfEnd(state: StateReader, sessionId: string, ended: Ended): number | undefined {
  const tariff = keptTariff(state, sessionId)
  if (!tariff) return undefined
  const energy = energyTold(unmeteredById(state, sessionId), ended, ended.endRegisterMilliWh)
  return billed(tariff, sessionId, ended) ?? asTold(tariff, { ...ended, ...energy })
}

/** Where no register of the start is known, what has flowed since the first one that was told: less than that it cannot have been. */
function energyTold(
  session: Pick<Session, 'firstRegisterMilliWh'> | undefined,
  { energyMilliWh }: Ended,
  registerMilliWh: number | undefined,
): Pick<Ended, 'energyMilliWh'> {
  const from = session?.firstRegisterMilliWh
  if (energyMilliWh !== undefined || from === undefined || registerMilliWh === undefined) return {}
  return { energyMilliWh: registerMilliWh - from }
}

/** As billing would settle it, were nothing billed of it yet. */
function billed(tariff: Tariff, sessionId: string, ended: Ended): number | undefined {
  const known = { heldRevision: undefined, cdrs: [], decided: undefined }
  // Whether the site is free to those that nobody knows is not known here: then a person may be asked, and nothing is said.
  const found = { overlaps: false, hasTariff: true, billsUnidentified: false }
  const settled = settle(known, sessionId, ended, found)
  if (settled.does === 'hold') return undefined
  return settled.does === 'nothing' ? 0 : Number(priceEnded(tariff, ended).inclTax)
}

/**
 * What a session that is held would cost, were it as it was told; undefined where that cannot be (nobody is known to pay, times or
 * registers go backwards), and beyond what any car takes. Without energy where none was told.
 */
function asTold(tariff: Tariff, ended: Ended): number | undefined {
  const isAccepted = ended.idToken !== undefined && ended.authorization === 'Accepted'
  const { energyMilliWh = 0 } = ended
  const cannotBe = impossible(ended).some((reason) => reason !== 'register-missing')
  if (!isAccepted || cannotBe || energyMilliWh > MOST_FROM_ZERO_MILLI_WH) return undefined
  return Number(priceEnded(tariff, ended).inclTax)
}
