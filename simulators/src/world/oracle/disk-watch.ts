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
  /** Cards whose content was destroyed: they may have lost anything, and must tell what. */
  readonly damaged = new Set<string>()
  #lost: {
    siteId: string
    card: string
    box: string
    journalId: string
    stream: Stream
    seq: number
    rowId: string
  }[] = []
  readonly #salvaged: (siteId: string) => void

  /** `salvaged`: a damaged card was opened; what only it knew may be gone. */
  constructor(stage: Stage, store: Store, salvaged: (siteId: string) => void) {
    this.#stage = stage
    this.#store = store
    this.#salvaged = salvaged
  }

  cloned(from: string, to: string): void {
    const durable = this.#durable.get(from)
    if (durable) this.#durable.set(to, durable)
    if (this.damaged.has(from)) this.damaged.add(to)
  }

  /** A card is taken out for good. What was lost of it, and the word of it that it had for the cloud, went with it. */
  takenOut(card: string): void {
    this.#lost = this.#lost.filter((it) => it.card !== card)
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
    const isDamaged = this.damaged.has(box.card.id)
    if (isDamaged) this.#salvaged(box.siteId)
    if (!durable) return
    if (isDamaged) this.#rememberLost(box, durable, loaded)
    if (isDamaged || durable.journalId !== loaded.journalId) return
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

  /** The newest rows of a damaged card: what is gone of them stands in no row's place. */
  #rememberLost({ name, siteId, card }: Box, durable: Loaded, loaded: Loaded): void {
    const isNew = durable.journalId !== loaded.journalId
    for (const stream of STREAMS) {
      const { seq, rowId } = durable.heads[stream]
      if (seq > 0 && (isNew || loaded.heads[stream].seq < seq))
        this.#lost.push({
          siteId,
          card: card.id,
          box: name,
          journalId: durable.journalId,
          stream,
          seq,
          rowId,
        })
    }
  }

  /** At the end. I1: a damaged card's newest rows are in the cloud, or its box has told that it does not know what it lost. */
  checkTold(told: ReadonlySet<string>): void {
    for (const { siteId, box, journalId, stream, seq, rowId } of this.#lost) {
      if (this.#store.row(journalId, stream, seq)?.id === rowId || told.has(siteId)) continue
      this.#stage.broken('I1', `${box}: ${stream} row ${seq} of ${journalId} is lost, and nobody told so`)
    }
  }
}
