/** OCPP 2.1: what a station may say beyond 2.0.1, and who answers. Schemas go by the action's name, those of 2.1 for all. */
import { keepEvent } from '../../station/station-event.ts'
import { type Routes, route } from '../handler.ts'
import { routes as routes201 } from '../v201/routes.ts'
import { certificateChainStatus, statusRequests } from './certificate-chain-status.ts'
import { periodicEventStream } from './periodic-event-stream.ts'
import { dynamicScheduleUpdate } from './pull-dynamic-schedule-update.ts'
import { transactionEvent } from './transaction-event.ts'
import { vatNumberValidation } from './vat-number-validation.ts'

export const routes: Routes = {
  // What has the same fields, or more that decide nothing here, has the same handler.
  ...routes201,
  TransactionEvent: { ...routes201.TransactionEvent, ...route(transactionEvent) },
  // Block C and I: payment at the station.
  NotifySettlement: route(keepEvent('NotifySettlement')),
  VatNumberValidation: route(vatNumberValidation),
  // Block K: charging profiles that the station asks for anew, and priority.
  PullDynamicScheduleUpdate: route(dynamicScheduleUpdate),
  NotifyPriorityCharging: route(keepEvent('NotifyPriorityCharging')),
  // Block M.
  GetCertificateChainStatus: route(certificateChainStatus, { statuses: statusRequests }),
  // Block N: values of a monitor that come in batches; the values themselves are a SEND, which nobody answers.
  OpenPeriodicEventStream: route(keepEvent('OpenPeriodicEventStream', { status: 'Accepted' })),
  ClosePeriodicEventStream: route(keepEvent('ClosePeriodicEventStream')),
  NotifyPeriodicEventStream: route(periodicEventStream),
  // Block R: distributed energy resources.
  NotifyDERAlarm: route(keepEvent('NotifyDERAlarm')),
  NotifyDERStartStop: route(keepEvent('NotifyDERStartStop')),
  ReportDERControl: route(keepEvent('ReportDERControl')),
  // Block S.
  BatterySwap: route(keepEvent('BatterySwap')),
}
