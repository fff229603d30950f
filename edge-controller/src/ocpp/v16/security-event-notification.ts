/** SecurityEventNotification (1.6 security whitepaper, A04). */
import { instant, parseInstant } from '@switchyard/protocol/instant.ts'
import type {
  SecurityEventNotificationRequest,
  SecurityEventNotificationResponse,
} from '@switchyard/protocol/ocpp/v16.ts'
import { Draft } from '../../draft.ts'
import type { Decision, HandlerContext } from '../handler.ts'

/** The same in 2.x. */
export function securityEventNotification(
  context: HandlerContext,
  said: SecurityEventNotificationRequest,
): Decision<SecurityEventNotificationResponse> {
  const draft = new Draft(context.state)
  draft.fact({
    kind: 'station.security-event',
    stationId: context.stationId,
    data: {
      type: said.type,
      ...(said.techInfo === undefined ? {} : { techInfo: said.techInfo }),
      at: instant(parseInstant(said.timestamp) ?? context.at.nowMs),
    },
  })
  return { reply: {}, outcome: draft.outcome() }
}
