/** NotifyPriorityCharging (2.1, K21 and K22): a driver asked for priority at the station, or gave it back. */
import type { NotifyPriorityChargingRequest } from '@switchyard/protocol/ocpp/v21.ts'
import { Draft } from '../../draft.ts'
import { tellPriority } from '../../session/priority.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function priorityCharging(
  { state, stationId }: HandlerContext,
  { transactionId, activated }: NotifyPriorityChargingRequest,
): Decision {
  const draft = new Draft(state)
  tellPriority(draft, stationId, { transactionId, activated, by: 'station' })
  return { reply: {}, outcome: draft.outcome() }
}
