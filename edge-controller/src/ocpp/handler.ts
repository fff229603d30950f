/** What a message handler is: a pure function from the site as committed and one payload to a reply and what must become durable. */

import type { OutgoingCall } from '@switchyard/protocol/command/define.ts'
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { CertificateQuestion, CertificateReply } from '@switchyard/protocol/site/certificate-question.ts'
import type { IdToken } from '@switchyard/protocol/site/fact.ts'
import type { StatusRequest } from '../certificates/chain-status.ts'
import type { CertificateWish } from '../certificates/issue.ts'
import type { RevocationStatus } from '../certificates/revocation.ts'
import type { Draft, StateReader } from '../draft.ts'
import type { Refusal } from '../load/guard.ts'
import type { Authorization } from '../session/authorize.ts'
import type { ContractStatus } from '../session/contract-certificate.ts'
import type { ShownContract } from '../session/plug-and-charge.ts'
import type { Session, SessionContext } from '../session/session.ts'
import type { Outcome } from '../site-state.ts'
import type { StationSettings } from '../station/settings.ts'

export interface HandlerContext extends SessionContext {
  version: OcppVersion
  state: StateReader
  settings: StationSettings
  /** Decision on the token that the route's `identity` found in the payload; undefined where there was none. */
  authorization: Authorization | undefined
  /** The cloud's answer to the route's `question`; absent: none was asked, or nobody answered in time. */
  certificates?: CertificateReply
  /** Why the CA of the site does not sign what the message asks it to. */
  requestFault?: string
  /** What the contract is worth that the route's `contract` found in the payload; undefined where there was none. */
  contract?: ContractStatus
  /** What was found of the route's `statuses`, in their order; undefined where none was to be had. */
  statuses?: (RevocationStatus | undefined)[]
  /** Stations in which a token may be in use. */
  stationIds: readonly string[]
  /** What a session may draw, mA per phase; undefined: the site has no limit, or its station has confirmed none. */
  limitOf(session: Session): number | undefined
  /** Why load control would not let a call to this station pass; undefined when it may. */
  refusalOf(call: OutgoingCall): Refusal | undefined
  heartbeatIntervalS: number
  /** The disk is too full for another session: it is recorded, and not accepted. */
  refusesSessions: boolean
  /** The connection has proved whose it is, and nothing is being signed for it now. */
  mayAskForCertificate: boolean
  /** That, and the site has a CA. */
  signsCertificates: boolean
  /** Draws a 1.6 transaction id. */
  drawTransactionId(draft: Draft): number
}

/** What the controller does beyond the reply, once the outcome is durable and the reply is sent. */
export type After = 'station-booted' | CertificateWish | ChargingOffer

/** A charging profile for a session is to be sent. */
export interface ChargingOffer {
  offerTo: string
  /** Largest current of a phase, mA, where the site has no limit. */
  mostMa: number
}

export interface Decision<Response = object> {
  reply: Response
  outcome: Outcome
  after?: After
}

/** A handler may throw OcppFault: the answer is then that CALLERROR, and nothing is committed. */
export type Handler<Request, Response> = (context: HandlerContext, payload: Request) => Decision<Response>

export interface Route {
  handle(context: HandlerContext, payload: unknown): Decision
  /** The token that must be decided on before the message can be. */
  identity?(payload: unknown): IdToken | undefined
  /** The contract certificate that must be judged before the message can be decided on. */
  contract?(payload: unknown): ShownContract | undefined
  /** Certificates whose status must be known before the message can be decided on. */
  statuses?(payload: unknown): StatusRequest[]
  /** What the cloud must be asked before the message can be decided on. */
  question?(payload: unknown, context: HandlerContext): CertificateQuestion | undefined
  /** The signing request that must be read before the message can be decided on: PEM. */
  request?(payload: unknown): string | undefined
  /** Taken from a station that has not been accepted. */
  beforeBoot?: boolean
  /** Taken from one that waits for approval: the site asks for it then (B02). */
  whilePending?: boolean
  /** Its payload is of one instant: the same text again on a connection is a resend, answered from memory. */
  resendable?: boolean
  /** The station keeps it until it is answered, and money depends on it: what cannot be journalled stays with the station. */
  keptByStation?: boolean
  /** What it tells can be asked for: that is done once there is room again, where it could not be journalled. */
  canBeAskedFor?: boolean
}

/** Binds a handler to its action's types; the payload has passed the action's schema when it gets here. */
export function route<Request, Response extends object>(
  handle: Handler<Request, Response>,
  more: {
    identity?: (payload: Request) => IdToken | undefined
    contract?: (payload: Request) => ShownContract | undefined
    statuses?: (payload: Request) => StatusRequest[]
    question?: (payload: Request, context: HandlerContext) => CertificateQuestion | undefined
    request?: (payload: Request) => string | undefined
    beforeBoot?: boolean
    whilePending?: boolean
    resendable?: boolean
    keptByStation?: boolean
    canBeAskedFor?: boolean
  } = {},
): Route {
  return { handle, ...more } as Route
}

export type Routes = Readonly<Record<string, Route>>
