/**
 * NotifyEVChargingNeeds (K15, and K17 where a car asks anew): a car tells what it needs, which is kept with its session, and is offered a
 * charging profile. At a site with a limit that is a schedule within the share that load control has for it (load/charging-plan.ts);
 * elsewhere the most that the car can take, for nothing stands against it.
 */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import type {
  NotifyEVChargingNeedsRequest,
  NotifyEVChargingNeedsResponse,
} from '@switchyard/protocol/ocpp/v21.ts'
import { Draft } from '../../draft.ts'
import type { ChargingNeeds } from '../../load/charging-plan.ts'
import { putSession, type Session, sessionById } from '../../session/session.ts'
import { stationOf } from '../../station/station.ts'
import type { ChargingOffer, Decision, HandlerContext } from '../handler.ts'

/** As watts become amperes: three phases of 230 V. */
const VOLTS = 3 * 230
/** No car needs more, Wh, nor takes more, mA: what a station makes of a wrong number moves nothing. */
const MAX_ENERGY_WH = 10_000_000
const MAX_MA = 10_000_000

export function notifyEvChargingNeeds(
  context: HandlerContext,
  said: NotifyEVChargingNeedsRequest,
): Decision<NotifyEVChargingNeedsResponse> {
  const { stationId, state } = context
  const draft = new Draft(state)
  const event = { action: 'NotifyEVChargingNeeds', ...said } as unknown as Json
  draft.fact({ kind: 'station.event', stationId, data: { events: [event] } })
  const session = sessionAt(context, said.evseId)
  // Without a session there is nothing that a TxProfile could be for. To 2.1 Rejected is that the car may not charge in this way (K18.FR.22).
  if (!session)
    return {
      reply: {
        status: context.version === '2.1' ? 'NoChargingProfile' : 'Rejected',
        statusInfo: { reasonCode: 'NoTransaction', additionalInfo: 'no transaction runs on this EVSE' },
      },
      outcome: draft.outcome(),
    }
  const maxMa = mostMa(said, context.maxPowerW)
  const { needs: _before, ...rest } = session
  const needs = needsOf(said, session, maxMa)
  const directMa = milliampere(said.chargingNeeds.dcChargingParameters?.evMaxCurrent ?? 0)
  const taken = { mostMa: maxMa, planMa: Math.max(maxMa, directMa) }
  putSession(draft, { ...rest, ...(needs ? { needs } : {}), taken })
  const after: ChargingOffer = { offerTo: session.sessionId, mostMa: maxMa }
  return { reply: { status: 'Accepted' }, outcome: draft.outcome(), after }
}

/** The session that runs on an EVSE. */
export function sessionAt({ state, stationId }: HandlerContext, evseId: number): Session | undefined {
  return (stationOf(state, stationId)?.connectors ?? [])
    .filter((it) => it.evseId === evseId)
    .map((it) => sessionById(state, it.sessionId))
    .find((it) => it && !it.end)
}

/** Undefined: the car tells no energy, so nothing can be planned by it. */
function needsOf(
  { chargingNeeds, maxScheduleTuples = 1 }: NotifyEVChargingNeedsRequest,
  { register }: Session,
  maxMa: number,
): ChargingNeeds | undefined {
  const energyWh = energyOf(chargingNeeds)
  if (energyWh === undefined || !(energyWh > 0) || energyWh > MAX_ENERGY_WH) return undefined
  const { departureTime, requestedEnergyTransfer, acChargingParameters } = chargingNeeds
  const departureMs = departureTime === undefined ? undefined : parseInstant(departureTime)
  return {
    energyMilliWh: Math.ceil(energyWh) * 1_000,
    ...(register === undefined ? {} : { registerMilliWh: register.milliWh }),
    ...(departureMs === undefined ? {} : { departureMs }),
    minMa: milliampere(acChargingParameters?.evMinCurrent ?? 0),
    maxMa,
    phases:
      requestedEnergyTransfer === 'AC_single_phase' ? 1 : requestedEnergyTransfer === 'AC_two_phase' ? 2 : 3,
    maxPeriods: maxScheduleTuples,
  }
}

/** Wh until it departs; what a car with direct current lacks is reckoned from its state of charge, where it tells no energy. */
function energyOf(needs: NotifyEVChargingNeedsRequest['chargingNeeds']): number | undefined {
  const { acChargingParameters: ac, dcChargingParameters: dc, v2xChargingParameters: v2x } = needs
  const told = ac?.energyAmount ?? dc?.energyAmount ?? v2x?.evTargetEnergyRequest
  if (told !== undefined || dc?.evEnergyCapacity === undefined || dc.stateOfCharge === undefined) return told
  return (dc.evEnergyCapacity * Math.max(0, (dc.fullSoC ?? 100) - dc.stateOfCharge)) / 100
}

/** The largest current of a phase that the car takes, mA; the connector's own bound where the car tells none. */
function mostMa({ chargingNeeds }: NotifyEVChargingNeedsRequest, maxPowerW: number): number {
  const { acChargingParameters: ac, dcChargingParameters: dc, v2xChargingParameters: v2x } = chargingNeeds
  if (ac?.evMaxCurrent !== undefined) return milliampere(ac.evMaxCurrent)
  const powerW = dc ? (dc.evMaxPower ?? dc.evMaxCurrent * dc.evMaxVoltage) : v2x?.maxChargePower
  return milliampere((powerW ?? maxPowerW) / VOLTS)
}

function milliampere(ampere: number): number {
  return Math.min(MAX_MA, Math.max(0, Math.ceil(ampere * 1_000)))
}
