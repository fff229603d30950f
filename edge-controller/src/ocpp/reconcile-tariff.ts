/**
 * Keeps a 2.1 station of a site that wants costs told (`runningCost`) at the default tariff of its sessions (SetDefaultTariff, block I),
 * which it can show before a session and compute with. One that the site has set and that is wanted no more is cleared; others are left.
 */
import type { Tariff } from '@switchyard/protocol/pricing/tariff.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import { appliedDocument } from '../documents.ts'
import type { Draft, StateReader } from '../draft.ts'
import { tariffAt } from '../session/cost.ts'
import {
  askedTariff,
  keepAskedTariff,
  keepDefaultTariff,
  keptDefaultTariff,
} from '../station/default-tariff.ts'
import { type CallOutcome, whyUnanswered } from './calls.ts'
import type { OutgoingCall } from './module.ts'
import type { Attempt, StationLine } from './reconciliation.ts'

/** What a version says of a tariff: the call that sets it, or why none comes to the same. */
export type DefaultTariff = { tariffId: string } & ({ call: OutgoingCall } | { unfit: string })

export interface TariffPorts {
  stationId: string
  state: StateReader
  commit(decide: (draft: Draft) => void): Promise<void>
}

/** Null: none. */
export function wantedTariff({ state, stationId }: TariffPorts, { module }: StationLine): Tariff | null {
  if (!module.defaultTariff || !appliedDocument(state, 'site')?.runningCost) return null
  return tariffAt(state, stationId) ?? null
}

/** Never rejects; what came of it is a fact. */
export async function settleTariff(
  { state, stationId, commit }: TariffPorts,
  { connection, module }: StationLine,
  wanted: Tariff | null,
  attempt: Attempt,
): Promise<void> {
  const before = keptDefaultTariff(state, stationId)
  const asked = askedTariff(state, stationId)
  const said = wanted ? module.defaultTariff?.(wanted) : undefined
  const tell = (data: FactData<'station.tariff'>, kept: string | undefined) =>
    commit((draft) => {
      keepDefaultTariff(draft, stationId, kept)
      draft.fact({ kind: 'station.tariff', stationId, data })
    })
  if (said && 'call' in said) {
    // Before the station can have it: its answer may be lost, and so may what we do with it.
    if (before !== said.tariffId) await commit((draft) => keepAskedTariff(draft, stationId, said.tariffId))
    const answer = await connection.call(said.call.action, said.call.payload)
    const word = wordOf(answer)
    if (!attempt.isCurrent()) return
    // It has had it since before its boot, or since an answer that was lost.
    const isHad = before === said.tariffId || asked === said.tariffId
    const isSet = word === 'Accepted' || (word === 'DuplicateTariffId' && isHad)
    if (answer.status !== 'unknown') await commit((draft) => keepAskedTariff(draft, stationId, undefined))
    const outcome = isSet ? { outcome: 'set' as const } : { outcome: 'refused' as const, reason: word }
    await tell({ tariffId: said.tariffId, ...outcome }, isSet ? said.tariffId : before)
    if (isSet) return
  }
  if (said && 'unfit' in said)
    await tell({ tariffId: said.tariffId, outcome: 'unfit', reason: said.unfit }, before)
  // What it computed with until now, or may compute with, is not what is billed any more.
  let kept = before
  for (const tariffId of new Set([before, asked])) {
    if (tariffId === undefined || tariffId === said?.tariffId) continue
    const outcome = await connection.call('ClearTariffs', { tariffIds: [tariffId] })
    if (!attempt.isCurrent()) return
    const word = clearedWord(outcome)
    const isGone = word === 'Accepted' || word === 'NoTariff'
    const told = isGone ? { outcome: 'cleared' as const } : { outcome: 'not-cleared' as const, reason: word }
    if (isGone && tariffId === kept) kept = undefined
    await tell({ tariffId, ...told }, kept)
    if (isGone && askedTariff(state, stationId) === tariffId)
      await commit((draft) => keepAskedTariff(draft, stationId, undefined))
  }
}

function wordOf(outcome: CallOutcome): string {
  if (outcome.status !== 'answered') return whyUnanswered(outcome)
  const { status } = outcome.payload as { status?: unknown }
  return typeof status === 'string' ? status.slice(0, 50) : 'no status'
}

function clearedWord(outcome: CallOutcome): string {
  if (outcome.status !== 'answered') return whyUnanswered(outcome)
  const { clearTariffsResult } = outcome.payload as { clearTariffsResult?: { status?: unknown }[] }
  const status = Array.isArray(clearTariffsResult) ? clearTariffsResult[0]?.status : undefined
  return typeof status === 'string' ? status.slice(0, 50) : 'no status'
}
