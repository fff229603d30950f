/**
 * A charger of the world: small, quick and full of quirks. What flows is counted exactly in a ledger of its own, beside what
 * it tells. It tells its sessions in order, keeps what is not answered, and says it again.
 */
import type { Random } from '../../random.ts'
import type { Line } from '../network/line.ts'
import type { Stage } from '../stage.ts'
import type { Dialect, SessionMessage } from './dialect.ts'
import type { PhysicalSession } from './physical-session.ts'
import { Outlet } from './physics.ts'
import { Wire } from './wire.ts'

const METER_MS = 120_000
/** A message that was refused is said again after this. */
const REFUSED_MS = 20_000
/** Meter messages that wait; further ones are left out. */
const MAX_WAITING_METERS = 20
const FIRST_REGISTER_MAX_WH = 40_000_000
/** What a broken meter adds: more than flows in years, so that no clock that is wrong makes it plausible. */
const IMPOSSIBLE_MILLI_WH = 1_000_000_000_000
const BROKEN_SHARE = 0.5
const SLIP_SHARE = 0.4
const LONGEST_SLIP_MS = 1_200_000
const LATE_SHARE = 0.4
const LOST_SHARE = 0.2
const LOST_WITHIN_MS = 150
const LATEST_STOP_MS = 600_000

export interface Quirks {
  /** A message that got no answer comes again under a new id. */
  newIdOnResend: boolean
  /** What waits to be told is lost at a reboot. */
  forgetsQueue: boolean
  /** Profiles are accepted and not applied. */
  ignoresProfiles: boolean
  /** Without a battery: its clock begins in 1970 at every boot, until the site tells the time. */
  hasNoClock: boolean
  /** It never takes the site's time. */
  keepsOwnTime: boolean
  /** Available is told before the stop. */
  statusBeforeStop: boolean
  /** Its line is cut now and then while it tells a start: the answer is lost. */
  losesAnswers: boolean
  /** Its clock goes back by some minutes now and then, after a session. */
  clockSlips: boolean
  /** Some stops are told only when the next session runs. */
  stopsLate: boolean
  /** Some sessions end at a register that no charger can have reached. */
  brokenMeter: boolean
}

export interface ChargerOptions {
  id: string
  siteId: string
  dialect: Dialect
  phases: number
  hardwareMa: number
  quirks: Quirks
  stage: Stage
  connect(line: Line): Promise<boolean>
  /** Every session, when it begins. */
  began(session: PhysicalSession): void
  /** Something was done because the site said so. */
  effect(kind: string, key: string): void
  /** What it offers has changed. */
  currentChanged(): void
}

export class Charger {
  readonly id: string
  readonly siteId: string
  readonly options: ChargerOptions
  readonly outlet: Outlet
  readonly #random: Random
  readonly #meter: Random
  readonly #wire: Wire
  #queue: SessionMessage[] = []
  #outstanding: { id: string; message: SessionMessage } | undefined
  #session: PhysicalSession | undefined
  #cancelMeter = (): void => {}
  #isBooted = false
  #hasPower = false
  /** Stops that it will tell later. */
  #heldBack = 0
  #seqNo = 0
  #sessions = 0
  clockOffMs = 0
  /** What the site has set; undefined: nothing. */
  defaultMa: number | undefined
  sessionMa: number | undefined

