/** Watches every card: what its controller was told is durable must be there when the card is read again. */
import type { Heads, Request, Response } from '@switchyard/edge-controller/site-controller.ts'
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import type { Store } from '../cloud/store.ts'
import type { Box } from '../site/box.ts'
import type { Stage } from '../stage.ts'

interface Loaded {
  journalId: string
  heads: Heads
}

export class DiskWatch {
  readonly #stage: Stage
  readonly #store: Store
  /** By card: the journal that lies on it. */
  readonly #journals = new Map<string, string>()
  /** By card: the rows that were said to be durable last. */
  readonly #durable = new Map<string, Loaded>()
  /** Cards whose content was destroyed: they may have lost anything. */
  readonly damaged = new Set<string>()

  constructor(stage: Stage, store: Store) {
    this.#stage = stage
    this.#store = store
  }

  cloned(from: string, to: string): void {
    const durable = this.#durable.get(from)
    if (durable) this.#durable.set(to, durable)
    if (this.damaged.has(from)) this.damaged.add(to)
  }

  /** I2: what a site takes for acknowledged is committed. A cloud that was restored has forgotten, and is asked nothing. */
  performed(box: Box, request: Request, response: Response): void {
    if (!response.ok) return
    const { id } = box.card
    if (request.op === 'open') this.#journals.set(id, (response.value as Loaded).journalId)
    if (request.op === 'fork') this.#journals.set(id, request.fork.journalId)
    if (request.op !== 'group' || this.#store.isRestored) return
    const journalId = this.#journals.get(id)!
    for (const stream of STREAMS) {
      const acked = request.acknowledged[stream] ?? 0
      const committed = this.#store.lane(box.siteId, journalId)?.last[stream].seq ?? 0
      if (acked > committed)
        this.#stage.broken(
          'I2',
          `${box.name}: takes ${stream} row ${acked} of ${journalId} for acknowledged, the cloud has ${committed}`,
        )
    }
  }

  /** I1: what a card gives up lies in the cloud. */
  pruned(box: Box, stream: Stream, { seq, rowId }: { seq: number; rowId: string }): void {
    if (this.#store.isRestored || this.#store.rowById(rowId)) return
    this.#stage.broken('I1', `${box.name}: ${stream} row ${seq} (${rowId}) is pruned, and not in the cloud`)
  }

  answered(box: Box, request: Request, response: Response): void {
    if (!response.ok) return
    const cardId = box.card.id
    if (request.op === 'open') this.#opened(box, response.value as Loaded)
    const durable = this.#durable.get(cardId)
    if (request.op === 'fork')
      this.#durable.set(cardId, { journalId: request.fork.journalId, heads: response.value as Heads })
    if (request.op === 'group' && durable)
      this.#durable.set(cardId, { ...durable, heads: (response.value as { heads: Heads }).heads })
  }

  #opened(box: Box, loaded: Loaded): void {
    const durable = this.#durable.get(box.card.id)
    this.#durable.set(box.card.id, loaded)
    if (!durable || this.damaged.has(box.card.id)) return
    if (durable.journalId !== loaded.journalId) return
    for (const stream of STREAMS) {
      const [before, now] = [durable.heads[stream], loaded.heads[stream]]
      const isLost = now.seq < before.seq || (now.seq === before.seq && now.rowId !== before.rowId)
      if (isLost)
        this.#stage.broken(
          'I1',
          `${box.name}: ${stream} row ${before.seq} (${before.rowId}) was durable, the card now ends at ${now.seq} (${now.rowId})`,
        )
    }
  }
}
