/** Commands become OCPP calls: all of them checked before the first is sent, and their replies become one outcome. */
import { COMMANDS, type CommandKind, isCommandKind, plan } from '@switchyard/protocol/command/commands.ts'
import {
  CommandFault,
  type OutgoingCall,
  type PlanContext,
  type ReportWish,
} from '@switchyard/protocol/command/define.ts'
import { withoutSecrets } from '@switchyard/protocol/command/secrets.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Validators } from '@switchyard/protocol/ocpp/validators.ts'
import type { Command } from '@switchyard/protocol/site/command.ts'
import { z } from 'zod'
import type { CommandResult } from '../execute.ts'
import type { Clock } from '../ports.ts'
import type { RemoteStart } from '../session/remote-starts.ts'
import type { Call, CallOutcome } from './calls.ts'
import { isYes } from './reply.ts'
import type { Report } from './reports.ts'

/** Longest wait for a station's answer to a call of a command. */
export const ANSWER_TIMEOUT_MS = 30_000

export interface CommandPorts {
  clock: Clock
  validators: Validators
  plan: Omit<PlanContext, 'version'>
  call: Call
  /** Why load control does not let this call pass; undefined when it may. */
  refusal(call: OutgoingCall): string | undefined
  /** The disk is too full for another session. */
  refusesSessions: boolean
  /** A session runs at the station. */
  isCharging: boolean
  /**
   * A remote start is on its way: its token is vouched for, since the session may start before the answer comes. Resolves with how
   * to take that back.
   */
  vouch(start: RemoteStart): Promise<() => Promise<void>>
  /** Runs one after the other what must not be mixed: the parts of two lists would make one that nobody sent. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
  /** From now on, what the station tells by that id is collected. */
  collect(wish: ReportWish, requestId: number): Report
}

/** The connection ended before anything was sent. */
export type NotSent = 'not-sent'

/** Carries one command out on a connected station; never rejects. */
export async function carryOut(
  command: Command,
  remainingMs: number,
  ports: CommandPorts,
): Promise<CommandResult | NotSent> {
  const { kind } = command
  const deadlineMs = ports.clock.mono() + remainingMs
  if (!isCommandKind(kind))
    return failed('UnknownKind', `this controller knows no command ${kind.slice(0, 64)}`)
  const parsed = COMMANDS[kind].args.safeParse(command.args)
  if (!parsed.success) return failed('InvalidArguments', z.prettifyError(parsed.error).slice(0, 500))
  if (isSparing(parsed.data) && ports.isCharging)
    return failed('Charging', 'a session runs at the station; nothing was sent')
  let calls: OutgoingCall[]
  try {
    const { validators } = ports
    calls = plan(kind, parsed.data, validators, { ...ports.plan, version: validators.version })
  } catch (error) {
    if (error instanceof CommandFault) return failed(error.code, `${error.path}: ${error.message}`)
    throw error
  }
  for (const call of calls) {
    const refusal = ports.refusal(call)
    if (refusal !== undefined) return failed('LoadManagement', refusal)
  }

  const start = remoteStartIn(calls, command.id)
  if (start && ports.refusesSessions)
    return failed('DiskFull', 'the disk of the site has no room for another session')
  const withdraw = start && (await ports.vouch(start))
  const sending = () => send(kind, calls, deadlineMs, ports)
  const result = await (calls.length > 1 ? ports.inTurn(sending) : sending())
  if (result === 'not-sent' || !isUnderWay(result)) await withdraw?.()
  // A station may tell its password among its settings.
  return result === 'not-sent' || !result.reply ? result : { ...result, reply: withoutSecrets(result.reply) }
}

/** Whether the arguments ask to wait while a session runs. */
export function isSparing(args: unknown): boolean {
  return (args as { whileCharging?: unknown } | null)?.whileCharging === false
}

/** Whether the station may do what it was told. A raw call counts as accepted whatever the answer was. */
function isUnderWay({ status, reply }: CommandResult): boolean {
  return status === 'unknown' || (status === 'accepted' && (reply === undefined || isYes(reply)))
}

