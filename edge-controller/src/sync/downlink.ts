/**
 * Commands on their way to a station: journalled before they are carried out, at most one effect each, never after their
 * expiry. The result is a `command.outcome` fact (rules: section 6 of the design).
 */

import { COMMANDS, isCommandKind, mayRepeat } from '@switchyard/protocol/command/commands.ts'
import type { Json, JsonObject } from '@switchyard/protocol/json.ts'
import { mutated } from '@switchyard/protocol/mutation.ts'
import { type Command, MAX_TTL_MS } from '@switchyard/protocol/site/command.ts'
import { MESSAGES_KIND } from '@switchyard/protocol/site/messages.ts'
import { z } from 'zod'
import type { CommandResult, Execute } from '../execute.ts'
import { MAX_FACT_BYTES } from '../journal/port.ts'
import type { Log } from '../ports.ts'
import type { Outcome, SiteState } from '../site-state.ts'
import type { Conversation } from './link.ts'

export const COMMAND_KIND = 'command'
/** Commands remembered against redelivery. At the bound those long over are forgotten early; if none is, a new one is not taken, and the cloud sends it again. */
export const MAX_REMEMBERED_COMMANDS = 10_000
/** What need not be remembered any more is looked for this often, and whenever there is no room. */
const FORGET_EVERY_MS = 60_000
/** Most that are forgotten in one commit. */
const MAX_FORGOTTEN = 500
/** An ended command is remembered this long after its expiry. */
const REMEMBERED_AFTER_EXPIRY_MS = 24 * 3_600_000
/** Where room is needed, this long: the cloud sends nothing that has expired, and no broker keeps a message for longer. */
const FORGET_EARLY_AFTER_MS = 600_000
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
  #forgotAtMs = Number.NEGATIVE_INFINITY
  /** What the cloud said last: another lane speaks for the site. */
  #fenced = false
  /** Results that could not be journalled yet: the disk was full. */
  readonly #unsaved = new Map<string, { entry: RememberedCommand; result: CommandResult }>()

  constructor(ports: DownlinkPorts) {
    this.#ports = ports
  }

  /** At boot: what was cut off in the middle may have had its effect; only idempotent kinds are left to be tried again. That holds for one that waited for its station, too: another box with a copy of this card may have sent it. */
  async recover(): Promise<void> {
    try {
      await this.#giveUpCut()
    } catch (error) {
      // A full disk must not keep the site from starting; at the next welcome it is tried again.
      this.#ports.log.error(
        { siteId: this.#ports.siteId, error },
        'outcomes of commands that were cut off could not be journalled',
      )
    }
  }

  async #giveUpCut(): Promise<void> {
    if (mutated('command-again-after-restart')) return
    const cut = this.#idle().filter((r) => !mayRepeat(r.command.kind))
    await this.#commit(this.#unknown(cut, ...RESTARTED))
  }

  /** What a change of epoch makes of every outstanding command; to be committed with the new grant. */
  abandon(): Outcome {
    return this.#unknown(
      this.#outstanding(),
      'EpochChanged',
      'authority was granted anew in the middle of it',
    )
  }

  /** At a welcome: tells what could not be told, and tries again what a restart cut off and may be repeated. */
  async resume(conversation: Conversation): Promise<void> {
    this.#fenced = false
    for (const { entry, result } of [...this.#unsaved.values()]) await this.#end(entry, result)
    await this.recover()
    for (const remembered of this.#idle())
      if (mayRepeat(remembered.command.kind) || mutated('command-again-after-restart'))
        void this.#carryOut(remembered, conversation, true)
  }

  /** At a welcome that fences this lane: what waits for its station is not sent any more. */
  fence(): void {
    this.#fenced = true
  }

  /** Takes a command; resolves when it is journalled, not when it is done. */
  async take(command: Command, conversation: Conversation): Promise<void> {
    const { state, log, siteId, ended } = this.#ports
    const remembered = state.get<RememberedCommand>(COMMAND_KIND, command.id)
    if (remembered) {
      const unsaved = this.#unsaved.get(command.id)
      if (unsaved) await this.#end(unsaved.entry, unsaved.result)
      else if (remembered.result) ended(command.id, remembered.result)
      return
    }
    const forgotten = this.#forgettable(conversation.cloudNow())
    if (forgotten === undefined) {
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
    if (mutated('command-before-journal') && !refusal) void this.#carryOut(entry, conversation)
    await this.#commit(
      { ...outcome, deletes: forgotten.map((r) => ({ kind: COMMAND_KIND, id: r.command.id })) },
      command.trace,
    )
    if (refusal) ended(command.id, refusal)
    else if (!mutated('command-before-journal')) void this.#carryOut(entry, conversation)
  }

  /** `cutOff`: a restart cut it off, so it may have had its effect already. */
  async #carryOut(entry: RememberedCommand, conversation: Conversation, cutOff = false): Promise<void> {
    const { command } = entry
    const { execute } = this.#ports
    this.#running.add(command.id)
    try {
      const remainingMs = mutated('command-after-expiry')
        ? MAX_TTL_MS
        : Date.parse(command.expiresAt) - conversation.cloudNow()
      if (remainingMs > 0)
        await this.#end(
          entry,
          bounded(await execute(command, remainingMs, () => this.#mayStillGo(command.id))),
        )
      else await this.#end(entry, cutOff ? unknown(...RESTARTED) : EXPIRED)
    } finally {
      this.#running.delete(command.id)
    }
  }

  /** Whether a command that waited for its station may be sent: not given up meanwhile by a change of epoch, and not on a fenced lane (I8). */
  #mayStillGo(id: string): boolean {
    return !this.#fenced && !this.#ports.state.get<RememberedCommand>(COMMAND_KIND, id)?.result
  }

  /** A result that is known after all replaces the word that it was not; any other first word stands. Never rejects. */
  async #end(entry: RememberedCommand, result: CommandResult): Promise<void> {
    const { state, log, siteId, ended } = this.#ports
    const { id, trace } = entry.command
    const told = state.get<RememberedCommand>(COMMAND_KIND, id)?.result
    const corrects = told?.status === 'unknown' && !SAYS_NOTHING.has(result.status)
    if (told && !corrects) {
      this.#unsaved.delete(id)
      return
    }
    try {
      await this.#commit(ending(entry, result), trace)
      this.#unsaved.delete(id)
      ended(id, result)
    } catch (error) {
      // At most as many as commands are remembered. It is never carried out again for the want of its outcome.
      this.#unsaved.set(id, { entry, result })
      log.error({ siteId, commandId: id, error }, 'the outcome of a command could not be journalled yet')
    }
  }

  /** Outstanding, and nothing in this process works on them or knows how they ended. */
  #idle(): RememberedCommand[] {
    return this.#outstanding().filter(
      ({ command: { id } }) => !this.#running.has(id) && !this.#unsaved.has(id),
    )
  }

  #outstanding(): RememberedCommand[] {
    return this.#ports.state.list<RememberedCommand>(COMMAND_KIND).filter((r) => !r.result)
  }

  /**
   * What need not be remembered any more; where there is no room for another command, also what expired a while ago, the
   * oldest first: a duplicate of it would be refused for its time. Undefined: even so there is no room.
   */
  #forgettable(cloudNowMs: number): RememberedCommand[] | undefined {
    const all = this.#ports.state.list<RememberedCommand>(COMMAND_KIND)
    const isFull = all.length >= MAX_REMEMBERED_COMMANDS
    // Every one of thousands is looked at: not for each command.
    if (!isFull && Math.abs(cloudNowMs - this.#forgotAtMs) < FORGET_EVERY_MS) return []
    this.#forgotAtMs = cloudNowMs
    const longest = isFull ? FORGET_EARLY_AFTER_MS : REMEMBERED_AFTER_EXPIRY_MS
    const over = all
      .filter((r) => r.result)
      .map((remembered) => ({ remembered, overMs: cloudNowMs - Date.parse(remembered.command.expiresAt) }))
      .filter(({ overMs }) => !(overMs <= longest))
      .sort((a, b) => b.overMs - a.overMs)
      .slice(0, MAX_FORGOTTEN)
      .map(({ remembered }) => remembered)
    return all.length - over.length < MAX_REMEMBERED_COMMANDS ? over : undefined
  }

  #unknown(entries: RememberedCommand[], code: string, description: string): Outcome {
    const endings = entries.map((entry) => ending(entry, unknown(code, description)))
    return { facts: endings.flatMap((e) => e.facts), puts: endings.flatMap((e) => e.puts), deletes: [] }
  }

  async #commit(outcome: Outcome, trace?: string): Promise<void> {
    await this.#ports.state.commit(outcome, trace)
  }
}

/** What a restart makes of what it cut off. */
const RESTARTED = ['ControllerRestarted', 'the controller restarted in the middle of it'] as const
/** Results that say nothing more than `unknown` does. */
const SAYS_NOTHING: ReadonlySet<string> = new Set(['unknown', 'expired'])

function unknown(code: string, description: string): CommandResult {
  return { status: 'unknown', error: { code, description } }
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
  if (expiresMs <= cloudNowMs && !mutated('command-after-expiry')) return EXPIRED
  if (expiresMs - cloudNowMs > MAX_TTL_MS)
    return failed('InvalidArguments', 'expiresAt: more than a day ahead')
  // Read by who answers it.
  if (command.kind === MESSAGES_KIND) return undefined
  if (!isCommandKind(command.kind))
    return failed('UnknownCommand', `kind: "${command.kind}" is not known here`)
  const args = COMMANDS[command.kind].args.safeParse(command.args)
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
    puts: [
      {
        kind: COMMAND_KIND,
        id: command.id,
        // It is known again by its id: its arguments, and a password among them, are not kept for a day.
        value: { ...entry, command: { ...command, args: {} }, result } as unknown as Json,
      },
    ],
    deletes: [],
  }
}
