/** OCPP 1.6 and its security extension: what a station may say, and who answers. Schemas go by the action's name. */
import { keepEvent } from '../../station/station-event.ts'
import { type Routes, route } from '../handler.ts'
import { authorize, idTokenOf } from './authorize.ts'
import { bootNotification } from './boot-notification.ts'
import { dataTransfer } from './data-transfer.ts'
import { heartbeat } from './heartbeat.ts'
import { meterValues } from './meter-values.ts'
import { securityEventNotification } from './security-event-notification.ts'
import { signCertificate } from './sign-certificate.ts'
import { startTransaction } from './start-transaction.ts'
import { statusNotification } from './status-notification.ts'
import { stopTransaction } from './stop-transaction.ts'

export const routes: Routes = {
  BootNotification: route(bootNotification, { beforeBoot: true }),
  Heartbeat: route(heartbeat),
  StatusNotification: route(statusNotification, { canBeAskedFor: true }),
  Authorize: route(authorize, { identity: (said) => idTokenOf(said.idTag) }),
  StartTransaction: route(startTransaction, {
    identity: (said) => idTokenOf(said.idTag),
    resendable: true,
    keptByStation: true,
  }),
  StopTransaction: route(stopTransaction, { resendable: true, keptByStation: true }),
  MeterValues: route(meterValues, { resendable: true }),
  SignCertificate: route(signCertificate, { request: ({ csr }) => csr }),
  DataTransfer: route(dataTransfer),
  SecurityEventNotification: route(securityEventNotification),
  DiagnosticsStatusNotification: route(keepEvent('DiagnosticsStatusNotification')),
  FirmwareStatusNotification: route(keepEvent('FirmwareStatusNotification')),
  LogStatusNotification: route(keepEvent('LogStatusNotification')),
  SignedFirmwareStatusNotification: route(keepEvent('SignedFirmwareStatusNotification')),
}
