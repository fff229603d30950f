/** The commands that change how a station proves who it is, and their running: one at a time for each station. */
import type { SECURITY_CHANGES } from '@switchyard/protocol/command/commands.ts'
import { instant } from '@switchyard/protocol/instant.ts'
import type { Command } from '@switchyard/protocol/site/command.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Draft, StateReader } from '../../draft.ts'
import { type CommandResult, lifeOf } from '../../execute.ts'
import type { Clock, Log } from '../../ports.ts'
import { NO_CREDENTIAL } from '../../station/security.ts'
import { type Change, NO_SECURITY, notDone, type SiteSecurity, type Standing } from './change.ts'
import { rotateCertificate } from './rotate-certificate.ts'
import { rotatePassword } from './rotate-password.ts'
import { upgradeProfile } from './upgrade-profile.ts'

type SecurityChange = (typeof SECURITY_CHANGES)[number]
const CHANGES: Record<SecurityChange, (change: Change) => Promise<CommandResult>> = {
  RotatePassword: rotatePassword,
  RotateCertificate: rotateCertificate,
  UpgradeSecurityProfile: upgradeProfile,
}
/** What is waited for is looked for this often. */
const LOOK_MS = 1_000

/** A certificate that ends soon is tried to be renewed this often. */
export const RENEW_EVERY_MS = 24 * 3_600_000
const RENEWAL_LIFE_MS = 3_600_000

export interface SecurityChangesPorts {
  stationId: string
  state: StateReader
  clock: Clock
  log: Log
  standing(): Standing | undefined
  commit(decide: (draft: Draft) => void): Promise<void>
  security?: SiteSecurity | undefined
  /** Carries out one command of calls, and waits while the station is away. */
  issue(command: Command, remainingMs: number, mayStillGo: () => boolean): Promise<CommandResult>
}

export class SecurityChanges {
  readonly #ports: SecurityChangesPorts
  #connections = 0
  #running: { id: string; issued?: FactData<'station.certificate'> } | undefined
  #renewedAtMs = Number.NEGATIVE_INFINITY
  #cancelLook = (): void => {}

  constructor(ports: SecurityChangesPorts) {
    this.#ports = ports
  }

  /** Id of the command that is under way. */
  get running(): string | undefined {
    return this.#running?.id
  }

  /** `command` is a security change. Never rejects; left unanswered when the controller stops, as any that waits. */
  async run(command: Command, remainingMs: number, mayStillGo: () => boolean): Promise<CommandResult> {
    if (this.#running)
      return notDone(
        'ChangeUnderWay',
        `another change of this station's security is under way (${this.#running.id})`,
      )
    const { clock, state, stationId, standing, commit, issue, security = NO_SECURITY } = this.#ports
    const running: { id: string; issued?: FactData<'station.certificate'> } = { id: command.id }
    this.#running = running
    const deadlineMs = clock.mono() + remainingMs
    const leftMs = (): number => Math.max(0, deadlineMs - clock.mono())
    try {
      return await CHANGES[command.kind as SecurityChange]({
        command,
        stationId,
        state,
        now: () => clock.now(),
        leftMs,
        standing,
        connections: () => this.#connections,
        issue: (kind, args) => issue({ ...command, kind, args }, leftMs(), mayStillGo),
        commit,
        until: (look, ms) => this.#until(look, Math.min(ms, leftMs())),
        issued: () => running.issued,
        site: security,
      })
    } finally {
      this.#running = undefined
    }
  }

  /** Has the certificate of a station that came with it renewed, when it ends soon; at most once a day. */
  renewCertificate(): void {
    const { clock, stationId, standing, security, commit, log } = this.#ports
    const {
      profile,
      certificate,
      certificateEndsMs = Number.POSITIVE_INFINITY,
    } = standing()?.credential ?? NO_CREDENTIAL
    if (!security?.signs || profile !== 3 || certificate === undefined || this.#running) return
    if (clock.quality() === 'unknown' || certificateEndsMs - clock.now() > security.renewBeforeMs) return
    if (clock.mono() - this.#renewedAtMs < RENEW_EVERY_MS) return
    this.#renewedAtMs = clock.mono()
    const notAfter = instant(certificateEndsMs)
    log.info(
      { serialNumber: certificate, notAfter },
      'the certificate of the station ends soon: it is renewed',
    )
    const life = lifeOf(clock.now(), RENEWAL_LIFE_MS)
    const id = `renewal of ${certificate} at ${life.issuedAt}`
    const command = { id, stationId, kind: 'RotateCertificate', args: {}, ...life }
    void this.run(command, RENEWAL_LIFE_MS, () => true).then(({ status, error }) => {
      if (status === 'accepted') return
      const reason = (error ? `${error.code}: ${error.description}` : status).slice(0, 500)
      log.warn(
        { serialNumber: certificate, notAfter, reason },
        'the certificate of the station was not renewed',
      )
      const data = { serialNumber: certificate, notAfter, reason }
      void commit((draft) => draft.fact({ kind: 'station.certificate-not-renewed', stationId, data }))
    })
  }

  connected(): void {
    this.#connections += 1
  }

  /** What came of a certificate that the station asked to have signed. */
  issued(data: FactData<'station.certificate'>): void {
    if (this.#running) this.#running.issued = data
  }

  stop(): void {
    this.#cancelLook()
  }

  async #until(look: () => boolean, ms: number): Promise<boolean> {
    const { clock } = this.#ports
    const untilMs = clock.mono() + ms
    while (!look()) {
      const leftMs = untilMs - clock.mono()
      if (leftMs <= 0) return false
      await new Promise<void>((resolve) => {
        this.#cancelLook = clock.after(Math.min(LOOK_MS, leftMs), resolve)
      })
    }
    return true
  }
}
