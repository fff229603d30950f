/** Heartbeat (1.6 section 4.6): the station takes its time from it. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { HeartbeatRequest, HeartbeatResponse } from '@switchyard/protocol/ocpp/v16.ts'
import { NOTHING } from '../../site-state.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function heartbeat(context: HandlerContext, _payload: HeartbeatRequest): Decision<HeartbeatResponse> {
  return { reply: { currentTime: instant(context.at.nowMs) }, outcome: NOTHING }
}
