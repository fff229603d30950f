/**
 * NotifyEVChargingNeeds (K15): a car tells what it needs, and is offered a charging profile for its session. At a site with a limit that
 * is the limit which load control has for it; elsewhere the most that the car can take, for nothing stands against it.
 */
import type { Json } from '@switchyard/protocol/json.ts'
import type {
  NotifyEVChargingNeedsRequest,
  NotifyEVChargingNeedsResponse,
} from '@switchyard/protocol/ocpp/v201.ts'
import { Draft } from '../../draft.ts'
import { sessionById } from '../../session/session.ts'
import { stationOf } from '../../station/station.ts'
import type { ChargingOffer, Decision, HandlerContext } from '../handler.ts'

/** As load control converts watts: three phases of 230 V. */
const VOLTS = 3 * 230

export function notifyEvChargingNeeds(
  context: HandlerContext,
  said: NotifyEVChargingNeedsRequest,
): Decision<NotifyEVChargingNeedsResponse> {
  const { stationId, state } = context
  const draft = new Draft(state)
  const event = { action: 'NotifyEVChargingNeeds', ...said } as unknown as Json
  draft.fact({ kind: 'station.event', stationId, data: { events: [event] } })
  const outcome = draft.outcome()
  const connectors = stationOf(state, stationId)?.connectors ?? []
  const session = connectors
    .filter((it) => it.evseId === said.evseId)
    .map((it) => sessionById(state, it.sessionId))
    .find((it) => it && !it.end)
  // Without a session there is nothing that a TxProfile could be for.
  if (!session)
    return {
      reply: {
        status: 'Rejected',
        statusInfo: { reasonCode: 'NoTransaction', additionalInfo: 'no transaction runs on this EVSE' },
      },
      outcome,
    }
  const after: ChargingOffer = { offerTo: session.sessionId, mostMa: mostMa(said, context.maxPowerW) }
  return { reply: { status: 'Accepted' }, outcome, after }
}

/** The largest current of a phase that the car takes, mA; the connector's own bound where the car tells none. */
function mostMa({ chargingNeeds }: NotifyEVChargingNeedsRequest, maxPowerW: number): number {
  const { acChargingParameters: ac, dcChargingParameters: dc } = chargingNeeds
  if (ac?.evMaxCurrent !== undefined) return ac.evMaxCurrent * 1_000
  const powerW = dc && (dc.evMaxPower ?? dc.evMaxCurrent * dc.evMaxVoltage)
  return Math.ceil(((powerW ?? maxPowerW) * 1_000) / VOLTS)
}
