/** Notifications that decide nothing here: kept as they were said, and answered with an empty payload. */
import type { Json } from '@switchyard/protocol/json.ts'
import { Draft } from '../draft.ts'
import type { Decision, HandlerContext } from '../ocpp/handler.ts'

/** Bytes of JSON text in one fact; a longer list goes into several. */
export const EVENTS_PER_FACT_CHARS = 24 * 1024

/** A handler that keeps the payload as one event `{action, ...payload}`; most such messages are answered with nothing. */
export function keepEvent(
  action: string,
  reply: object = {},
): (context: HandlerContext, payload: object) => Decision<object> {
  return (context, payload) => {
    const draft = new Draft(context.state)
    draft.fact({
      kind: 'station.event',
      stationId: context.stationId,
      data: { events: [{ action, ...payload } as Json] },
    })
    return { reply, outcome: draft.outcome() }
  }
}

/** The same for a message that is mostly one list: in several facts, where one would not hold it. */
export function keepList(
  action: string,
  list: string,
): (context: HandlerContext, payload: object) => Decision<object> {
  return (context, payload) => {
    const { [list]: entries, ...rest } = payload as Record<string, Json | undefined>
    const draft = new Draft(context.state)
    const parts = inParts(Array.isArray(entries) ? entries : [])
    for (const part of parts.length > 0 ? parts : [undefined]) {
      const event = { action, ...rest, ...(part === undefined ? {} : { [list]: part }) } as Json
      draft.fact({ kind: 'station.event', stationId: context.stationId, data: { events: [event] } })
    }
    return { reply: {}, outcome: draft.outcome() }
  }
}

/** Splits a list so that each part's text stays within EVENTS_PER_FACT_CHARS (a single longer entry stands alone). */
export function inParts<T>(entries: readonly T[]): T[][] {
  const parts: T[][] = []
  let room = 0
  for (const entry of entries) {
    const chars = JSON.stringify(entry).length
    const part = parts.at(-1)
    if (!part || chars > room) {
      parts.push([entry])
      room = EVENTS_PER_FACT_CHARS - chars
    } else {
      part.push(entry)
      room -= chars
    }
  }
  return parts
}
