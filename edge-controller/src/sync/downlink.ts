/**
 * Commands on their way to a station: journalled before they are carried out, at most one effect each, never after their
 * expiry. The result is a `command.outcome` fact (rules: section 6 of the design).
 */
import type { Json, JsonObject } from '@switchyard/protocol/json.ts'
import {
  type Command,
  type CommandKind,
  commandArgs,
  IDEMPOTENT_KINDS,
  MAX_TTL_MS,
} from '@switchyard/protocol/site/command.ts'
import { z } from 'zod'
import type { CommandResult, Execute } from '../execute.ts'
import { MAX_FACT_BYTES } from '../journal/port.ts'
import type { Log } from '../ports.ts'
import type { Outcome, SiteState } from '../site-state.ts'
import type { Conversation } from './link.ts'

export const COMMAND_KIND = 'command'
/** Commands remembered against redelivery. At the bound new ones are not taken; the cloud sends them again. */
export const MAX_REMEMBERED_COMMANDS = 1_000
/** An ended command is remembered this long after its expiry. */
const REMEMBERED_AFTER_EXPIRY_MS = 24 * 3_600_000
/** A reply that would not fit in its fact is left out, and the outcome says so. */
const MAX_REPLY_BYTES = MAX_FACT_BYTES / 2

/** A command as remembered: entity (`command`, its id). */
export interface RememberedCommand {
  command: Command
  epoch: number
  /** Absent while it runs. */
  result?: CommandResult
}

export interface DownlinkPorts {
  siteId: string
  state: SiteState
  log: Log
  execute: Execute
  /** An outcome is durable: it can be told early, in the live picture. */
  ended(commandId: string, result: CommandResult): void
}

export class Downlink {
  readonly #ports: DownlinkPorts
  /** Commands that this process is carrying out. */
  readonly #running = new Set<string>()

  constructor(ports: DownlinkPorts) {
    this.#ports = ports
  }

  /** At boot: what was cut off in the middle may have had its effect; only idempotent kinds are left to be tried again. */
  async recover(): Promise<void> {
    const cut = this.#outstanding().filter((r) => !IDEMPOTENT_KINDS.has(r.command.kind as CommandKind))
    await this.#commit(
      this.#unknown(cut, 'ControllerRestarted', 'the controller restarted in the middle of it'),
    )
  }

  /** What a change of epoch makes of every outstanding command; to be committed with the new grant. */
  abandon(): Outcome {
    return this.#unknown(
      this.#outstanding(),
      'EpochChanged',
      'authority was granted anew in the middle of it',
    )
  }

  /** At a welcome: tries again what a restart cut off and may be repeated. */
  resume(conversation: Conversation): void {
    for (const remembered of this.#outstanding())
      if (!this.#running.has(remembered.command.id)) void this.#carryOut(remembered, conversation)
  }

  /** Takes a command; resolves when it is journalled, not when it is done. */
  async take(command: Command, conversation: Conversation): Promise<void> {
    const { state, log, siteId, ended } = this.#ports
    const remembered = state.get<RememberedCommand>(COMMAND_KIND, command.id)
    if (remembered) {
      if (remembered.result) ended(command.id, remembered.result)
      return
    }
    const forgotten = this.#forgettable(conversation)
    if (state.list(COMMAND_KIND).length - forgotten.length >= MAX_REMEMBERED_COMMANDS) {
      log.warn(
        { siteId, commandId: command.id },
        'too many commands are remembered: this one is not taken yet',
      )
      return
    }
    const refusal = refuse(command, conversation.cloudNow())
    const entry: RememberedCommand = {
      command,
      epoch: conversation.epoch,
      ...(refusal ? { result: refusal } : {}),
    }
    const outcome = refusal ? ending(entry, refusal) : putting(entry)
    await this.#commit(
      { ...outcome, deletes: forgotten.map((r) => ({ kind: COMMAND_KIND, id: r.command.id })) },
      command.trace,
    )
    if (refusal) ended(command.id, refusal)
    else void this.#carryOut(entry, conversation)
  }

  async #carryOut(entry: RememberedCommand, conversation: Conversation): Promise<void> {
    const { command } = entry
    const { state, execute, log, siteId, ended } = this.#ports
    this.#running.add(command.id)
    try {
      const remainingMs = Date.parse(command.expiresAt) - conversation.cloudNow()
      const result = bounded(remainingMs > 0 ? await execute(command, remainingMs) : EXPIRED)
      if (state.get<RememberedCommand>(COMMAND_KIND, command.id)?.result) return
      await this.#commit(ending(entry, result), command.trace)
      ended(command.id, result)
    } catch (error) {
      log.error({ siteId, commandId: command.id, error }, 'the outcome of a command could not be journalled')
    } finally {
      this.#running.delete(command.id)
    }
  }

  #outstanding(): RememberedCommand[] {
    return this.#ports.state.list<RememberedCommand>(COMMAND_KIND).filter((r) => !r.result)
  }

  #forgettable(conversation: Conversation): RememberedCommand[] {
    const before = conversation.cloudNow() - REMEMBERED_AFTER_EXPIRY_MS
    return this.#ports.state
      .list<RememberedCommand>(COMMAND_KIND)
      .filter((r) => r.result && Date.parse(r.command.expiresAt) < before)
  }

  #unknown(entries: RememberedCommand[], code: string, description: string): Outcome {
    const result: CommandResult = { status: 'unknown', error: { code, description } }
    const endings = entries.map((entry) => ending(entry, result))
    return { facts: endings.flatMap((e) => e.facts), puts: endings.flatMap((e) => e.puts), deletes: [] }
  }

  async #commit(outcome: Outcome, trace?: string): Promise<void> {
    await this.#ports.state.commit(outcome, trace)
  }
}

