/** Asks a station for the status of a connector (1.6 section 5.17; 2.x F06, where a status is asked for by connector). */
import type { OutgoingCall } from '@switchyard/protocol/command/define.ts'
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'

export function statusTrigger(
  version: OcppVersion,
  { evseId, connectorId }: { evseId: number; connectorId: number },
): OutgoingCall {
  const place = version === '1.6' ? { connectorId: evseId } : { evse: { id: evseId, connectorId } }
  return { action: 'TriggerMessage', payload: { requestedMessage: 'StatusNotification', ...place } }
}
