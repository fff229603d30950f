/** A station boots: the same decision for every version. */
import { instant } from '@switchyard/protocol/instant.ts'
import { Draft } from '../draft.ts'
import type { Decision, HandlerContext } from '../ocpp/handler.ts'
import { type Boot, changeStation } from './station.ts'

/** A station that waits for approval boots again after this time. */
export const PENDING_INTERVAL_S = 30
/** One that was turned away does so after this time: an operator may think again. */
export const REJECTED_INTERVAL_S = 60

export interface BootReply {
  status: 'Accepted' | 'Pending' | 'Rejected'
  currentTime: string
  /** Seconds: between heartbeats when accepted, until the next boot when not. */
  interval: number
}

export function bootStation(
  context: HandlerContext,
  said: Pick<Boot, 'vendor' | 'model' | 'serial' | 'firmware'> & { reason?: string },
): Decision<BootReply> {
  const { stationId, settings, version } = context
  const currentTime = instant(context.at.nowMs)
  const status = settings.rejected ? 'Rejected' : settings.approved ? 'Accepted' : 'Pending'
  const { reason, ...about } = said
  const draft = new Draft(context.state)
  changeStation(draft, stationId, (station) => ({
    ...station,
    ocpp: version,
    boot: { ...about, status, at: currentTime },
  }))
  draft.fact({
    kind: 'station.booted',
    stationId,
    data: { ocpp: version, ...about, ...(reason === undefined ? {} : { reason }), status },
  })
  const interval = {
    Accepted: context.heartbeatIntervalS,
    Pending: PENDING_INTERVAL_S,
    Rejected: REJECTED_INTERVAL_S,
  }[status]
  return {
    reply: { status, currentTime, interval },
    outcome: draft.outcome(),
    ...(status === 'Accepted' ? { after: 'station-booted' as const } : {}),
  }
}
