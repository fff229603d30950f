/** One call of a station: schema, acceptance, identity, decision, commit, and only then the answer. */
import { describeErrors, type ErrorCode, errorCodeFor } from '@switchyard/protocol/ocpp/error-code.ts'
import type { CallErrorFrame, CallFrame, SendFrame } from '@switchyard/protocol/ocpp/frame.ts'
import type { MessageChecks, SchemaError, Validators } from '@switchyard/protocol/ocpp/validators.ts'
import type { IdToken } from '@switchyard/protocol/site/fact.ts'
import { beginHop, type Hop } from '@switchyard/tracing/hop.ts'
import type { CentralSystemPorts } from '../central-system-ports.ts'
import type { StatusRequest } from '../certificates/chain-status.ts'
import type { RevocationStatus } from '../certificates/revocation.ts'
import { ChangeRefused, JournalFull } from '../journal/port.ts'
import type { Log } from '../ports.ts'
import type { Authorization } from '../session/authorize.ts'
import type { ContractStatus } from '../session/contract-certificate.ts'
import type { ShownContract } from '../session/plug-and-charge.ts'
import type { Outcome, SiteState } from '../site-state.ts'
import { MAX_PLACE } from '../station/station.ts'
import { checkAmended, type Surroundings } from './amend.ts'
import type { Answer, LeftWithStation } from './connection.ts'
import { OcppFault } from './fault.ts'
import type { After, HandlerContext, Route, Routes } from './handler.ts'

/** Names of actions are the station's: so much of one goes into logs and traces. */
const MAX_ACTION_CHARS = 64

export interface DispatchPorts {
  stationId: string
  state: SiteState
  validators: Validators
  routes: Routes
  log: Log
  /** Its last boot was accepted, or an operator has accepted it and it has not booted here: a station that reconnects without a boot goes on. */
  isAccepted(): boolean
  /** Its last boot was answered Pending. */
  isPending(): boolean
  /** What its messages are amended by; undefined for a station without a quirk. */
  around(call: CallFrame | SendFrame): Surroundings | undefined
  /** The station was asked for this message on this connection. */
  wasAskedFor(action: string): boolean
  /** A message came before any boot that is known here. */
  spokeUnbooted(): void
  /** The context of a message that is decided on now. */
  context(authorization: Authorization | undefined): HandlerContext
  authorize(idToken: IdToken): Promise<Authorization>
  judgeContract(shown: ShownContract): Promise<ContractStatus>
  statusesOf(requests: readonly StatusRequest[]): Promise<(RevocationStatus | undefined)[]>
  askCertificates?: CentralSystemPorts['askCertificates']
  /** Why a signing request for the station's own certificate is not signed here; undefined: it is. */
  requestFault(csr: string): Promise<string | undefined>
  after(after: After): void
  /** What the station told could not be journalled, and it can be asked for again. */
  missed(): void
  /** The journal failed: the process must stop, and the station gets no answer. */
  onFatal(error: Error): void
}

/** Takes a message and says what to answer, where it is a call; undefined only when the journal failed. Never rejects. */
export function dispatch(
  call: CallFrame | SendFrame,
  ports: DispatchPorts,
): Promise<Answer | LeftWithStation | undefined> {
  const hop = beginHop(`ocpp ${call.action.slice(0, MAX_ACTION_CHARS)}`, 'server', undefined)
  // A promise that only passes on is felt, with every message (measured).
  return hop ? traced(call, ports, hop) : taken(call, ports, undefined)
}

async function traced(
  call: CallFrame | SendFrame,
  ports: DispatchPorts,
  hop: Hop,
): Promise<Answer | LeftWithStation | undefined> {
  const answer = await taken(call, ports, hop.traceparent)
  hop.end(failureOf(answer), { 'ocpp.station': ports.stationId, 'ocpp.version': ports.validators.version })
  return answer
}

function failureOf(answer: Answer | LeftWithStation | undefined): string | undefined {
  if (answer === undefined) return 'not journalled'
  if ('closeReason' in answer) return answer.closeReason
  return answer.frame.type === 'callError' ? answer.frame.code : undefined
}