const EXPIRED: CommandResult = {
  status: 'expired',
  error: { code: 'Expired', description: 'its time was over before it could be carried out' },
}

/** Why a command is not carried out at all; undefined when it is. */
function refuse(command: Command, cloudNowMs: number): CommandResult | undefined {
  const expiresMs = Date.parse(command.expiresAt)
  if (Number.isNaN(expiresMs))
    return failed('InvalidArguments', `expiresAt: "${command.expiresAt}" is no time`)
  if (expiresMs <= cloudNowMs) return EXPIRED
  if (expiresMs - cloudNowMs > MAX_TTL_MS)
    return failed('InvalidArguments', 'expiresAt: more than a day ahead')
  if (!Object.hasOwn(commandArgs, command.kind))
    return failed('UnknownCommand', `kind: "${command.kind}" is not known here`)
  const args = commandArgs[command.kind as CommandKind].safeParse(command.args)
  return args.success ? undefined : failed('InvalidArguments', z.prettifyError(args.error))
}

function failed(code: string, description: string): CommandResult {
  return { status: 'failed', error: { code, description } }
}

function bounded(result: CommandResult): CommandResult {
  if (result.reply === undefined || Buffer.byteLength(JSON.stringify(result.reply)) <= MAX_REPLY_BYTES)
    return result
  const { reply: _, ...rest } = result
  const description = `the station answered, but its reply is over ${MAX_REPLY_BYTES} bytes and was not kept`
  return { ...rest, error: rest.error ?? { code: 'ReplyTooLarge', description } }
}

function putting(entry: RememberedCommand): Outcome {
  return {
    facts: [],
    puts: [{ kind: COMMAND_KIND, id: entry.command.id, value: entry as unknown as Json }],
    deletes: [],
  }
}

function ending(entry: RememberedCommand, result: CommandResult): Outcome {
  const { command } = entry
  const { status, reply, error } = result
  return {
    facts: [
      {
        kind: 'command.outcome',
        stationId: command.stationId,
        data: {
          commandId: command.id,
          status,
          ...(reply === undefined ? {} : { reply: reply as JsonObject }),
          ...(error === undefined ? {} : { error }),
        },
      },
    ],
    puts: [{ kind: COMMAND_KIND, id: command.id, value: { ...entry, result } as unknown as Json }],
    deletes: [],
  }
}
