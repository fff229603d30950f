/** NotifyEvent (2.0.1 use case N07): kept as sent, in parts that fit a fact; and how stations tell the status of a connector (G01). */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import type { NotifyEventRequest, NotifyEventResponse } from '@switchyard/protocol/ocpp/v201.ts'
import { Draft } from '../../draft.ts'
import { takeStatus } from '../../station/connector-status.ts'
import { type ConnectorStatus, connectorOf, hasRoomFor, stationOf } from '../../station/station.ts'
import { inParts } from '../../station/station-event.ts'
import type { Decision, HandlerContext } from '../handler.ts'

type EventData = NotifyEventRequest['eventData'][number]

const STATUSES: ReadonlySet<string> = new Set<ConnectorStatus>([
  'Available',
  'Occupied',
  'Reserved',
  'Unavailable',
  'Faulted',
])

/** Keeps the events, and takes those of a connector's availability as StatusNotification is taken, in their order. */
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
  for (const event of said.eventData) takeAvailability(draft, context, event)
  return { reply: {}, outcome: draft.outcome() }
}

/**
 * 2.0.1 allows it in place of StatusNotification, 2.1 prefers it (G01.FR.03 to .07, B04.FR.01). An event that names no connector, or no
 * status, is one like others; so is that of a connector beyond bounds: what comes with it in the batch is not to be lost for it.
 */
function takeAvailability(draft: Draft, context: HandlerContext, event: EventData): void {
  const { component, variable, actualValue, timestamp } = event
  if (!isNamed(component.name, 'Connector') || !isNamed(variable.name, 'AvailabilityState')) return
  const { id: evseId = 0, connectorId = 1 } = component.evse ?? {}
  if (evseId <= 0 || !STATUSES.has(actualValue)) return
  if (!hasRoomFor(draft, context.stationId, evseId, connectorId)) return
  // Told again and again by a monitor: nothing has changed.
  const station = stationOf(draft, context.stationId)
  const now = station && connectorOf(station, evseId, connectorId)?.status
  if (event.trigger === 'Periodic' && now === actualValue) return
  takeStatus(draft, context, {
    evseId,
    connectorId,
    status: actualValue as ConnectorStatus,
    atMs: parseInstant(timestamp) ?? context.at.nowMs,
  })
}

/** Names of the device model are compared without regard to case. */
function isNamed(name: string, wanted: string): boolean {
  return name.toLowerCase() === wanted.toLowerCase()
}