/** The remote start among the calls, typed or raw. */
function remoteStartIn(calls: readonly OutgoingCall[], commandId: string): RemoteStart | undefined {
  for (const { action, payload } of calls) {
    const { idTag, idToken, connectorId, evseId, remoteStartId } = payload as unknown as RemoteStartPayload
    const place = connectorId ?? evseId
    const rest = { commandId, ...(place === undefined ? {} : { evseId: place }) }
    if (action === 'RemoteStartTransaction' && idTag !== undefined) return { ...rest, token: idTag }
    if (action === 'RequestStartTransaction' && idToken && remoteStartId !== undefined)
      return { ...rest, token: idToken.idToken, remoteStartId }
  }
  return undefined
}

interface RemoteStartPayload {
  idTag?: string
  idToken?: { idToken: string }
  connectorId?: number
  evseId?: number
  remoteStartId?: number
}

async function send(
  kind: CommandKind,
  calls: readonly OutgoingCall[],
  deadlineMs: number,
  { clock, call, collect }: CommandPorts,
): Promise<CommandResult | NotSent> {
  const { report: wish, inOrder = false } = COMMANDS[kind].about
  const { payload: asks } = calls[0]!
  const isAsked = wish && (wish.isAsked?.(asks) ?? true)
  const report = isAsked ? collect(wish, asks.requestId as number) : undefined
  try {
    const done: Done[] = []
    for (const { action, payload } of calls) {
      const leftMs = Math.max(0, deadlineMs - clock.mono())
      const timeoutMs = Math.min(leftMs, ANSWER_TIMEOUT_MS)
      const outcome = await call(action, payload, { timeoutMs, expiresInMs: leftMs })
      if (done.length === 0 && outcome.status === 'not-sent' && outcome.reason === 'connection-lost')
        return 'not-sent'
      const result = resultOf(kind, outcome)
      done.push({
        action,
        ...result,
        ...(result.reply && kind !== 'ocpp.call' ? named(result.reply, payload) : {}),
      })
      // Nothing more is asked of a station of which it is not known what it did, or that cannot be reached.
      if (result.status === 'unknown' || outcome.status === 'not-sent') break
      if (inOrder && result.status !== 'accepted') break
    }
    const whole = together(done, calls)
    if (!report || whole.status !== 'accepted') return whole
    return { ...whole, reply: { ...whole.reply, ...(await report.within(deadlineMs - clock.mono())) } }
  } finally {
    report?.end()
  }
}

interface Done extends CommandResult {
  action: string
}

/** Ids that were drawn here are told: what the station says later goes by them. */
function named(reply: JsonObject, { requestId, remoteStartId }: JsonObject): { reply: JsonObject } {
  return {
    reply: {
      ...reply,
      ...(requestId === undefined ? {} : { requestId }),
      ...(remoteStartId === undefined ? {} : { remoteStartId }),
    },
  }
}

/** One call's result is the command's; several tell what each did, and those that were not sent. */
function together(done: readonly Done[], calls: readonly OutgoingCall[]): CommandResult {
  if (calls.length === 1) {
    const { action: _, ...result } = done[0]!
    return result
  }
  const told = done.map(({ action, status, reply, error }) => ({
    action,
    status,
    ...(reply === undefined ? {} : { reply }),
    ...(error === undefined ? {} : { error }),
  }))
  const unsent = calls.slice(done.length).map(({ action }) => ({ action, status: 'not-sent' }))
  const reply = { calls: [...told, ...unsent] }
  const last = done.at(-1)!
  const worst = (['unknown', 'failed', 'expired', 'rejected'] as const).find((status) =>
    done.some((it) => it.status === status),
  )
  if (worst === undefined) return { status: 'accepted', reply }
  const accepted = done.filter((it) => it.status === 'accepted').length
  const why = last.error ?? done.find((it) => it.error)?.error
  // What expired in the middle has had a part of its effect.
  const status = worst === 'expired' && done.length > 1 ? 'failed' : worst
  const description = `${accepted} of ${calls.length} calls were accepted${why ? `; ${why.code}: ${why.description}` : ''}`
  return { status, reply, error: { code: accepted > 0 ? 'Partial' : (why?.code ?? 'Rejected'), description } }
}

function resultOf(kind: CommandKind, outcome: CallOutcome): CommandResult {
  switch (outcome.status) {
    case 'answered': {
      const reply = outcome.payload as JsonObject
      // Whatever a station answers to a raw call is that call's success; its caller reads the reply.
      const accepted = kind === 'ocpp.call' || isYes(reply)
      return { status: accepted ? 'accepted' : 'rejected', reply }
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
