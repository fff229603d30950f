/** One station and its current connection: what it says is dispatched, what the site wants of it is called. */

import type { CallFrame, SendFrame } from '@switchyard/protocol/ocpp/frame.ts'
import type { GetTransactionStatusResponse } from '@switchyard/protocol/ocpp/v201.ts'
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { IdToken } from '@switchyard/protocol/site/fact.ts'
import type { Quirk } from '@switchyard/protocol/site/quirks.ts'
import type { CentralSystemPorts } from '../central-system-ports.ts'
import { type StatusRequest, statusesOf } from '../certificates/chain-status.ts'
import { type CertificateWish, issueCertificate } from '../certificates/issue.ts'
import type { Revocations } from '../certificates/revocation.ts'
import { Draft } from '../draft.ts'
import { type Execute, lifeOf } from '../execute.ts'
import { uuidV7 } from '../ids.ts'
import { JournalFull } from '../journal/port.ts'
import { withStation } from '../limited-log.ts'
import type { Refusal } from '../load/guard.ts'
import type { Socket } from '../ports.ts'
import { type Authorization, authorize } from '../session/authorize.ts'
import { correctTimes } from '../session/correct-times.ts'
import { presumeEnd } from '../session/end.ts'
import { noteStatus } from '../session/event-numbers.ts'
import { GAP_SETTLE_MS } from '../session/gap-asks.ts'
import { judgeShown, type ShownContract } from '../session/plug-and-charge.ts'
import { isVouchedFor, type RemoteStart, vouch, withdraw } from '../session/remote-starts.ts'
import { type Session, type SessionContext, sessionById } from '../session/session.ts'
import type { Moment } from '../session/timing.ts'
import type { TransactionIds } from '../session/transaction-ids.ts'
import { takeConnection } from '../station/connected.ts'
import { quirksAt } from '../station/quirks.ts'
import { forgetStation, isToBeForgotten } from '../station/removal.ts'
import { expireReservations, hasExpired } from '../station/reservations.ts'
import {
  type Credential,
  certificateNames,
  NO_CREDENTIAL,
  takeCertificate,
  unfitness,
} from '../station/security.ts'
import { isAcceptedUnbooted, stationSettings } from '../station/settings.ts'
import { stationOf } from '../station/station.ts'
import { Asks, STATION_CLOCK_OFF_MS } from './asks.ts'
import type { Call } from './calls.ts'
import { type Answer, Connection } from './connection.ts'
import { dispatch } from './dispatch.ts'
import { sendFirst } from './first-call.ts'
import type { After, ChargingOffer, HandlerContext } from './handler.ts'
import { keptOfAnswer } from './kept-of-answer.ts'
import { Lane } from './lane.ts'
import type { OcppModule, OutgoingCall } from './module.ts'
import { MODULES } from './modules.ts'
import { monitorsReported } from './monitors-reported.ts'
import { SettingsReconciler } from './reconcile-settings.ts'
import type { StationLine } from './reconciliation.ts'
import type { Standing } from './security-changes/change.ts'
import { StationCommands } from './station-commands.ts'
import type { ListLimits } from './station-limits.ts'
import { surroundingsOf } from './surroundings.ts'

export interface StationLinkPorts extends CentralSystemPorts {
  stationId: string
  transactionIds: TransactionIds
  revocations: Revocations
  /** Every station of the site. */
  stationIds(): string[]
  onFatal: (error: Error) => void
  /** The station has a new connection. */
  onConnected(stationId: string): void
  /** The station has booted and was accepted. */
  onBooted(stationId: string): void
  /** Why load control does not let a call pass; undefined when it may. */
  refusalOf(call: OutgoingCall, stationId: string): Refusal | undefined
  /** What a session may draw, mA per phase; undefined: the site has no limit, or its station has confirmed none. */
  limitOf(session: Session): number | undefined
  /** A charging profile for a session is to be sent. */
  offer(offer: ChargingOffer): void
  /** The station came or went. */
  onPresence(): void
}

export class StationLink {
  readonly stationId: string
  readonly #ports: StationLinkPorts
  readonly #lane = new Lane()
  readonly #commands: StationCommands
  #connection: Connection | undefined
  /** What the current connection was let in with. */
  #credential: Credential = NO_CREDENTIAL
  readonly #reconciler: SettingsReconciler
  #signing = false
  readonly #asks: Asks
  /** Monotonic time since which the current connection stands. */
  #connectedMonoMs: number | undefined

