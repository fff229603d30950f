/** NotifyEvent (2.0.1 use case N07): kept as sent, in parts that fit a fact. */
import type { Json } from '@switchyard/protocol/json.ts'
import type { NotifyEventRequest, NotifyEventResponse } from '@switchyard/protocol/ocpp/v201.ts'
import { Draft } from '../../draft.ts'
import { inParts } from '../../station/station-event.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function notifyEvent(
  context: HandlerContext,
  said: NotifyEventRequest,
): Decision<NotifyEventResponse> {
  const draft = new Draft(context.state)
  for (const events of inParts(said.eventData)) {
    draft.fact({
      kind: 'station.event',
      stationId: context.stationId,
      data: { events: events as unknown as Json[] },
    })
  }
  return { reply: {}, outcome: draft.outcome() }
}
