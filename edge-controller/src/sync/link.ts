/**
 * The conversation with the cloud: hello at every connect, welcome in answer, and from then on only what names this
 * conversation (journal, epoch, nonce). Messages from the cloud are taken one after the other.
 */

import { instant } from '@switchyard/protocol/instant.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { mutated } from '@switchyard/protocol/mutation.ts'
import {
  type Ack,
  type Answer,
  ack,
  anyAnswer,
  type CertificateAnswer,
  type CommandMessage,
  commandMessage,
  type DocumentMessage,
  documentMessage,
  type Hello,
  MAX_PAYLOAD_BYTES,
  OLDEST_PROTOCOL_VERSION,
  PROTOCOL_VERSION,
  type Recall,
  recall,
  type Welcome,
  welcome,
} from '@switchyard/protocol/site/envelope.ts'
import {
  type DownChannel,
  parseDownTopic,
  type UpChannel,
  upTopic,
} from '@switchyard/protocol/site/topics.ts'
import type { z } from 'zod'
import type { TimeReference } from '../clock-quality.ts'
import { randomId } from '../ids.ts'
import type { Journal } from '../journal/port.ts'
import type { Broker, Clock, Log, Random } from '../ports.ts'
import type { SiteState } from '../site-state.ts'
import { stretchedMs } from './backoff.ts'
import { type Finding, ForkSearch } from './fork-search.ts'
import { CloudSilence } from './silence.ts'

/** A hello without welcome is sent again after this, doubling up to the cap. */
const WELCOME_FIRST_MS = 10_000
const WELCOME_CAP_MS = 120_000
/** A disagreement (fork, unknown epoch, no acknowledgements) leads to a new hello after this, doubling up to the cap. */
const DISAGREED_FIRST_MS = 2_000
const DISAGREED_CAP_MS = 300_000
/** Messages that wait to be taken; more are dropped, for the cloud sends each again. */
const MAX_INBOX = 1_000
/** Forks come at least so long after each other: whatever is wrong, journals do not multiply. */
const FORK_GAP_MS = 60_000
/** Recalls closer to each other are one. */
const RECALL_GAP_MS = 1_000
/** A welcome that took longer says too little about the time; a slow link still tells it within half of the trip. */
const MAX_TIME_ROUND_TRIP_MS = 60_000

/** What the cloud granted last, kept as entity (`sync`, `grant`). */
export interface Grant {
  epoch: number
  generation: string
  tenantId: string
}
export const SYNC_KIND = 'sync'
export const GRANT_ID = 'grant'

/** Where this journal comes from, if it began as a fork, kept as entity (`sync`, `fork`). */
export interface ForkOrigin {
  journalId: string
  at: string
  /** Its family; absent where a version forked that kept none. */
  root?: NonNullable<Hello['root']>
}
export const FORK_ID = 'fork'

export interface Conversation {
  readonly nonce: string
  readonly epoch: number
  readonly generation: string
  readonly tenantId: string
  /** false: this journal is fenced; its rows are taken, it gets no commands and no documents. */
  readonly authority: boolean
  readonly expected: Welcome['expected']
  readonly backoffMs: number
  /** No rows before this is over. */
  readonly holdMs: number
  /** The cloud's wall clock now, ms; never earlier than it really is. */
  cloudNow(): number
}

export interface LinkEvents {
  /** A conversation begins; `before` is the grant of the last one. */
  begin(conversation: Conversation, before: Grant | undefined): Promise<void>
  /** It is over: the connection is lost, or a new hello is on its way. */
  end(): void
  ack(message: Ack): Promise<void>
  command(message: CommandMessage): Promise<void>
  document(message: DocumentMessage): Promise<void>
  answer(message: Answer | CertificateAnswer): void
  /** The cloud's time, where the round trip was short enough to say something. */
  time(reference: TimeReference): void
}

