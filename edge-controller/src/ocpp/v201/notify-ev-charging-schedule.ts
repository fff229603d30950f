/**
 * NotifyEVChargingSchedule (K15 to K17): what a car plans to draw, kept as it was said. A plan beyond the limit of its session is
 * rejected, and the limit told again, with which the station asks the car anew (K16); at a site without limits one beyond what the car
 * itself has told that it takes.
 */
import type { Json } from '@switchyard/protocol/json.ts'
import type {
  NotifyEVChargingScheduleRequest,
  NotifyEVChargingScheduleResponse,
} from '@switchyard/protocol/ocpp/v21.ts'
import { Draft } from '../../draft.ts'
import type { ChargingOffer, Decision, HandlerContext } from '../handler.ts'
import { sessionAt } from './notify-ev-charging-needs.ts'

/** As watts become amperes: three phases of 230 V. */
const VOLTS = 3 * 230
/** Stations round; a plan is beyond the limit by more than this. */
const TOLERANCE_A = 0.5

export function notifyEvChargingSchedule(
  context: HandlerContext,
  said: NotifyEVChargingScheduleRequest,
): Decision<NotifyEVChargingScheduleResponse> {
  const { stationId, state } = context
  const draft = new Draft(state)
  const event = { action: 'NotifyEVChargingSchedule', ...said } as unknown as Json
  draft.fact({ kind: 'station.event', stationId, data: { events: [event] } })
  const outcome = draft.outcome()
  const session = sessionAt(context, said.evseId)
  const ofSite = session && context.limitOf(session)
  const limitMa = ofSite ?? session?.taken?.planMa
  const plannedA = mostOf(said.chargingSchedule)
  if (!session || limitMa === undefined || plannedA <= limitMa / 1_000 + TOLERANCE_A)
    return { reply: { status: 'Accepted' }, outcome }
  const additionalInfo = `it plans ${plannedA.toFixed(1)} A, and has ${(limitMa / 1_000).toFixed(1)} A`
  const after: ChargingOffer = { offerTo: session.sessionId, mostMa: ofSite ?? session.taken!.mostMa }
  return {
    reply: {
      status: 'Rejected',
      statusInfo: { reasonCode: 'BeyondLimit', additionalInfo: additionalInfo.slice(0, 512) },
    },
    outcome,
    after,
  }
}

/** The largest current of a phase, A. */
function mostOf({
  chargingRateUnit,
  chargingSchedulePeriod,
}: NotifyEVChargingScheduleRequest['chargingSchedule']): number {
  const limit = Math.max(0, ...chargingSchedulePeriod.map((it) => it.limit ?? 0))
  return chargingRateUnit === 'W' ? limit / VOLTS : limit
}
