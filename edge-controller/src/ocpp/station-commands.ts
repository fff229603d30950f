/** The commands of one station: they wait while it is away, are carried out on its connection, and hear what follows. */
import { isSecurityChange } from '@switchyard/protocol/command/commands.ts'
import type { OutgoingCall } from '@switchyard/protocol/command/define.ts'
import { loadValidators, type Validators } from '@switchyard/protocol/ocpp/validators.ts'
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { Command } from '@switchyard/protocol/site/command.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Draft } from '../draft.ts'
import type { CommandResult } from '../execute.ts'
import type { Clock, FirmwareSource, Log, Random, UploadPlaces } from '../ports.ts'
import type { RemoteStart } from '../session/remote-starts.ts'
import { runningSessions, type Session, sessionById } from '../session/session.ts'
import type { SiteState } from '../site-state.ts'
import { stationEntry } from '../station/settings.ts'
import type { Call } from './calls.ts'
import { carryOut, failed } from './commands.ts'
import { Lane } from './lane.ts'
import { Reports } from './reports.ts'
import { NO_SECURITY, type SiteSecurity, type Standing } from './security-changes/change.ts'
import { SecurityChanges } from './security-changes/changes.ts'
import { type ListLimits, StationLimits } from './station-limits.ts'

/** Commands that wait for one station; one more is refused at once. */
export const MAX_WAITING = 32
/**
 * A station that comes back may boot first, and is not to be called before (1.6 section 4.2): it is given so long to say
 * something, and is called once it has.
 */
export const SETTLE_MS = 10_000

/** How the station is reached now. */
export interface Line {
  version: OcppVersion
  call: Call
  /** Address of ours by which the station came. */
  local?: string | undefined
}

export interface StationCommandsPorts {
  stationId: string
  state: SiteState
  clock: Clock
  log: Log
  random: Random
  /** Undefined while the station is away. */
  line(): Line | undefined
  /** A call of a command was answered; the command goes on once the site has taken that. */
  answered(action: string, payload: unknown, reply: unknown): Promise<void>
  /** Why load control does not let a call pass; undefined when it may. */
  refusal(call: OutgoingCall): string | undefined
  /** A remote start is on its way; resolves once that is durable, with how to take it back. */
  vouch(start: RemoteStart): Promise<() => Promise<void>>
  /** The connection as it is now; undefined while the station is away. */
  standing(): Standing | undefined
  commit(decide: (draft: Draft) => void): Promise<void>
  /** What the site offers to stations that prove themselves; absent: no TLS and no CA. */
  security?: SiteSecurity | undefined
  /** Takes files of stations; absent: the site takes none. */
  uploads?: UploadPlaces | undefined
  /** Absent: the site has no firmware. */
  firmware?: FirmwareSource | undefined
}

export class StationCommands {
  readonly #ports: StationCommandsPorts
  readonly #reports: Reports
  readonly #limits = new StationLimits()
  readonly #lane = new Lane()
  /** Changes of how the station proves who it is. */
  readonly #changes: SecurityChanges
  /** Each goes on with true when the station is there, with false when its time is over. */
  readonly #waiting = new Set<(there: boolean) => void>()
  readonly #cancels = new Set<() => void>()
  #settling = false
  #cancelSettling = (): void => {}

