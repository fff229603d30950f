/** BatterySwap (2.1, block S): which batteries a driver put in or took out, beside what is known of the token at that moment. */
import type { BatterySwapRequest, BatterySwapResponse } from '@switchyard/protocol/ocpp/v21.ts'
import { Draft } from '../../draft.ts'
import { exactIds } from '../exact-ids.ts'
import type { Decision, HandlerContext } from '../handler.ts'
import { idTokenOf } from '../v201/authorize.ts'

export function batterySwap(
  { state, stationId, authorization }: HandlerContext,
  { requestId, eventType, idToken, batteryData }: BatterySwapRequest,
): Decision<BatterySwapResponse> {
  const places = Object.fromEntries(batteryData.map(({ evseId }, i) => [`batteryData/${i}/evseId`, evseId]))
  exactIds({ requestId, ...places })
  const draft = new Draft(state)
  draft.fact({
    kind: 'station.battery-swap',
    stationId,
    data: {
      requestId,
      event: eventType,
      idToken: idTokenOf(idToken),
      // What was done cannot be refused any more: the station asked Authorize before, or was told to by RequestBatterySwap.
      authorization: authorization?.status ?? 'Unknown',
      batteries: batteryData.map(({ evseId, serialNumber, soC, soH, productionDate, vendorInfo }) => ({
        evseId,
        serialNumber,
        socPercent: soC,
        sohPercent: soH,
        ...(productionDate === undefined ? {} : { productionDate }),
        ...(vendorInfo === undefined ? {} : { vendorInfo }),
      })),
    },
  })
  return { reply: {}, outcome: draft.outcome() }
}