/** `trace`: to which the facts of the message belong. */
async function taken(
  call: CallFrame | SendFrame,
  ports: DispatchPorts,
  trace: string | undefined,
): Promise<Answer | LeftWithStation | undefined> {
  const { state, validators, routes, log, stationId } = ports
  const { version } = validators
  const { action, payload } = call
  const checks = validators.find(action)
  if (!checks) return refuse(call, 'NotImplemented', `OCPP ${version} has no action of that name`, log)
  const route = Object.hasOwn(routes, action) ? routes[action] : undefined
  if (!route) return refuse(call, 'NotSupported', 'this action is not taken from a station here', log)
  if ((call.type === 'send') !== (checks.response === undefined))
    return refuse(call, 'ProtocolError', `${action} is ${checks.response ? 'a CALL' : 'a SEND'}`, log)
  const errors = checked(call, checks, ports)
  if (errors.length > 0) return refuse(call, errorCodeFor(version, errors), describeErrors(errors), log)
  const nowhere = placeBeyondBounds(payload)
  if (nowhere) return refuse(call, 'PropertyConstraintViolation', nowhere, log)
  if (!isDue(action, route, ports)) {
    ports.spokeUnbooted()
    return refuse(call, 'SecurityError', 'not accepted yet: BootNotification comes first', log)
  }

  const idToken = route.identity?.(payload)
  const shown = route.contract?.(payload)
  const judged = shown && ports.judgeContract(shown)
  const authorization = idToken && (await ports.authorize(idToken))
  const contract = judged && (await judged)
  const requests = route.statuses?.(payload)
  const statuses = requests && (await ports.statusesOf(requests))
  const question = route.question?.(payload, ports.context(authorization))
  const certificates = question && (await ports.askCertificates?.(stationId, question))
  const csr = route.request?.(payload)
  const requestFault = csr === undefined ? undefined : await ports.requestFault(csr)
  try {
    // Nothing may be awaited between the decision and the journal: others decide on the state that this one changes.
    const context = ports.context(authorization)
    if (certificates) context.certificates = certificates
    if (requestFault !== undefined) context.requestFault = requestFault
    if (contract) context.contract = contract
    if (statuses) context.statuses = statuses
    const decision = route.handle(context, payload)
    await (trace === undefined ? state.commit(decision.outcome) : traceCommit(state, decision.outcome, trace))
    const { reply, after } = decision
    return {
      frame: { type: 'callResult', id: call.id, payload: reply },
      keep: route.resendable ?? false,
      ...(after ? { after: () => ports.after(after) } : {}),
    }
  } catch (error) {
    if (error instanceof OcppFault) return refuse(call, error.code, error.message, log)
    if (error instanceof JournalFull && route.keptByStation) {
      log.error({ action }, 'the disk is full: the station keeps this message, its connection is closed')
      return { closeReason: 'the disk is full: try again later' }
    }
    if (error instanceof JournalFull && route.canBeAskedFor) ports.missed()
    if (error instanceof JournalFull) return refuse(call, 'InternalError', 'the disk is full: try later', log)
    if (error instanceof ChangeRefused)
      return refuse(call, 'PropertyConstraintViolation', 'too large to be kept', log)
    if ((error as Error).name === 'JournalFailed') {
      ports.onFatal(error as Error)
      return undefined
    }
    log.error({ stationId, action, error }, 'a handler failed')
    return refuse(call, 'InternalError', 'the controller could not take this message', log)
  }
}

async function traceCommit(state: SiteState, outcome: Outcome, trace: string): Promise<void> {
  const hop = beginHop('journal commit', 'internal', trace)
  try {
    await state.commit(outcome, trace)
    hop?.end()
  } catch (error) {
    hop?.end((error as Error).name)
    throw error
  }
}

/** A station with quirks is heard as it means it. */
function checked(
  call: CallFrame | SendFrame,
  checks: MessageChecks,
  { around }: DispatchPorts,
): readonly SchemaError[] {
  const { action, payload } = call
  const surroundings = around(call)
  return surroundings ? checkAmended(action, payload, checks, surroundings) : checks.request(payload)
}

/**
 * Before it is accepted a station says that it boots; while it is Pending also what it is asked for (B02), and when it was
 * Rejected nothing else (B03).
 */
function isDue(action: string, route: Route, ports: DispatchPorts): boolean {
  if (route.beforeBoot || ports.isAccepted()) return true
  return ports.isPending() && (route.whilePending === true || ports.wasAskedFor(action))
}

/** Connectors and EVSEs are numbered from 0 by all versions, whose schemas set no end to it; tables do. */
function placeBeyondBounds(payload: unknown): string | undefined {
  const { connectorId, evseId, evse } = payload as {
    connectorId?: number
    evseId?: number
    evse?: { id?: number; connectorId?: number }
  }
  const name = isBeyond(connectorId)
    ? 'connectorId'
    : isBeyond(evseId)
      ? 'evseId'
      : isBeyond(evse?.id)
        ? 'evse/id'
        : isBeyond(evse?.connectorId)
          ? 'evse/connectorId'
          : undefined
  return name && `/${name} must be 0 to ${MAX_PLACE}`
}

function isBeyond(place: number | undefined): boolean {
  return typeof place === 'number' && (place < 0 || place > MAX_PLACE)
}

function refuse(call: CallFrame | SendFrame, code: ErrorCode, description: string, log: Log): Answer {
  log.warn(
    { action: call.action.slice(0, MAX_ACTION_CHARS), messageId: call.id, code, description },
    'call refused',
  )
  const frame: CallErrorFrame = { type: 'callError', id: call.id, code, description, details: {} }
  return { frame, keep: false }
}
