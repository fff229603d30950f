/** BootNotification (1.6 section 4.2): accepted when the station is approved, else Pending until somebody approves it. */
import type { BootNotificationRequest, BootNotificationResponse } from '@switchyard/protocol/ocpp/v16.ts'
import { bootStation } from '../../station/boot.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function bootNotification(
  context: HandlerContext,
  boot: BootNotificationRequest,
): Decision<BootNotificationResponse> {
  const serial = boot.chargePointSerialNumber ?? boot.chargeBoxSerialNumber
  return bootStation(context, {
    vendor: boot.chargePointVendor,
    model: boot.chargePointModel,
    ...(serial === undefined ? {} : { serial }),
    ...(boot.firmwareVersion === undefined ? {} : { firmware: boot.firmwareVersion }),
  })
}
