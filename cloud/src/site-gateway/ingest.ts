/**
 * Batches into the log. Each log partition has one append under way at most; what arrives meanwhile waits and goes into the
 * next one together, so that commits are few while load is high. A site is acknowledged after the commit, never before.
 */
import type { Refusal } from '@switchyard/protocol/site/envelope.ts'
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import { beginHops, tracesIn } from '@switchyard/tracing/hop.ts'
import type { Logger } from 'pino'
import type { Clock, Random } from '../platform/clock.ts'
import { LOG_PARTITIONS } from '../platform/event-log/entry.ts'
import type { EventLog } from '../platform/event-log/event-log.ts'
import { faultOf } from '../platform/log.ts'
import { BatchQueue, type Item } from './batch-queue.ts'
import type { Conversations } from './conversation.ts'
import type { Send } from './down.ts'
import type { Verdict } from './judge.ts'
import { isShed, type Load, retryAfterMs, SHED_RETRY_MS } from './load.ts'
import type { GatewayMetrics } from './metrics.ts'
import { readBatch } from './read-batch.ts'
import { createSlots } from './slots.ts'
import type { ReadItem } from './standing.ts'
import { takeGroup } from './take-group.ts'

/** Waits before a group is tried again after the database failed; then it is refused as busy. */
const DATABASE_RETRY_MS = 1_000

export interface Ingest {
  /** Takes a batch of a site; the answer goes out by itself. */
  take(siteId: string, stream: Stream, payload: Buffer): void
  /** What waits for the log partition of a site. */
  loadFor(siteId: string): Load
  /** Batches that wait or are under way. */
  depth(): number
  /** Resolves when what was taken is answered. */
  drain(): Promise<void>
}

export interface IngestOptions {
  eventLog: EventLog
  conversations: Conversations
  clock: Clock
  random: Random
  log: Logger
  /** Appends at once, over all log partitions. */
  appends: number
  send: Send
  metrics: GatewayMetrics
  /** A lane in authority was heard. */
  heard(siteId: string): void
  /** The log keeps rows whose text cannot be read. */
  poisoned(siteId: string, tenantId: string): void
}

export function createIngest(options: IngestOptions): Ingest {
  const { eventLog, conversations, clock, random, log, send, metrics } = options
  const queues = Array.from({ length: LOG_PARTITIONS }, () => new BatchQueue())
  const slot = createSlots(options.appends)
  const running: (Promise<void> | undefined)[] = Array.from({ length: LOG_PARTITIONS })
  let underWay = 0

  async function work(partition: number): Promise<void> {
    while (queueOf(partition).load.batches > 0) await slot(() => takeNext(partition))
  }

  async function takeNext(partition: number): Promise<void> {
    const group = queueOf(partition).next()
    underWay += group.length
    try {
      await takeItems(partition, group)
    } catch (error) {
      log.error(
        { ...faultOf(error), partition, batches: group.length },
        'batches were not taken; their sites send them again',
      )
      for (const item of group) busy(item, DATABASE_RETRY_MS)
    } finally {
      underWay -= group.length
    }
  }

  function queueOf(partition: number): BatchQueue {
    return queues[partition] as BatchQueue
  }

  function laterFor(stream: Stream, partition: number): { retryAfterMs?: number } {
    const ms = retryAfterMs(stream, queueOf(partition).load, random.below(1_000) / 1_000)
    return ms > 0 ? { retryAfterMs: ms } : {}
  }

  async function takeItems(partition: number, group: Item[]): Promise<void> {
    const items: (ReadItem & { item: Item })[] = []
    // One after the other, so that what else comes in is heard between two of them.
    for (const item of group) {
      const it = await readBatch(item.payload)
      if (!it.ok) unreadable(item, it.reason)
      else if (it.batch.stream !== item.stream)
        unreadable(item, `stream: ${it.batch.stream} on the topic of ${item.stream}`)
      else items.push({ siteId: item.siteId, batch: it.batch, item })
    }
    if (items.length === 0) return
    const hops = items.map(({ siteId, batch }) =>
      beginHops('log append', 'consumer', tracesIn(batch.rows), {
        'site.id': siteId,
        'log.partition': partition,
      }),
    )
    const verdicts = await takeGroup(options, partition, items).finally(() => {
      for (const hop of hops.flat()) hop.end()
    })
    for (const [i, verdict] of verdicts.entries())
      answer(partition, items[i] as ReadItem & { item: Item }, verdict)
  }

  function answer(
    partition: number,
    { siteId, batch, item }: ReadItem & { item: Item },
    verdict: Verdict,
  ): void {
    const { stream } = batch
    if (verdict.kind === 'unregistered') {
      log.warn({ siteId }, 'a batch of a site that is not registered here was dropped')
      return
    }
    metrics.batches.inc({ stream })
    // To the conversation that sent it, which may have been replaced since and is told so.
    const from = batch.nonce === undefined ? verdict : { epoch: batch.epoch, nonce: batch.nonce }
    const to = { siteId, journalId: batch.journalId, epoch: from.epoch, nonce: from.nonce }
    if (verdict.kind === 'refused') {
      const { refusal, reason, upTo, rowId } = verdict
      metrics.refusals.inc({ refused: refusal })
      log.warn({ siteId, stream, seq: batch.from, refused: refusal, reason }, 'a batch was refused')
      const later = refusal === 'busy' ? { retryAfterMs: DATABASE_RETRY_MS } : {}
      send(to, 'ack', { stream, upTo, rowId, refused: refusal, reason, ...later })
      return
    }
    send(to, 'ack', { stream, upTo: verdict.upTo, rowId: verdict.rowId, ...laterFor(stream, partition) })
    metrics.rows.inc({ stream }, verdict.fresh)
    metrics.ackSeconds.observe((clock.mono() - item.atMs) / 1_000)
    if (verdict.authority) options.heard(siteId)
    if (verdict.unreadable > 0) options.poisoned(siteId, verdict.tenantId)
  }

  /** The journal could not be read from the batch; the last conversation of the site stands for it, or it repeats itself. */
  function unreadable(item: Item, reason: string): void {
    log.warn({ siteId: item.siteId, stream: item.stream, reason }, 'a batch cannot be read')
    refuseUnread(item, 'unreadable', reason)
  }

  function busy(item: Item, retryAfterMs: number): void {
    refuseUnread(item, 'busy', 'the gateway has too much to do', retryAfterMs)
  }

  function refuseUnread(item: Item, refused: Refusal, reason: string, retryAfterMs?: number): void {
    metrics.refusals.inc({ refused })
    const to = conversations.lastKnown(item.siteId)
    if (!to) return
    const later = retryAfterMs === undefined ? {} : { retryAfterMs }
    send(to, 'ack', { stream: item.stream, upTo: 0, rowId: '', refused, reason, ...later })
  }

  return {
    take(siteId, stream, payload) {
      const partition = eventLog.partitionOf(siteId)
      const queue = queueOf(partition)
      const item = { siteId, stream, payload, atMs: clock.mono() }
      if (isShed(stream, queue.load))
        return busy(item, laterFor(stream, partition).retryAfterMs ?? SHED_RETRY_MS)
      if (queue.isLoud(item)) return busy(item, SHED_RETRY_MS)
      queue.push(item)
      running[partition] ??= work(partition).finally(() => {
        running[partition] = undefined
      })
    },
    loadFor: (siteId) => queueOf(eventLog.partitionOf(siteId)).load,
    depth: () => queues.reduce((sum, it) => sum + it.load.batches, underWay),
    async drain() {
      await Promise.all(running)
    },
  }
}
