/** OCPP 2.1: what a station may say beyond 2.0.1, and who answers. Schemas go by the action's name, those of 2.1 for all. */
import type { BatterySwapRequest } from '@switchyard/protocol/ocpp/v21.ts'
import { type Routes, route } from '../handler.ts'
import { idTokenOf } from '../v201/authorize.ts'
import { routes as routes201 } from '../v201/routes.ts'
import { batterySwap } from './battery-swap.ts'
import { certificateChainStatus, statusRequests } from './certificate-chain-status.ts'
import { derAlarm, derControls, derStartStop } from './der.ts'
import { priorityCharging } from './notify-priority-charging.ts'
import { settlement } from './notify-settlement.ts'
import { closeEventStream, openEventStream, periodicEventStream } from './periodic-event-stream.ts'
import { dynamicScheduleUpdate } from './pull-dynamic-schedule-update.ts'
import { transactionEvent } from './transaction-event.ts'
import { vatNumberValidation } from './vat-number-validation.ts'

export const routes: Routes = {
  // What has the same fields, or more that decide nothing here, has the same handler.
  ...routes201,
  TransactionEvent: { ...routes201.TransactionEvent, ...route(transactionEvent) },
  // Block C and I: payment at the station.
  NotifySettlement: route(settlement),
  VatNumberValidation: route(vatNumberValidation),
  // Block K: charging profiles that the station asks for anew, and priority.
  PullDynamicScheduleUpdate: route(dynamicScheduleUpdate),
  NotifyPriorityCharging: route(priorityCharging),
  // Block M.
  GetCertificateChainStatus: route(certificateChainStatus, { statuses: statusRequests }),
  // Block N: values of a monitor that come in batches; the values themselves are a SEND, which nobody answers.
  OpenPeriodicEventStream: route(openEventStream),
  ClosePeriodicEventStream: route(closeEventStream),
  NotifyPeriodicEventStream: route(periodicEventStream),
  // Block R: distributed energy resources.
  NotifyDERAlarm: route(derAlarm),
  NotifyDERStartStop: route(derStartStop),
  ReportDERControl: route(derControls),
  // Block S.
  BatterySwap: route(batterySwap, { identity: (said: BatterySwapRequest) => idTokenOf(said.idToken) }),
}
