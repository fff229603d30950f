/** Sends the current picture of the site: at a welcome, soon after a change, and at least every LIVE_INTERVAL_MS. */
import { instant } from '@switchyard/protocol/instant.ts'
import { MAX_PAYLOAD_BYTES, PROTOCOL_VERSION } from '@switchyard/protocol/site/envelope.ts'
import { LIVE_INTERVAL_MS, LIVE_MIN_GAP_MS, type Live } from '@switchyard/protocol/site/live.ts'
import type { CommandResult } from '../execute.ts'
import type { Clock, Log } from '../ports.ts'
import type { SiteState } from '../site-state.ts'
import type { Conversation } from './link.ts'

/** Each outcome goes with so many pictures, for one may be lost. */
const OUTCOME_PICTURES = 3
/** Outcomes that wait to be told early; the oldest give way, the ledger tells them all. */
const MAX_EARLY_OUTCOMES = 100

/** What the controller shows of its stations now. */
export type Picture = Pick<Live, 'stations' | 'load'>

export interface LivePorts {
  siteId: string
  state: SiteState
  clock: Clock
  log: Log
  picture(): Picture
  backlog(): Live['backlog']
  publish(payload: string): Promise<void>
}

export class LiveSender {
  readonly #ports: LivePorts
  #conversation: Conversation | undefined
  #n = 0
  #sentMs = Number.NEGATIVE_INFINITY
  #changed = false
  #cancelTimer = (): void => {}
  #outcomes: { outcome: Live['outcomes'][number]; pictures: number }[] = []

  constructor(ports: LivePorts) {
    this.#ports = ports
  }

  /** A fenced journal shows nothing: another one speaks for the site. */
  begin(conversation: Conversation): void {
    this.end()
    if (!conversation.authority) return
    this.#conversation = conversation
    this.#send()
  }

  end(): void {
    this.#conversation = undefined
    this.#cancelTimer()
  }

  /** Something that the picture shows is different now. */
  changed(): void {
    if (!this.#conversation || this.#changed) return
    this.#changed = true
    this.#sendAfter(Math.max(0, this.#sentMs + LIVE_MIN_GAP_MS - this.#ports.clock.mono()))
  }

  /** Tells the outcome of a command at once. */
  ended(commandId: string, result: CommandResult): void {
    const { status, reply, error } = result
    const outcome = {
      commandId,
      status,
      ...(reply === undefined ? {} : { reply }),
      ...(error === undefined ? {} : { error }),
    }
    this.#outcomes = this.#outcomes
      .filter((o) => o.outcome.commandId !== commandId)
      .slice(1 - MAX_EARLY_OUTCOMES)
    this.#outcomes.push({ outcome, pictures: OUTCOME_PICTURES })
    if (this.#conversation) this.#sendAfter(0)
  }

  #sendAfter(delayMs: number): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#ports.clock.after(delayMs, () => this.#send())
  }

  #send(): void {
    const conversation = this.#conversation
    if (!conversation) return
    const { state, clock, log, siteId } = this.#ports
    this.#changed = false
    this.#sentMs = clock.mono()
    this.#sendAfter(LIVE_INTERVAL_MS)
    const live: Live = {
      v: PROTOCOL_VERSION,
      journalId: state.journalId,
      epoch: conversation.epoch,
      bootId: state.bootId,
      n: ++this.#n,
      at: instant(clock.now()),
      ledgerSeq: state.heads.ledger.seq,
      backlog: this.#ports.backlog(),
      ...this.#ports.picture(),
      outcomes: this.#outcomes.map((o) => o.outcome),
    }
    for (const o of this.#outcomes) o.pictures--
    this.#outcomes = this.#outcomes.filter((o) => o.pictures > 0)
    const text = this.#withinBound(live)
    this.#ports.publish(text).catch((error: Error) => {
      log.debug({ siteId, reason: error.message }, 'a picture was not sent')
    })
  }

  /** Outcomes give way first (the ledger tells them), then the stations: presence and backlog are always told. */
  #withinBound(live: Live): string {
    const attempts: Live[] = [live, { ...live, outcomes: [] }, { ...live, outcomes: [], stations: [] }]
    for (const [i, attempt] of attempts.entries()) {
      const text = JSON.stringify(attempt)
      if (Buffer.byteLength(text) <= MAX_PAYLOAD_BYTES) return text
      this.#ports.log.warn(
        { siteId: this.#ports.siteId, attempt: i },
        'the live picture is over the size bound',
      )
    }
    return JSON.stringify(attempts.at(-1))
  }
}
