/** StatusNotification (1.6 section 4.9): nine words of 1.6 become the five of 2.x, the 1.6 word stays beside. */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { StatusNotificationRequest, StatusNotificationResponse } from '@switchyard/protocol/ocpp/v16.ts'
import { Draft } from '../../draft.ts'
import { takeStatus } from '../../station/connector-status.ts'
import type { ConnectorStatus } from '../../station/station.ts'
import type { Decision, HandlerContext } from '../handler.ts'

const STATUS: Record<StatusNotificationRequest['status'], ConnectorStatus> = {
  Available: 'Available',
  Preparing: 'Occupied',
  Charging: 'Occupied',
  SuspendedEV: 'Occupied',
  SuspendedEVSE: 'Occupied',
  Finishing: 'Occupied',
  Reserved: 'Reserved',
  Unavailable: 'Unavailable',
  Faulted: 'Faulted',
}

export function statusNotification(
  context: HandlerContext,
  said: StatusNotificationRequest,
): Decision<StatusNotificationResponse> {
  const draft = new Draft(context.state)
  const { connectorId, status } = said
  takeStatus(draft, context, {
    // Connector 0 is the station as a whole.
    evseId: connectorId,
    connectorId: connectorId === 0 ? 0 : 1,
    status: STATUS[status],
    ...(STATUS[status] === status ? {} : { detail: status }),
    ...(said.errorCode === 'NoError' ? {} : { errorCode: said.errorCode }),
    ...(said.info === undefined ? {} : { info: said.info }),
    ...(said.vendorErrorCode === undefined ? {} : { vendorErrorCode: said.vendorErrorCode }),
    atMs: (said.timestamp === undefined ? undefined : parseInstant(said.timestamp)) ?? context.at.nowMs,
  })
  return { reply: {}, outcome: draft.outcome() }
}