  constructor(options: ChargerOptions) {
    this.id = options.id
    this.siteId = options.siteId
    this.options = options
    const { stage, id } = options
    this.#random = stage.random(`charger ${id}`)
    this.#meter = stage.random(`meter ${id}`)
    const firstMilliWh = this.#random.int(0, FIRST_REGISTER_MAX_WH) * 1000 + this.#random.int(0, 999)
    this.outlet = new Outlet(firstMilliWh, options.phases, options.hardwareMa, stage.nowMs)
    this.#wire = new Wire({
      id,
      stage,
      random: stage.random(`line ${id}`),
      connect: options.connect,
      onUp: () => void this.#connected(),
      onDown: () => stage.tell(id, 'is off the line'),
      onCall: (action, payload) => this.#called(action, payload),
    })
  }

  get session(): PhysicalSession | undefined {
    return this.#session
  }

  /** Messages that wait, the one under way included. */
  get waiting(): number {
    return this.#queue.length + this.#heldBack
  }

  get isOnline(): boolean {
    return this.#wire.isUp && this.#isBooted
  }

  get hasPower(): boolean {
    return this.#hasPower
  }

  get line(): Line | undefined {
    return this.#wire.line
  }

  on(): void {
    const { stage, quirks } = this.options
    this.#hasPower = true
    this.#isBooted = false
    if (quirks.hasNoClock) this.clockOffMs = -stage.wallMs
    this.defaultMa = undefined
    this.sessionMa = undefined
    this.#offer()
    if (this.#session) this.end('PowerLoss')
    this.#wire.open()
  }

  /** Power fails for a while: nothing flows, and a session ends by it when the charger is back. */
  reboot(downMs: number): void {
    const { stage, quirks, id } = this.options
    if (!this.#hasPower) return
    this.#hasPower = false
    this.outlet.count(stage.nowMs)
    this.outlet.wantedMa = 0
    this.#cancelMeter()
    this.#outstanding = undefined
    if (quirks.forgetsQueue) {
      for (const { session, kind } of this.#queue) if (kind !== 'meter') session.isForgotten = true
      this.#queue = []
    }
    this.#wire.drop()
    stage.tell(id, 'has no power')
    stage.after(downMs, () => this.on())
  }

  /** A driver presents a token; without a connection the charger lets everybody charge. */
  async present(token: string, carMa: number): Promise<boolean> {
    if (!this.#hasPower || this.#session) return false
    if (this.isOnline && this.#wire.isIdle) {
      const answer = await this.#wire.call(this.#wire.freshId(), this.options.dialect.authorize(token))
      this.#pump()
      const info = answer?.ok ? (answer.payload.idTagInfo ?? answer.payload.idTokenInfo) : undefined
      const status = (info as { status?: string } | undefined)?.status
      if (status !== undefined && status !== 'Accepted') return false
    }
    return this.begin(token, carMa)
  }

  begin(token: string, carMa: number): boolean {
    const { stage, id, siteId, dialect, began } = this.options
    if (!this.#hasPower || this.#session) return false
    this.outlet.count(stage.nowMs)
    const startMilliWh = this.outlet.registerMilliWh
    const session: PhysicalSession = {
      token,
      chargerId: id,
      siteId,
      connector: 1,
      startedAtMs: stage.nowMs,
      endedAtMs: undefined,
      startMilliWh,
      endMilliWh: undefined,
      toldStartMilliWh: this.#told(startMilliWh),
      toldEndMilliWh: undefined,
      transactionId: dialect.version === '1.6' ? undefined : `${id}-tx-${++this.#sessions}`,
      isKnown: false,
      isEndKnown: false,
      isStopKept: false,
      isOnBoth: false,
      isForgotten: false,
      outlivedCard: false,
    }
    this.#session = session
    this.#seqNo = 0
    this.sessionMa = undefined
    this.outlet.wantedMa = carMa
    this.#offer()
    stage.tell(id, `begins ${token} at ${startMilliWh} mWh`)
    began(session)
    this.#say('started', session, '')
    this.#status(true)
    this.#meterLater()
    return true
  }

  end(reason: string): void {
    const session = this.#session
    if (!session) return
    const { stage, id, quirks } = this.options
    this.outlet.count(stage.nowMs)
    this.outlet.wantedMa = 0
    this.#cancelMeter()
    this.#session = undefined
    this.sessionMa = undefined
    session.endedAtMs = stage.nowMs
    session.endMilliWh = this.outlet.registerMilliWh
    session.toldEndMilliWh = this.#told(session.endMilliWh)
    stage.tell(id, `ends ${session.token} at ${session.endMilliWh} mWh (${reason})`)
    if (quirks.statusBeforeStop) this.#status(false)
    this.#say('ended', session, reason)
    if (!quirks.statusBeforeStop) this.#status(false)
    if (quirks.clockSlips && this.#meter.fraction() < SLIP_SHARE)
      this.clockOffMs -= this.#meter.int(1_000, LONGEST_SLIP_MS)
    this.#offer()
  }

  #told(milliWh: number): number {
    const { stepMilliWh } = this.options.dialect
    return Math.floor(milliWh / stepMilliWh) * stepMilliWh
  }

  get #clock(): string {
    return new Date(this.options.stage.wallMs + this.clockOffMs).toISOString()
  }

  #say(kind: SessionMessage['kind'], session: PhysicalSession, reason: string): void {
    const { quirks, stage } = this.options
    const isWrong = kind === 'ended' && quirks.brokenMeter && this.#meter.fraction() < BROKEN_SHARE
    const message = {
      kind,
      session,
      at: this.#clock,
      milliWh: this.#told(this.outlet.registerMilliWh) + (isWrong ? IMPOSSIBLE_MILLI_WH : 0),
      isWrong,
      currentMa: this.outlet.currentMa,
      phases: this.outlet.phases,
      reason,
      seqNo: this.#seqNo++,
    }
    const queue = (): void => {
      this.#queue.push({ ...message, isLate: !this.isOnline })
      this.#pump()
    }
    if (kind === 'ended' && quirks.stopsLate && this.#meter.fraction() < LATE_SHARE) {
      this.#heldBack++
      stage.after(this.#meter.int(1, LATEST_STOP_MS), () => {
        this.#heldBack--
        queue()
      })
    } else queue()
  }

  #meterLater(): void {
    this.#cancelMeter = this.options.stage.after(METER_MS, () => {
      this.#meterLater()
      this.outlet.count(this.options.stage.nowMs)
      if (this.#session && this.#queue.length < MAX_WAITING_METERS) this.#say('meter', this.#session, '')
    })
  }

  #status(isOccupied: boolean): void {
    const call = this.options.dialect.status(1, isOccupied, this.#clock)
    if (this.isOnline && this.#wire.isIdle)
      void this.#wire.call(this.#wire.freshId(), call).then(() => this.#pump())
    else this.#statusWaits = isOccupied
  }
  #statusWaits: boolean | undefined

  async #connected(): Promise<void> {
    const { dialect, quirks, stage, id } = this.options
    while (this.#wire.isUp && !this.#isBooted) {
      const answer = await this.#wire.call(this.#wire.freshId(), dialect.boot())
      if (!answer) return
      if (answer.ok && answer.payload.status === 'Accepted') {
        this.#isBooted = true
        const siteMs = Date.parse(String(answer.payload.currentTime))
        if (!quirks.keepsOwnTime) this.clockOffMs = siteMs - stage.wallMs
      } else await new Promise<void>((resolve) => stage.after(REFUSED_MS, resolve))
    }
    if (!this.#wire.isUp) return
    stage.tell(id, `is on the line${this.clockOffMs === 0 ? '' : `, its clock off by ${this.clockOffMs} ms`}`)
    this.#statusWaits = this.#session !== undefined
    this.#pump()
  }

  /** As it was told to; it takes its time from the answer. */
  async #heartbeat(): Promise<void> {
    const { stage, quirks } = this.options
    if (!this.#wire.isUp) return
    if (!this.#wire.isIdle) {
      stage.after(300, () => void this.#heartbeat())
      return
    }
    const answer = await this.#wire.call(this.#wire.freshId(), { action: 'Heartbeat', payload: {} })
    if (answer?.ok && !quirks.keepsOwnTime)
      this.clockOffMs = Date.parse(String(answer.payload.currentTime)) - stage.wallMs
    this.#pump()
  }

  /** As it was told to; a message under way is waited for. */
  #bootsAgain(): void {
    if (!this.#wire.isUp) return
    if (!this.#wire.isIdle) {
      this.options.stage.after(300, () => this.#bootsAgain())
      return
    }
    this.#isBooted = false
    void this.#connected()
  }

  /** The next message, when the line is free for it. */
  #pump(): void {
    if (!this.isOnline || !this.#wire.isIdle) return
    if (this.#statusWaits !== undefined) {
      const isOccupied = this.#statusWaits
      this.#statusWaits = undefined
      this.#status(isOccupied)
      return
    }
    const message = this.#queue[0]
    if (!message) return
    const call = this.options.dialect.session(message)
    if (!call) {
      // Its start was never answered, and is not before it: there is nothing that it could be told by.
      message.session.isForgotten = true
      this.#queue.shift()
      this.#pump()
      return
    }
    const again = this.#outstanding?.message === message && !this.options.quirks.newIdOnResend
    const id = again ? this.#outstanding!.id : this.#wire.freshId()
    this.#outstanding = { id, message }
    void this.#wire.call(id, call).then((answer) => this.#answered(message, answer))
    const losesAnswer = message.kind === 'started' && this.options.quirks.losesAnswers
    if (losesAnswer && this.#meter.fraction() < LOST_SHARE) {
      const { line } = this
      this.options.stage.after(this.#meter.int(1, LOST_WITHIN_MS), () => line?.cut())
    }
  }

  #answered(message: SessionMessage, answer: Awaited<ReturnType<Wire['call']>>): void {
    if (this.#queue[0] !== message || !answer) {
      this.#pump()
      return
    }
    const { stage, id, dialect } = this.options
    if (!answer.ok && message.kind !== 'meter') {
      stage.tell(id, `is refused ${message.kind} of ${message.session.token}: ${answer.code}`)
      stage.after(REFUSED_MS, () => this.#pump())
      return
    }
    this.#queue.shift()
    this.#outstanding = undefined
    if (answer.ok) {
      const { session, kind } = message
      const { transactionId, status } = dialect.read(message, answer.payload)
      session.isKnown = true
      if (kind === 'ended') session.isStopKept = dialect.version === '1.6'
      if (kind === 'ended' && !message.isWrong) session.isEndKnown = true
      if (transactionId !== undefined) session.transactionId = transactionId
      if (kind === 'started' && status !== undefined && status !== 'Accepted' && this.#session === session)
        this.end('DeAuthorized')
    }
    this.#pump()
  }

  #called(action: string, payload: Record<string, unknown>): object | undefined {
    const { effect, stage } = this.options
    switch (action) {
      case 'SetChargingProfile':
        return this.#limited(payload)
      case 'RemoteStartTransaction':
      case 'RequestStartTransaction': {
        const { idTag, idToken } = payload as { idTag?: string; idToken?: { idToken: string } }
        const token = idTag ?? idToken!.idToken
        effect('RemoteStart', token)
        const isFree = this.#hasPower && !this.#session
        if (isFree) stage.after(500, () => this.begin(token, 16_000))
        return { status: isFree ? 'Accepted' : 'Rejected' }
      }
      case 'RemoteStopTransaction':
      case 'RequestStopTransaction': {
        const isMine =
          this.#session !== undefined && this.#session.transactionId === String(payload.transactionId)
        if (isMine) stage.after(500, () => this.end('Remote'))
        return { status: isMine ? 'Accepted' : 'Rejected' }
      }
      case 'DataTransfer':
        effect('DataTransfer', String(payload.data))
        return { status: 'Accepted' }
      case 'TriggerMessage':
        if (payload.requestedMessage === 'StatusNotification')
          stage.after(200, () => this.#status(this.#session !== undefined))
        else if (payload.requestedMessage === 'Heartbeat') stage.after(200, () => void this.#heartbeat())
        else stage.after(200, () => this.#bootsAgain())
        return { status: 'Accepted' }
      case 'Reset':
        stage.after(1_000, () => this.reboot(20_000))
        return { status: 'Accepted' }
      default:
        return undefined
    }
  }

  #limited(payload: Record<string, unknown>): object {
    const profile = (payload.csChargingProfiles ?? payload.chargingProfile) as {
      chargingProfilePurpose: string
      transactionId?: number | string
      chargingSchedule:
        | { chargingSchedulePeriod: { limit: number }[] }
        | { chargingSchedulePeriod: { limit: number }[] }[]
    }
    const schedule = [profile.chargingSchedule].flat()[0]!
    const ma = Math.round(schedule.chargingSchedulePeriod[0]!.limit * 1000)
    if (profile.chargingProfilePurpose === 'TxDefaultProfile') this.defaultMa = ma
    else {
      const isMine = this.#session?.transactionId === String(profile.transactionId)
      if (!this.#session || !isMine) return { status: 'Rejected' }
      this.sessionMa = ma
    }
    this.#offer()
    return { status: 'Accepted' }
  }

  #offer(): void {
    const { quirks, hardwareMa, stage, currentChanged } = this.options
    this.outlet.count(stage.nowMs)
    this.outlet.offeredMa = quirks.ignoresProfiles
      ? hardwareMa
      : (this.sessionMa ?? this.defaultMa ?? hardwareMa)
    currentChanged()
  }
}
