/** OCPP 2.0.1: what a station may say, and who answers. Schemas go by the action's name. */
import type { AuthorizeRequest } from '@switchyard/protocol/ocpp/v201.ts'
import { keepEvent, keepList } from '../../station/station-event.ts'
import { type Routes, route } from '../handler.ts'
// The same in both versions, to the letter.
import { heartbeat } from '../v16/heartbeat.ts'
import { securityEventNotification } from '../v16/security-event-notification.ts'
import { authorize, idTokenOf, shownContract } from './authorize.ts'
import { bootNotification } from './boot-notification.ts'
import {
  contractQuestion,
  get15118EVCertificate,
  getCertificateStatus,
  statusQuestion,
} from './certificate-questions.ts'
import { customerInformation } from './customer-information.ts'
import { dataTransfer } from './data-transfer.ts'
import { meterValues } from './meter-values.ts'
import { notifyEvChargingNeeds } from './notify-ev-charging-needs.ts'
import { notifyEvChargingSchedule } from './notify-ev-charging-schedule.ts'
import { notifyEvent } from './notify-event.ts'
import { notifyReport } from './notify-report.ts'
import { reservationStatusUpdate } from './reservation-status-update.ts'
import { ownRequest, signCertificate, signQuestion } from './sign-certificate.ts'
import { statusNotification } from './status-notification.ts'
import { transactionEvent } from './transaction-event.ts'

export const routes: Routes = {
  BootNotification: route(bootNotification, { beforeBoot: true }),
  Heartbeat: route(heartbeat),
  StatusNotification: route(statusNotification, { canBeAskedFor: true }),
  Authorize: route(authorize, {
    identity: (said: AuthorizeRequest) => idTokenOf(said.idToken),
    contract: shownContract,
  }),
  TransactionEvent: route(transactionEvent, {
    identity: (said) => (said.idToken ? idTokenOf(said.idToken) : undefined),
    resendable: true,
    keptByStation: true,
  }),
  MeterValues: route(meterValues, { resendable: true }),
  // A report is asked for by the site, also of a station that is still Pending (B02).
  NotifyReport: route(notifyReport, { whilePending: true }),
  // Parts of what a command asked for, whose outcome they become; kept here as they were said.
  NotifyMonitoringReport: route(keepList('NotifyMonitoringReport', 'monitor'), { whilePending: true }),
  ReportChargingProfiles: route(keepList('ReportChargingProfiles', 'chargingProfile')),
  NotifyDisplayMessages: route(keepList('NotifyDisplayMessages', 'messageInfo')),
  NotifyCustomerInformation: route(customerInformation),
  // The status of a connector may be among the events, and that can be asked for.
  NotifyEvent: route(notifyEvent, { canBeAskedFor: true }),
  SecurityEventNotification: route(securityEventNotification),
  SignCertificate: route(signCertificate, { question: signQuestion, request: ownRequest }),
  DataTransfer: route(dataTransfer),
  FirmwareStatusNotification: route(keepEvent('FirmwareStatusNotification')),
  LogStatusNotification: route(keepEvent('LogStatusNotification')),
  PublishFirmwareStatusNotification: route(keepEvent('PublishFirmwareStatusNotification')),
  NotifyChargingLimit: route(keepEvent('NotifyChargingLimit')),
  ClearedChargingLimit: route(keepEvent('ClearedChargingLimit')),
  NotifyEVChargingNeeds: route(notifyEvChargingNeeds),
  NotifyEVChargingSchedule: route(notifyEvChargingSchedule),
  Get15118EVCertificate: route(get15118EVCertificate, { question: contractQuestion }),
  GetCertificateStatus: route(getCertificateStatus, { question: statusQuestion }),
  ReservationStatusUpdate: route(reservationStatusUpdate),
}
