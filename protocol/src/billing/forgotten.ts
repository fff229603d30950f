/**
 * A session that its site does not know any more: its card was replaced, or damaged where it stood. Nobody will ever tell its end, so
 * the cloud makes one of what it was told, and a person decides (invariant I13). An end that a box tells after all goes before it, as
 * before every presumed one (told-end.ts). Pure.
 */
import { parseInstant } from '../instant.ts'
import type { FactData } from '../site/fact.ts'
import type { Ended } from './settle.ts'

/** What is known of a session that runs. */
export interface OpenSession
  extends Pick<
    FactData<'session.started'>,
    | 'evseId'
    | 'connectorId'
    | 'startedAt'
    | 'idToken'
    | 'authorization'
    | 'startRegisterMilliWh'
    | 'transactionId'
  > {
  /** The newest register, and when it was read. */
  register?: { at: string; milliWh: number } | undefined
}

/** Its end at the last register that was told, or at its start where none was. */
export function endOfForgotten(session: OpenSession): Ended {
  const { register, startRegisterMilliWh: start, ...said } = session
  const startedMs = parseInstant(said.startedAt) ?? 0
  const endedMs = Math.max(startedMs, (register && parseInstant(register.at)) ?? startedMs)
  const end = register?.milliWh ?? start
  return {
    ...said,
    revision: 1,
    endedAt: endedMs === startedMs || !register ? said.startedAt : register.at,
    durationMs: endedMs - startedMs,
    ...(start === undefined ? {} : { startRegisterMilliWh: start }),
    ...(end === undefined ? {} : { endRegisterMilliWh: end }),
    ...(start === undefined || end === undefined || end < start ? {} : { energyMilliWh: end - start }),
    reason: 'Forgotten',
    presumed: true,
    review: ['end-unknown'],
    profile: [],
  }
}