export interface LinkPorts {
  /** What a hello says of documents. */
  held(): Pick<Hello, 'documents' | 'forms'>
  siteId: string
  version: string
  node: string
  journal: Journal
  state: SiteState
  broker: Broker
  clock: Clock
  random: Random
  log: Log
}

export class Link {
  readonly #ports: LinkPorts
  readonly #events: LinkEvents
  readonly #search: ForkSearch
  #nonce = ''
  #recallToken: string | undefined
  #recalledMs = Number.NEGATIVE_INFINITY
  #forkedMs = Number.NEGATIVE_INFINITY
  #helloAttempt = 0
  #disagreements = 0
  #cancelTimer = (): void => {}
  readonly #silence: CloudSilence
  #conversation: Conversation | undefined
  #inbox: (() => Promise<void> | void)[] = []
  #taking = false

  constructor(ports: LinkPorts, events: LinkEvents) {
    this.#ports = ports
    this.#events = events
    this.#search = new ForkSearch({
      ...ports,
      root: () => ports.state.get<ForkOrigin>(SYNC_KIND, FORK_ID)?.root,
    })
    this.#silence = new CloudSilence(ports.clock, ports.random, () => this.#newHello())
  }

  start(): void {
    this.#ports.broker.start({
      onConnect: () => this.#newHello(),
      onDisconnect: (reason) => this.#disconnected(reason),
      onMessage: (topic, payload) => this.#received(topic, payload),
    })
  }

  async stop(): Promise<void> {
    this.#disconnected('the controller stops')
    await this.#ports.broker.stop()
  }

  /** Undefined while there is none. */
  get conversation(): Conversation | undefined {
    return this.#conversation
  }

  get connected(): boolean {
    return this.#ports.broker.connected()
  }

  publish(channel: UpChannel, payload: string | Uint8Array, qos: 0 | 1): Promise<void> {
    return this.#ports.broker.publish(upTopic(this.#ports.siteId, channel), payload, qos)
  }

  /**
   * What the cloud says contradicts what is here: the conversation ends, a new one is asked for after a while. `parted`: its
   * history seems to be another one, which the next hello looks into.
   */
  disagree(reason: string, parted = false): void {
    if (!this.#conversation) return
    if (parted) this.#search.suspect()
    this.#helloLater(reason)
  }

  #helloLater(reason: string): void {
    const { clock, random, log, siteId } = this.#ports
    this.#endConversation()
    const delayMs = stretchedMs(this.#disagreements++, DISAGREED_FIRST_MS, DISAGREED_CAP_MS, random)
    log.warn({ siteId, reason, delayMs }, 'a new hello is needed')
    this.#nonce = ''
    this.#cancelTimer()
    this.#cancelTimer = clock.after(delayMs, () => this.#newHello())
  }

  /** Rows are being acknowledged: the next disagreement waits briefly again. */
  agreed(): void {
    this.#disagreements = 0
  }

  #newHello(): void {
    this.#endConversation()
    this.#nonce = randomId(this.#ports.random)
    this.#helloAttempt = 0
    this.#sendHello()
  }

  /** The same nonce until it is answered: a grant is made once per (journal, nonce). */
  #sendHello(): void {
    const { state, clock, random, log, siteId, version, node, broker } = this.#ports
    this.#cancelTimer()
    if (!broker.connected()) return
    const hello: Hello = {
      v: PROTOCOL_VERSION,
      controller: { version, node },
      journalId: state.journalId,
      epoch: this.#grant()?.epoch ?? 0,
      bootId: state.bootId,
      nonce: this.#nonce,
      heads: state.heads,
      ...this.#ports.held(),
      protocol: { min: OLDEST_PROTOCOL_VERSION, max: PROTOCOL_VERSION },
      monoMs: Math.round(clock.mono()),
      at: instant(clock.now()),
      ...this.#lineage(),
    }
    this.publish('hello', JSON.stringify(hello), 1).catch((error: Error) =>
      log.debug({ siteId, reason: error.message }, 'the hello was not sent'),
    )
    const delayMs = stretchedMs(this.#helloAttempt++, WELCOME_FIRST_MS, WELCOME_CAP_MS, random)
    this.#cancelTimer = clock.after(delayMs, () => this.#sendHello())
  }

  #grant(): Grant | undefined {
    return this.#ports.state.get<Grant>(SYNC_KIND, GRANT_ID)
  }

  #lineage(): Pick<Hello, 'probe' | 'forkedFrom' | 'root' | 'recall'> {
    const origin = this.#ports.state.get<ForkOrigin>(SYNC_KIND, FORK_ID)
    const { probe } = this.#search
    return {
      ...(probe ? { probe } : {}),
      ...(origin ? { forkedFrom: origin.journalId } : {}),
      ...(origin?.root ? { root: origin.root } : {}),
      ...(this.#recallToken ? { recall: this.#recallToken } : {}),
    }
  }

  #disconnected(reason: string): void {
    this.#cancelTimer()
    this.#nonce = ''
    this.#endConversation()
    this.#ports.log.info({ siteId: this.#ports.siteId, reason }, 'the link to the cloud is down')
  }

  #endConversation(): void {
    this.#inbox = []
    if (!this.#conversation) return
    this.#conversation = undefined
    this.#silence.end()
    this.#events.end()
  }

  #received(topic: string, payload: Uint8Array): void {
    const { siteId, log } = this.#ports
    const channel = parseDownTopic(topic, siteId)
    if (!channel) return
    if (payload.byteLength > MAX_PAYLOAD_BYTES)
      log.warn({ siteId, channel, bytes: payload.byteLength }, 'a message over the size bound was dropped')
    else if (this.#inbox.length >= MAX_INBOX)
      log.warn({ siteId, channel }, 'the inbox is full, a message was dropped')
    else this.#inbox.push(() => this.#take(channel, payload))
    void this.#takeAll()
  }

  async #takeAll(): Promise<void> {
    if (this.#taking) return
    this.#taking = true
    for (let next = this.#inbox.shift(); next; next = this.#inbox.shift()) {
      try {
        await next()
      } catch (error) {
        this.#ports.log.error(
          { siteId: this.#ports.siteId, error },
          'a message of the cloud could not be taken',
        )
      }
    }
    this.#taking = false
  }

  #take(channel: DownChannel, payload: Uint8Array): Promise<void> | void {
    switch (channel) {
      case 'welcome':
        return this.#read(channel, welcome, payload, (m) => this.#welcomed(m))
      case 'ack':
        return this.#read(channel, ack, payload, (m) => this.#events.ack(m))
      case 'command':
        return this.#read(channel, commandMessage, payload, (m) => this.#events.command(m))
      case 'document':
        return this.#read(channel, documentMessage, payload, (m) => this.#events.document(m))
      case 'answer':
        return this.#read(channel, anyAnswer, payload, (m) => this.#events.answer(m))
      case 'recall':
        return this.#read(channel, recall, payload, (m) => this.#recalled(m))
    }
  }

  /** Reads a message and drops it unless it belongs to this conversation. */
  #read<T extends { journalId: string; nonce: string; epoch: number }>(
    channel: DownChannel,
    shape: z.ZodType<T>,
    payload: Uint8Array,
    take: (message: T) => Promise<void> | void,
  ): Promise<void> | void {
    const { siteId, log, state } = this.#ports
    const parsed = shape.safeParse(parseJson(payload))
    if (!parsed.success)
      return log.warn({ siteId, channel, reason: parsed.error.message }, 'an unreadable message was dropped')
    const { journalId, nonce, epoch } = parsed.data
    const ours = journalId === state.journalId && nonce === this.#nonce
    if (mutated('any-conversation') && this.#conversation) return take(parsed.data)
    if (!ours || (channel !== 'welcome' && epoch !== this.#conversation?.epoch))
      return log.debug({ siteId, channel, nonce, epoch }, 'a message of another conversation was dropped')
    this.#silence.heard()
    return take(parsed.data)
  }

  async #welcomed(message: Welcome): Promise<void> {
    const { clock, state, siteId, log } = this.#ports
    const cloudMs = Date.parse(message.time)
    if (Number.isNaN(cloudMs))
      return log.warn({ siteId, cloudTime: message.time }, 'a welcome without a time was dropped')
    if (this.#conversation && message.epoch <= this.#conversation.epoch) return
    this.#cancelTimer()

    const receivedMs = clock.mono()
    const roundTripMs = receivedMs - message.monoMs
    if (roundTripMs >= 0 && roundTripMs <= MAX_TIME_ROUND_TRIP_MS)
      this.#events.time({ cloudMs, monoMs: receivedMs - roundTripMs / 2, withinMs: roundTripMs / 2 })

    const finding = await this.#examined(message)
    // While the journal was read the connection may have gone, and with it this conversation.
    if (this.#nonce !== message.nonce) return
    if (finding.kind !== 'agrees') return this.#parted(finding)

    this.#recallToken = undefined
    const before = this.#grant()
    const { nonce, epoch, generation, tenantId, authority, expected } = message
    const conversation: Conversation = {
      nonce,
      epoch,
      generation,
      tenantId,
      authority,
      expected,
      backoffMs: message.backoffMs ?? 0,
      holdMs: message.holdMs ?? 0,
      // Counted from the hello, which lies before the cloud's clock was read: expiry may come early, never late.
      cloudNow: () => cloudMs + (clock.mono() - message.monoMs),
    }
    this.#conversation = conversation
    this.#silence.begin()
    log.info(
      { siteId, journalId: state.journalId, epoch, authority, expected },
      'the link to the cloud is up',
    )
    await this.#events.begin(conversation, before)
  }

  async #examined(message: Welcome): Promise<Finding> {
    try {
      return await this.#search.examine(message)
    } catch (error) {
      return { kind: 'given-up', reason: `the journal cannot be read: ${(error as Error).message}` }
    }
  }

  /** The cloud holds another history of this journal: look on where the two part, or go on as a new journal. */
  async #parted(finding: Exclude<Finding, { kind: 'agrees' }>): Promise<void> {
    const { clock, state, siteId, log } = this.#ports
    if (finding.kind === 'ask-again') return this.#newHello()
    if (finding.kind === 'given-up') return this.#helloLater(finding.reason)
    if (clock.mono() - this.#forkedMs < FORK_GAP_MS)
      return this.#helloLater('the history has parted again, just after a fork')
    const from = state.journalId
    const { shared, reason } = finding
    try {
      await state.fork(shared, reason)
    } catch (error) {
      log.error({ siteId, journalId: from, error }, 'the journal could not fork')
      return this.#helloLater('the journal could not fork')
    }
    this.#forkedMs = clock.mono()
    this.#recallToken = undefined
    log.error(
      { siteId, from, journalId: state.journalId, shared, reason },
      'the cloud holds another history of this journal: it goes on as a new one',
    )
    this.#newHello()
  }

  /** Another one speaks for this site, or with this journal: a new hello tells who has authority. */
  async #recalled({ token, reason }: Recall): Promise<void> {
    const { clock, state, siteId, log } = this.#ports
    if (clock.mono() - this.#recalledMs < RECALL_GAP_MS) return
    this.#recalledMs = clock.mono()
    log.warn({ siteId, journalId: state.journalId, reason }, 'the cloud asks for a new hello')
    this.#recallToken = token
    if (token !== undefined) {
      try {
        await state.commit({ facts: [{ kind: 'journal.marked', data: { token } }], puts: [], deletes: [] })
      } catch (error) {
        log.error({ siteId, error }, 'the journal could not be marked')
      }
    }
    this.#newHello()
  }
}

function parseJson(payload: Uint8Array): JsonObject | undefined {
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'))
  } catch {
    return undefined
  }
}
