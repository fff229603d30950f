/** BootNotification (2.0.1 use cases B01 to B03). */
import type { BootNotificationRequest, BootNotificationResponse } from '@switchyard/protocol/ocpp/v201.ts'
import { bootStation } from '../../station/boot.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function bootNotification(
  context: HandlerContext,
  { chargingStation, reason }: BootNotificationRequest,
): Decision<BootNotificationResponse> {
  const { vendorName, model, serialNumber, firmwareVersion } = chargingStation
  return bootStation(context, {
    vendor: vendorName,
    model,
    ...(serialNumber === undefined ? {} : { serial: serialNumber }),
    ...(firmwareVersion === undefined ? {} : { firmware: firmwareVersion }),
    reason,
  })
}
