/** StatusNotification (2.0.1 use case G01). */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { StatusNotificationRequest, StatusNotificationResponse } from '@switchyard/protocol/ocpp/v201.ts'
import { Draft } from '../../draft.ts'
import { takeStatus } from '../../station/connector-status.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function statusNotification(
  context: HandlerContext,
  said: StatusNotificationRequest,
): Decision<StatusNotificationResponse> {
  const draft = new Draft(context.state)
  takeStatus(draft, context, {
    evseId: said.evseId,
    connectorId: said.connectorId,
    status: said.connectorStatus,
    atMs: parseInstant(said.timestamp) ?? context.at.nowMs,
  })
  return { reply: {}, outcome: draft.outcome() }
}
