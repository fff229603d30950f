/** What the site wants of a 1.6 station, in 1.6 calls (sections 5.11, 5.12, 5.14). */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type {
  RemoteStartTransactionRequest,
  RemoteStopTransactionRequest,
  ResetRequest,
} from '@switchyard/protocol/ocpp/v16.ts'
import type { CommandArgs } from '@switchyard/protocol/site/command.ts'
import type { Session } from '../../session/session.ts'
import type { OutgoingCall } from '../module.ts'

function outgoing(action: string, payload: object): OutgoingCall {
  return { action, payload: payload as JsonObject }
}

/** 1.6 knows no id of a remote start: it is told by its token. */
export function remoteStart(args: CommandArgs<'RemoteStart'>): OutgoingCall {
  const request: RemoteStartTransactionRequest = {
    idTag: args.idToken.value,
    ...(args.evseId === undefined ? {} : { connectorId: args.evseId }),
  }
  return outgoing('RemoteStartTransaction', request)
}

export function remoteStop(session: Session): OutgoingCall {
  const request: RemoteStopTransactionRequest = { transactionId: Number(session.transactionId) }
  return outgoing('RemoteStopTransaction', request)
}

/** 1.6 resets the whole station only. */
export function reset(args: CommandArgs<'Reset'>): OutgoingCall {
  const request: ResetRequest = { type: args.type }
  return outgoing('Reset', request)
}
