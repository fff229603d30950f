/** Watches every card: what its controller was told is durable must be there when the card is read again. */
import type { Heads, Request, Response } from '@switchyard/edge-controller/site-controller.ts'
import { STREAMS } from '@switchyard/protocol/site/fact.ts'
import type { Box } from '../site/box.ts'
import type { Stage } from '../stage.ts'

interface Loaded {
  journalId: string
  heads: Heads
}

export class DiskWatch {
  readonly #stage: Stage
  /** By card: the rows that were said to be durable last. */
  readonly #durable = new Map<string, Loaded>()
  /** Cards whose content was destroyed: they may have lost anything. */
  readonly damaged = new Set<string>()

  constructor(stage: Stage) {
    this.#stage = stage
  }

  cloned(from: string, to: string): void {
    const durable = this.#durable.get(from)
    if (durable) this.#durable.set(to, durable)
    if (this.damaged.has(from)) this.damaged.add(to)
  }

  performed(_box: Box, _request: Request, _response: Response): void {}

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
