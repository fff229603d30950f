/** Commands become OCPP calls: checked against the version's own schema before anything is sent, and their replies become outcomes. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { describeErrors, errorCodeFor } from '@switchyard/protocol/ocpp/error-code.ts'
import type { Validators } from '@switchyard/protocol/ocpp/validators.ts'
import {
  type Command,
  type CommandArgs,
  type CommandKind,
  commandArgs,
} from '@switchyard/protocol/site/command.ts'
import { z } from 'zod'
import type { StateReader } from '../draft.ts'
import type { CommandResult } from '../execute.ts'
import { type Session, sessionById } from '../session/session.ts'
import type { Call, CallOutcome } from './calls.ts'
import { type OcppModule, type OutgoingCall, statusOf } from './module.ts'

/** Longest wait for a station's answer to a command. */
export const ANSWER_TIMEOUT_MS = 30_000

export interface CommandPorts {
  state: StateReader
  module: OcppModule
  validators: Validators
  call: Call
  /** Draws the id by which a started session tells that it was remotely started, 31 bits. */
  drawRemoteStartId(): number
  /** Why load control does not let this call pass; undefined when it may. */
  refusal(call: OutgoingCall): string | undefined
  /** The disk is too full for another session. */
  refusesSessions: boolean
  /**
   * A remote start is on its way: its token is vouched for, since the session may start before the answer comes. Returns how
   * to take that back.
   */
  vouch(args: CommandArgs<'RemoteStart'>): () => void
}

/** Carries one command out on a connected station; never rejects. */
export async function carryOut(
  command: Command,
  remainingMs: number,
  ports: CommandPorts,
): Promise<CommandResult> {
  if (!Object.hasOwn(commandArgs, command.kind))
    return failed('UnknownKind', `this controller knows no command ${command.kind.slice(0, 64)}`)
  const kind = command.kind as CommandKind
  const parsed = commandArgs[kind].safeParse(command.args)
  if (!parsed.success) return failed('InvalidArguments', z.prettifyError(parsed.error).slice(0, 500))

  const built = build(kind, parsed.data, command.stationId, ports)
  if ('status' in built) return built
  const checks = ports.validators.find(built.action)
  if (!checks) return failed('NotImplemented', `OCPP ${ports.validators.version} has no action of that name`)
  const errors = checks.request(built.payload)
  if (errors.length > 0) return failed(errorCodeFor(ports.validators.version, errors), describeErrors(errors))
  const refusal = ports.refusal(built)
  if (refusal !== undefined) return failed('LoadManagement', refusal)

  const withdraw = kind === 'RemoteStart' ? ports.vouch(parsed.data as CommandArgs<'RemoteStart'>) : undefined
  const outcome = await ports.call(built.action, built.payload, {
    timeoutMs: Math.min(remainingMs, ANSWER_TIMEOUT_MS),
    expiresInMs: remainingMs,
  })
  const result = resultOf(kind, outcome)
  if (result.status !== 'accepted' && result.status !== 'unknown') withdraw?.()
  return result
}

function build(
  kind: CommandKind,
  args: unknown,
  stationId: string,
  { state, module, drawRemoteStartId, refusesSessions }: CommandPorts,
): OutgoingCall | CommandResult {
  switch (kind) {
    case 'RemoteStart':
      if (refusesSessions) return failed('DiskFull', 'the disk of the site has no room for another session')
      return module.remoteStart(args as CommandArgs<'RemoteStart'>, drawRemoteStartId())
    case 'RemoteStop': {
      const { sessionId } = args as CommandArgs<'RemoteStop'>
      const session = sessionById(state, sessionId)
      return isOf(session, stationId)
        ? module.remoteStop(session)
        : failed('UnknownSession', `no session ${sessionId.slice(0, 64)} runs on this station`)
    }
    case 'Reset':
      return module.reset(args as CommandArgs<'Reset'>)
    case 'ocpp.call':
      return args as { action: string; payload: JsonObject }
  }
}

/** A session that ended as presumed may still run at the station: it can be stopped. */
function isOf(session: Session | undefined, stationId: string): session is Session {
  return session !== undefined && session.stationId === stationId && (!session.end || session.end.presumed)
}

function resultOf(kind: CommandKind, outcome: CallOutcome): CommandResult {
  switch (outcome.status) {
    case 'answered': {
      const reply = outcome.payload as JsonObject
      // Whatever a station answers to a raw call is that call's success; its caller reads the reply.
      const isYes = kind === 'ocpp.call' || ['Accepted', 'Scheduled'].includes(statusOf(reply) ?? '')
      return { status: isYes ? 'accepted' : 'rejected', reply }
    }
    case 'failed':
      return failed(outcome.code, outcome.description)
    case 'unknown':
      return {
        status: 'unknown',
        error: { code: 'NoAnswer', description: `sent, but no answer came: ${outcome.reason}` },
      }
    case 'not-sent':
      return outcome.reason === 'expired'
        ? { status: 'expired' }
        : failed('NotSent', `the command was not sent: ${outcome.reason}`)
  }
}

export function failed(code: string, description: string): CommandResult {
  return { status: 'failed', error: { code, description } }
}
