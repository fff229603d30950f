/** Priority charging of a session (2.1, K21 and K22), whoever asked for it; one that is not known here is told by its transaction alone. */
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Draft } from '../draft.ts'
import { sessionOfTransaction } from './session.ts'

export function tellPriority(draft: Draft, stationId: string, data: FactData<'session.priority'>): void {
  const session = sessionOfTransaction(draft, stationId, data.transactionId)
  draft.fact({
    kind: 'session.priority',
    stationId,
    ...(session ? { sessionId: session.sessionId } : {}),
    data,
  })
}

/** A station has answered UsePriorityCharging; only Accepted changes anything. */
export function takePriorityAnswer(draft: Draft, stationId: string, payload: unknown, status: unknown): void {
  const { transactionId, activate } = payload as { transactionId: string; activate: boolean }
  if (status === 'Accepted')
    tellPriority(draft, stationId, { transactionId, activated: activate, by: 'command' })
}