  constructor(ports: StationCommandsPorts) {
    this.#ports = ports
    this.#reports = new Reports(ports.clock)
    this.#changes = new SecurityChanges({
      ...ports,
      issue: (command, remainingMs, mayStillGo) => this.#executeOnce(command, remainingMs, mayStillGo),
    })
  }

  /** Never rejects. A command that waits when the controller stops is left unanswered: its journal knows that it was not done with. */
  async execute(
    command: Command,
    remainingMs: number,
    mayStillGo: () => boolean = () => true,
  ): Promise<CommandResult> {
    return isSecurityChange(command.kind)
      ? this.#changes.run(command, remainingMs, mayStillGo)
      : this.#executeOnce(command, remainingMs, mayStillGo)
  }

  async #executeOnce(
    command: Command,
    remainingMs: number,
    mayStillGo: () => boolean,
  ): Promise<CommandResult> {
    const deadlineMs = this.#ports.clock.mono() + remainingMs
    const leftMs = (): number => deadlineMs - this.#ports.clock.mono()
    const firmwareId = firmwareOf(command)
    if (firmwareId !== undefined && this.#ports.firmware) {
      // It has to be at the site before the station is told of it.
      const missing = await this.#ports.firmware.fetch(firmwareId, leftMs())
      if (missing !== undefined) return failed('FirmwareNotHere', missing)
      if (!mayStillGo()) return WITHDRAWN
    }
    for (;;) {
      const line = this.#settling ? undefined : this.#ports.line()
      if (line) {
        const result = await this.#carryOut(command, leftMs(), line)
        if (result !== 'not-sent') return result
      }
      if (this.#waiting.size >= MAX_WAITING)
        return failed('TooManyWaiting', `${MAX_WAITING} commands wait for this station already`)
      if (!(await this.#comes(leftMs()))) return AWAY
      if (!mayStillGo()) return WITHDRAWN
    }
  }

  async #carryOut(command: Command, remainingMs: number, line: Line): Promise<CommandResult | 'not-sent'> {
    const { state, clock, random, vouch, stationId, refusal, answered } = this.#ports
    const validators: Validators = await loadValidators(line.version)
    return carryOut(command, remainingMs, {
      clock,
      validators,
      call: async (...args) => {
        const outcome = await line.call(...args)
        if (outcome.status === 'answered') {
          this.#limits.learn(outcome.payload)
          await answered(args[0], args[1], outcome.payload)
        }
        return outcome
      },
      plan: {
        transactionIdOf: (sessionId) => {
          const session = sessionById(state, sessionId)
          return isOf(session, stationId) ? session.transactionId : undefined
        },
        drawId: () => 1 + Math.floor(random.fraction() * (2 ** 31 - 2)),
        itemsPerMessage: (action) => this.itemsPerMessage(action),
        bytesPerMessage: (action) => this.#limits.bytesOf(action),
        uploadLocation: (kind) =>
          this.#ports.uploads?.open({ stationId, commandId: command.id, kind }, line.local),
        siteUrl: (profile) => (this.#ports.security ?? NO_SECURITY).url(profile, line.local),
        firmware: (firmwareId, fromMs) => this.#ports.firmware?.place(firmwareId, fromMs, line.local),
      },
      refusal,
      refusesSessions: state.refusesSessions,
      isCharging: runningSessions(state, stationId).length > 0,
      vouch,
      inTurn: (work) => this.#lane.run(work),
      collect: (wish, requestId) => this.#reports.collect(wish, requestId),
    })
  }

  /** What came of a certificate that the station asked to have signed. */
  certificateIssued(data: FactData<'station.certificate'>): void {
    this.#changes.issued(data)
  }

  /** The change of the station's security that is under way. */
  get changing(): string | undefined {
    return this.#changes.running
  }

  /** Has a certificate that ends soon renewed, at most once a day. */
  renewCertificate(): void {
    this.#changes.renewCertificate()
  }

  /** The station has a new connection, has said nothing on it, and is given time to. */
  get settling(): boolean {
    return this.#settling
  }

  /** How many items the station takes in one message of the action, by an operator's word or its own; undefined: neither has told. */
  itemsPerMessage(action: string): number | undefined {
    const { state, stationId } = this.#ports
    return stationEntry(state, stationId)?.itemsPerMessage?.[action] ?? this.#limits.itemsOf(action)
  }

  /** What it holds in its local list, as far as it has told. */
  get listLimits(): ListLimits {
    return this.#limits.list
  }

  /** A new connection: those that wait go on once the station has said something on it, or has had time to. */
  connected(): void {
    this.#changes.connected()
    this.#cancelSettling()
    this.#settling = true
    this.#cancelSettling = this.#ports.clock.after(SETTLE_MS, () => this.#settled())
  }

  /** A message of the station on its connection was taken, and the answer sent. */
  heard(action: string, payload: unknown): void {
    this.#limits.learn(payload)
    this.#reports.heard(action, payload)
    this.#settled()
  }

  /** A message of the station was answered, with an error. */
  spoke(): void {
    this.#settled()
  }

  /** The controller stops: nothing is sent any more. */
  stop(): void {
    this.#changes.stop()
    this.#cancelSettling()
    for (const cancel of this.#cancels) cancel()
    this.#waiting.clear()
  }

  #settled(): void {
    if (!this.#settling) return
    this.#settling = false
    this.#cancelSettling()
    if (this.#ports.line() === undefined) return
    for (const goOn of [...this.#waiting]) goOn(true)
  }

  /** Whether the station is there within so long. */
  #comes(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const goOn = (there: boolean): void => {
        this.#waiting.delete(goOn)
        this.#cancels.delete(cancel)
        cancel()
        resolve(there)
      }
      const cancel = this.#ports.clock.after(Math.max(0, ms), () => goOn(false))
      this.#waiting.add(goOn)
      this.#cancels.add(cancel)
    })
  }
}

const AWAY: CommandResult = {
  status: 'expired',
  error: {
    code: 'StationOffline',
    description: 'the station was away until the time for this was over; nothing was sent',
  },
}

const WITHDRAWN: CommandResult = {
  status: 'unknown',
  error: { code: 'Withdrawn', description: 'it was given up while it waited for its station' },
}

/** A session that ended as presumed may still run at the station: it can be stopped. */
function isOf(session: Session | undefined, stationId: string): session is Session {
  return session !== undefined && session.stationId === stationId && (!session.end || session.end.presumed)
}

/** The image of the cloud's that a command is about. */
function firmwareOf({ kind, args }: Command): string | undefined {
  if (kind !== 'UpdateFirmware' || typeof args !== 'object' || args === null) return undefined
  const { firmwareId } = args as { firmwareId?: unknown }
  return typeof firmwareId === 'string' ? firmwareId : undefined
}
