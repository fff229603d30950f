/** The site's side of the link to the cloud, put together: rows up, intentions down. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import type { TimeReference } from '../clock-quality.ts'
import type { Execute } from '../execute.ts'
import type { Journal, JournalState } from '../journal/port.ts'
import type { Broker, Clock, Log, Random } from '../ports.ts'
import { NOTHING, type Outcome, type SiteState } from '../site-state.ts'
import { type AskCertificates, type AskCloud, Asks } from './ask.ts'
import type { Compress } from './batch.ts'
import { Documents } from './documents.ts'
import { Downlink } from './downlink.ts'
import { type Conversation, FORK_ID, type ForkOrigin, GRANT_ID, type Grant, Link, SYNC_KIND } from './link.ts'
import { LiveSender, type Picture } from './live.ts'
import { Uplink } from './uplink.ts'

export interface SyncOptions {
  siteId: string
  version: string
  /** Version of Node, told in the hello. */
  node: string
  journal: Journal
  acked: JournalState['acked']
  state: SiteState
  broker: Broker
  clock: Clock
  random: Random
  log: Log
  execute: Execute
  picture(): Picture
  onTime(reference: TimeReference): void
  compress?: Compress
}

export interface SyncStatus {
  connected: boolean
  /** A welcome was received on this connection. */
  linked: boolean
  authority: boolean | undefined
  epoch: number | undefined
  /** Life of the cloud's log that this conversation is of. */
  generation: string | undefined
  /** Set when this journal began as a fork of another one. */
  forkedFrom: ForkOrigin | undefined
  backlog: Record<Stream, number>
}

export interface Sync {
  start(): Promise<void>
  stop(): Promise<void>
  ask: AskCloud
  askCertificates: AskCertificates
  /** Something that the live picture shows is different now, without a commit. */
  changed(): void
  status(): SyncStatus
  /** Rows of a stream up to this one may have been sent. */
  sentTo(stream: Stream): number
}

export function createSync(options: SyncOptions): Sync {
  const { state, log, siteId } = options
  const asks = new Asks({
    clock: options.clock,
    random: options.random,
    conversation: () => link.conversation,
    publish: (payload) => link.publish('ask', payload, 0),
  })
  const uplink = new Uplink({
    ...options,
    publish: (stream, payload) => link.publish(stream, payload, 1),
    disagree: (reason, parted) => link.disagree(reason, parted),
    agreed: () => link.agreed(),
  })
  const live = new LiveSender({
    ...options,
    backlog: () => uplink.backlog,
    publish: (payload) => link.publish('live', payload, 0),
  })
  const downlink = new Downlink({ ...options, ended: (id, result) => live.ended(id, result) })
  const documents = new Documents({ ...options, disagree: (reason) => link.disagree(reason) })
  const linkPorts = { ...options, held: () => documents.held() }

  /** With a fork: a command of the journal before can have no outcome in it any more. */
  function forking(shared: Record<Stream, number>): Outcome {
    const { journalId } = state
    const before = state.get<ForkOrigin>(SYNC_KIND, FORK_ID)?.root ?? { journalId, ledger: 0, telemetry: 0 }
    const root = {
      journalId: before.journalId,
      ledger: before.ledger + shared.ledger,
      telemetry: before.telemetry + shared.telemetry,
    }
    const origin: ForkOrigin = { journalId, at: instant(options.clock.now()), root }
    const abandoned = downlink.abandon()
    const put = { kind: SYNC_KIND, id: FORK_ID, value: { ...origin } as Json }
    return { ...abandoned, puts: [...abandoned.puts, put] }
  }

  async function begin(conversation: Conversation, before: Grant | undefined): Promise<void> {
    const { epoch, generation, tenantId } = conversation
    const grant: Grant = { epoch, generation, tenantId }
    if (before?.epoch !== epoch || before.generation !== generation || before.tenantId !== tenantId) {
      const abandoned = before && before.epoch !== epoch ? downlink.abandon() : NOTHING
      const put = { kind: SYNC_KIND, id: GRANT_ID, value: { ...grant } as Json }
      try {
        await state.commit({ ...abandoned, puts: [...abandoned.puts, put] })
      } catch (error) {
        // Rows must still go up: with a full disk that is what makes room.
        log.error({ siteId, error }, 'the grant could not be journalled')
      }
    }
    if (link.conversation !== conversation) return
    live.begin(conversation)
    uplink.begin(conversation)
    if (conversation.authority) await downlink.resume(conversation)
    else downlink.fence()
  }

  const link: Link = new Link(linkPorts, {
    begin,
    end() {
      uplink.end()
      live.end()
      documents.end()
      asks.end()
    },
    ack: (message) => uplink.acked(message),
    async command(message) {
      // A fenced lane carries nothing out (I8), whatever reaches it.
      if (link.conversation?.authority) await downlink.take(message.command, link.conversation)
    },
    async document(message) {
      if (link.conversation?.authority) await documents.take(message)
    },
    answer: (message) => asks.answered(message),
    time: (reference) => options.onTime(reference),
  })

  let unsubscribe = (): void => {}
  const stopForking = state.atFork(forking)
  return {
    async start() {
      await downlink.recover()
      unsubscribe = state.onCommitted((facts) => {
        if (facts.some((it) => it.kind === 'journal.forked')) uplink.forked()
        uplink.pump()
        live.changed()
      })
      link.start()
    },
    async stop() {
      unsubscribe()
      stopForking()
      await link.stop()
    },
    ask: asks.ask,
    askCertificates: asks.askCertificates,
    changed: () => live.changed(),
    sentTo: (stream) => uplink.sentTo(stream),
    status: () => ({
      connected: link.connected,
      linked: link.conversation !== undefined,
      authority: link.conversation?.authority,
      epoch: link.conversation?.epoch,
      generation: link.conversation?.generation,
      forkedFrom: state.get<ForkOrigin>(SYNC_KIND, FORK_ID),
      backlog: uplink.backlog,
    }),
  }
}