  constructor(ports: StationLinkPorts) {
    this.#ports = { ...ports, log: withStation(ports.log, ports.clock, ports.stationId) }
    this.stationId = ports.stationId
    this.#asks = new Asks(ports.stationId, ports.state, ports.clock)
    this.#commands = new StationCommands({
      ...this.#ports,
      line: () => this.#connection,
      standing: () => this.#standing(),
      commit: (decide) => this.#commit(decide),
      answered: (action, payload, reply) => this.#takeAnswer(action, payload, reply),
      refusal: (call) => this.#refusal(call),
      vouch: (start) => this.#vouch(start),
    })
    const { meterIntervalS, pingIntervalMs } = ports.config
    this.#reconciler = new SettingsReconciler({
      ...this.#ports,
      baselineWish: { meterIntervalS, pingIntervalS: Math.round(pingIntervalMs / 1000) },
      hasBaseline: () => this.#settings().baseline,
      itemsPerMessage: (action) => this.#commands.itemsPerMessage(action),
      refusal: (call) => this.#refusal(call),
      report: (variables) => monitorsReported(this.execute, this.stationId, ports.clock.now(), variables),
      commit: (decide) => this.#commit(decide),
    })
  }

  get connected(): boolean {
    return this.#connection !== undefined
  }

  /** The newest socket wins; the older one's close is no disconnect. */
  accept(socket: Socket, version: OcppVersion, credential: Credential): void {
    const { clock, random, log, config, record } = this.#ports
    const module = MODULES[version]
    if (!module) {
      socket.close(1002, `OCPP ${version} is not spoken here`)
      return
    }
    const older = this.#connection
    void this.#lane.run(() => this.#commitConnected(version, socket.remote, credential))
    const dispatching = loadValidators(version).then((validators) => ({
      ...this.#ports,
      validators,
      routes: module.routes,
      isAccepted: () => this.#isAccepted() || isAcceptedUnbooted(this.#ports.state, this.stationId),
      isPending: () => stationOf(this.#ports.state, this.stationId)?.boot?.status === 'Pending',
      around: (call: CallFrame | SendFrame) => surroundingsOf(this.#ports.state, this.stationId, call, clock),
      wasAskedFor: (action: string) => connection.wasAskedFor(action),
      spokeUnbooted: () => this.#asks.boot(connection),
      context: (authorization: Authorization | undefined) => this.#context(version, authorization),
      authorize: (idToken: IdToken) =>
        authorize(this.#ports.state, this.stationId, idToken, {
          clock,
          ask: this.#ports.ask,
          isVouchedFor: (token) => isVouchedFor(this.#ports.state, this.stationId, token, this.#moment()),
          offlinePolicy: config.offlinePolicy,
          stationIds: this.#ports.stationIds,
        }),
      judgeContract: (shown: ShownContract) => judgeShown(this.stationId, shown, this.#ports),
      statusesOf: (requests: readonly StatusRequest[]) => statusesOf(this.stationId, requests, this.#ports),
      requestFault: (csr: string) => this.#requestFault(csr),
      after: (after: After) => this.#after(after, connection, module),
      missed: () => this.#asks.statusWasMissed(),
    }))
    const connection = new Connection(socket, {
      stationId: this.stationId,
      version,
      clock,
      random,
      log,
      lane: this.#lane,
      pingIntervalMs: config.pingIntervalMs,
      beatMs: () => (this.#hasQuirk('no-pong') ? config.heartbeatIntervalS * 1_000 : 0),
      answer: async (call) => {
        // The disk was full when it came: registered with its first message for which there is room.
        if (!stationOf(this.#ports.state, this.stationId)) {
          // Removed: what it had sent before its connection was closed makes it known no more.
          if (connection.closed) return undefined
          await this.#commitConnected(version, socket.remote, credential)
        }
        const answer = await dispatch(call, await dispatching)
        if (!answer || 'closeReason' in answer) return answer
        if (answer.frame.type !== 'callResult') return { ...answer, after: () => this.#refused(answer.frame) }
        this.#asks.heardTime(connection, call)
        return { ...answer, after: () => this.#answered(answer, call, { connection, module }) }
      },
      ...(record ? { record: (direction, text) => record(this.stationId, direction, text) } : {}),
      onClosed: (code, reason) => this.#closed(connection, code, reason),
    })
    this.#connection = connection
    this.#connectedMonoMs = clock.mono()
    this.#credential = credential
    log.info({ version, remote: socket.remote, replaces: older !== undefined }, 'station connected')
    older?.close(1000, 'replaced by a newer connection')
    this.#ports.onConnected(this.stationId)
    this.#commands.connected()
    this.#ports.onPresence()
  }

  /** A message was taken and its answer sent. */
  #answered(answer: Answer, { action, payload }: CallFrame | SendFrame, line: StationLine): void {
    answer.after?.()
    this.#commands.heard(action, payload)
    if (isAcceptedUnbooted(this.#ports.state, this.stationId)) this.#asks.heardUnbooted(line.connection)
    // One that came back without a boot may have missed a change.
    if (!this.#reconciler.hasBegunOn(line.connection) && this.#isAccepted()) this.#reconciler.begin(line)
  }

  /** How load control reaches the station; undefined while it is away or not accepted. */
  get reach(): { call: Call; module: OcppModule } | undefined {
    const connection = this.#connection
    const module = connection && MODULES[connection.version]
    if (this.#commands.settling && this.#hasQuirk('no-call-before-boot')) return undefined
    return module && this.#isAccepted() ? { call: connection.call, module } : undefined
  }

  /** What it holds in its local list, as far as it has told. */
  get listLimits(): ListLimits {
    return this.#commands.listLimits
  }

  /** The controller stops. */
  close(code: number, reason: string): void {
    this.#commands.stop()
    this.#connection?.close(code, reason)
  }

  /** Resolves when all that was under way has become durable. */
  idle(): Promise<void> {
    return this.#lane.run(async () => {})
  }

  /** Carries a command out, once the station is there; never rejects. */
  execute: Execute = (command, remainingMs, mayStillGo) => {
    return this.#commands.execute(command, remainingMs, mayStillGo)
  }

  #standing(): Standing | undefined {
    const connection = this.#connection
    return (
      connection && {
        version: connection.version,
        credential: this.#credential,
        local: connection.local,
        close: (reason) => connection.close(1000, reason),
      }
    )
  }

  /** To be called now and then: a certificate that ends soon is renewed. */
  renewCertificate(): void {
    if (this.#isAccepted()) this.#commands.renewCertificate()
  }

  /** A call that would go round load control is refused, and the refusal told. */
  #refusal(call: OutgoingCall): string | undefined {
    const refusal = this.#ports.refusalOf(call, this.stationId)
    if (!refusal) return undefined
    const { evseId, wantedMa, reason } = refusal
    void this.#commit((draft) =>
      draft.fact({
        kind: 'load.limit-refused',
        stationId: this.stationId,
        data: { evseId, connectorId: evseId === 0 ? 0 : 1, wantedMa, reason },
      }),
    )
    return reason
  }

  async #vouch(start: RemoteStart): Promise<() => Promise<void>> {
    const { stationId } = this
    await this.#commit((draft) => vouch(draft, this.#ports.state, stationId, start, this.#moment()))
    return () => this.#commit((draft) => withdraw(draft, stationId, start))
  }

  /** What the site keeps of a station's answer to a command's call; once it is durable the command goes on. */
  async #takeAnswer(action: string, payload: unknown, reply: unknown): Promise<void> {
    const { state } = this.#ports
    const take = keptOfAnswer(state, this.stationId, { action, payload, reply })
    if (take) await this.#commit(take)
  }

  /** Reservations whose time is over end, where the time is known. */
  expireReservations(): void {
    const { clock, state } = this.#ports
    const nowMs = clock.now()
    if (clock.quality() === 'unknown' || !hasExpired(state, this.stationId, nowMs)) return
    void this.#commit((draft) => expireReservations(draft, this.stationId, nowMs))
  }

  /** Ends a session that its station left open. */
  presumeEnd(sessionId: string, reason: string): Promise<void> {
    return this.#commit((draft) => {
      const session = sessionById(draft, sessionId)
      if (session) presumeEnd(draft, this.#sessionContext(), session, reason)
    })
  }

  /** Asks what waits of a session that misses events (E14), and takes the answer: also that it is over, and nothing more comes. */
  async askOfGap({ sessionId, transactionId }: Session): Promise<void> {
    const command = { id: sessionId, stationId: this.stationId, kind: 'GetTransactionStatus' }
    const life = lifeOf(this.#ports.clock.now(), GAP_SETTLE_MS)
    const asked = { ...command, args: { transactionId }, ...life }
    const { status, reply } = await this.execute(asked, GAP_SETTLE_MS)
    // Nobody has answered: it is asked later.
    if (status === 'expired' || status === 'unknown') return
    const { messagesInQueue, ongoingIndicator } = (reply ?? {}) as GetTransactionStatusResponse
    await this.#commit((draft) => {
      const session = sessionById(draft, sessionId)
      if (!session) return
      const noted = noteStatus(draft, session, messagesInQueue)
      if (ongoingIndicator === false && messagesInQueue === false)
        presumeEnd(draft, this.#sessionContext(), noted, 'NotOngoing')
    })
  }

  /** The time is known now; `before` is what our clock said until then. */
  correctTimes(before: Moment): Promise<void> {
    const wasOff = Math.abs(this.#ports.clock.now() - before.nowMs) > STATION_CLOCK_OFF_MS
    if (wasOff && this.#connection && this.#isAccepted()) this.#asks.time(this.#connection)
    return this.#commit((draft) => correctTimes(draft, this.#sessionContext(), before))
  }

  /** The stations document has changed: it holds for the running connection at once. */
  applySettings(): void {
    const connection = this.#connection
    if (isToBeForgotten(this.#ports.state, this.stationId)) this.#forget()
    else if (connection) this.#applyTo(connection)
  }

  #applyTo(connection: Connection): void {
    const settings = this.#settings()
    const boot = stationOf(this.#ports.state, this.stationId)?.boot?.status
    const wasAccepted = boot === 'Accepted' || this.#asks.wasHeardUnbooted(connection)
    const { state, config } = this.#ports
    const { version } = connection
    const isOpen = config.onboarding === 'open'
    const unfit = unfitness(state, this.stationId, this.#credential, { version, isOpen })
    if (unfit !== undefined) connection.close(1008, unfit)
    else if (!settings.approved && wasAccepted)
      connection.close(1008, `this station ${settings.rejected ? 'was rejected' : 'is not approved'}`)
    // One that has never booted is about to.
    else if (boot !== undefined && settings.approved && !wasAccepted)
      this.#asks.bootAgain(connection, 'Accepted')
    else if (boot !== undefined && settings.rejected && boot !== 'Rejected')
      this.#asks.bootAgain(connection, 'Rejected')
    else this.reconcileSettings()
  }

  /** What is wanted of its settings may have changed. */
  reconcileSettings(): void {
    const connection = this.#connection
    const module = connection && MODULES[connection.version]
    if (module && this.#isAccepted()) this.#reconciler.begin({ connection, module })
  }

  #forget(): void {
    this.#connection?.close(1008, 'this station was removed')
    void this.#commit((draft) => forgetStation(draft, this.#sessionContext()))
    this.#ports.onPresence()
  }

  /** To be called now and then: asks for what the station told in vain, once there is room for it. */
  askForMissed(): void {
    if (this.#connection && this.#isAccepted() && !this.#ports.state.refusesSessions)
      this.#asks.missed(this.#connection)
  }

  #hasQuirk(quirk: Quirk): boolean {
    return quirksAt(this.#ports.state, this.stationId).has(quirk)
  }

  /** A message was refused: the station speaks, unless it has to boot first. */
  #refused(frame: Answer['frame']): void {
    if (frame.type === 'callError' && frame.code !== 'SecurityError') this.#commands.spoke()
  }

  /** One that was heard on its connection without having booted here is met like any other: with the limits of the site, too. */
  #isAccepted(): boolean {
    const { state } = this.#ports
    if (stationOf(state, this.stationId)?.boot?.status === 'Accepted') return this.#settings().approved
    return this.#asks.wasHeardUnbooted(this.#connection) && isAcceptedUnbooted(state, this.stationId)
  }

  #settings() {
    return stationSettings(this.#ports.state, this.stationId, this.#ports.config)
  }

  #moment(): Moment {
    const { clock, state } = this.#ports
    const moment: Moment = {
      nowMs: clock.now(),
      monoMs: clock.mono(),
      bootId: state.bootId,
      quality: clock.quality(),
    }
    if (this.#connectedMonoMs !== undefined) moment.connectedMonoMs = this.#connectedMonoMs
    return moment
  }

  #sessionContext(maxPowerW = this.#settings().maxPowerW): SessionContext {
    const at = this.#moment()
    const { random } = this.#ports
    return { stationId: this.stationId, at, maxPowerW, mintSessionId: () => uuidV7(at.nowMs, random) }
  }

  /** Made for every message, so in one piece: spreading parts into it was a fifteenth of a message's time (measured). */
  #context(version: OcppVersion, authorization: Authorization | undefined): HandlerContext {
    const { state, config, transactionIds, stationIds, signer } = this.#ports
    const settings = this.#settings()
    const mayAskForCertificate = this.#credential.profile > 0 && !this.#signing
    const { stationId, at, maxPowerW, mintSessionId } = this.#sessionContext(settings.maxPowerW)
    return {
      stationId,
      at,
      maxPowerW,
      mintSessionId,
      version,
      state,
      settings,
      authorization,
      stationIds: authorization ? stationIds() : [],
      limitOf: this.#ports.limitOf,
      refusalOf: (call) => this.#ports.refusalOf(call, stationId),
      heartbeatIntervalS: config.heartbeatIntervalS,
      refusesSessions: state.refusesSessions,
      mayAskForCertificate,
      signsCertificates: signer !== undefined && mayAskForCertificate,
      drawTransactionId: (draft) => transactionIds.draw(draft),
    }
  }

  #after(after: After, connection: Connection, module: OcppModule): void {
    if (after === 'station-booted') {
      if (this.#hasQuirk('first-call-unanswered')) sendFirst(connection, module)
      this.#ports.onBooted(this.stationId)
      this.#reconciler.booted({ connection, module })
    } else if ('offerTo' in after) this.#ports.offer(after)
    else void this.#issueCertificate(connection, after)
  }

  /** Of a request that would be signed now, were it in order. */
  async #requestFault(csr: string): Promise<string | undefined> {
    if (this.#credential.profile === 0 || this.#signing) return undefined
    return this.#ports.signer?.faultOf(csr, certificateNames(this.#ports.state, this.stationId))
  }

  async #issueCertificate(connection: Connection, wish: CertificateWish): Promise<void> {
    this.#signing = true
    const before = this.#credential.certificate
    const names = certificateNames(this.#ports.state, this.stationId)
    const data = await issueCertificate(this.#ports.signer, connection.call, wish, names)
    this.#signing = false
    const { stationId } = this
    const about = { before, change: this.#commands.changing }
    // What it shows to cars says nothing of its connection.
    const isForConnection = data.certificateType === undefined
    await this.#commit((draft) => {
      if (isForConnection) takeCertificate(draft, stationId, data, about)
      draft.fact({ kind: 'station.certificate', stationId, data })
    })
    if (isForConnection) this.#commands.certificateIssued(data)
  }

  #commitConnected(version: OcppVersion, remote: string, credential: Credential): Promise<void> {
    const { onboarding } = this.#ports.config
    const opened = { version, remote, credential }
    return this.#commitNow((draft) => takeConnection(draft, this.stationId, onboarding, opened))
  }

  #closed(connection: Connection, code: number, reason: string): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    this.#connectedMonoMs = undefined
    this.#ports.log.info({ code, reason }, 'station disconnected')
    void this.#commit((draft) =>
      draft.fact({
        kind: 'station.disconnected',
        stationId: this.stationId,
        data: { reason: reason.slice(0, 128), code },
      }),
    )
    this.#ports.onPresence()
  }

  /** A decision of the site's own, in the station's turn. */
  #commit(decide: (draft: Draft) => void): Promise<void> {
    return this.#lane.run(() => this.#commitNow(decide))
  }

  async #commitNow(decide: (draft: Draft) => void): Promise<void> {
    const { state, log, onFatal } = this.#ports
    const draft = new Draft(state)
    decide(draft)
    try {
      await state.commit(draft.outcome())
    } catch (error) {
      if ((error as Error).name === 'JournalFailed') onFatal(error as Error)
      else if (error instanceof JournalFull) log.error({}, 'the disk is full: this could not be journalled')
      else log.error({ error }, 'this could not be journalled')
    }
  }
}
