/** What the site wants of a 2.0.1 station, in 2.0.1 calls (use cases F01 to F03, B11, B12). */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type {
  IdTokenEnumType,
  RequestStartTransactionRequest,
  RequestStopTransactionRequest,
  ResetRequest,
} from '@switchyard/protocol/ocpp/v201.ts'
import type { CommandArgs } from '@switchyard/protocol/site/command.ts'
import type { Session } from '../../session/session.ts'
import type { OutgoingCall } from '../module.ts'

function outgoing(action: string, payload: object): OutgoingCall {
  return { action, payload: payload as JsonObject }
}

/** OCPI and other worlds call a card RFID; for 2.0.1 it is what a reader of ISO 14443 reads. */
function tokenType(type: string): IdTokenEnumType {
  return type === 'RFID' ? 'ISO14443' : (type as IdTokenEnumType)
}

export function remoteStart(args: CommandArgs<'RemoteStart'>, remoteStartId: number): OutgoingCall {
  const request: RequestStartTransactionRequest = {
    remoteStartId,
    idToken: { idToken: args.idToken.value, type: tokenType(args.idToken.type) },
    ...(args.evseId === undefined ? {} : { evseId: args.evseId }),
  }
  return outgoing('RequestStartTransaction', request)
}

export function remoteStop(session: Session): OutgoingCall {
  const request: RequestStopTransactionRequest = { transactionId: session.transactionId }
  return outgoing('RequestStopTransaction', request)
}

export function reset(args: CommandArgs<'Reset'>): OutgoingCall {
  const request: ResetRequest = {
    type: args.type === 'Hard' ? 'Immediate' : 'OnIdle',
    ...(args.evseId === undefined ? {} : { evseId: args.evseId }),
  }
  return outgoing('Reset', request)
}
