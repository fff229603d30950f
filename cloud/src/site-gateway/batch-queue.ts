/**
 * Batches that wait for one log partition, first come first served. A lane has one batch in flight, so whoever was taken stands
 * at the end again: that is what divides the partition fairly among its sites.
 */
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import type { Load } from './load.ts'

/** Batches of one lane that wait; by the protocol it has one in flight, so that a loud site holds up only itself. */
export const MAX_QUEUED_OF_LANE = 4
/** Batches in one append. */
export const MAX_GROUP_BATCHES = 32
/** Their bytes as sent, unless a single one is larger: so that nobody waits long for an append of others. */
export const MAX_GROUP_BYTES = 192 * 1024

export interface Item {
  siteId: string
  stream: Stream
  payload: Buffer
  atMs: number
}

export class BatchQueue {
  #items: Item[] = []
  #bytes = 0
  readonly #ofLane = new Map<string, number>()

  get load(): Load {
    return { batches: this.#items.length, bytes: this.#bytes }
  }

  /** The lane has as many waiting as it may. */
  isLoud(item: Item): boolean {
    return (this.#ofLane.get(laneOf(item)) ?? 0) >= MAX_QUEUED_OF_LANE
  }

  push(item: Item): void {
    this.#items.push(item)
    this.#count(item, 1)
  }

  /** The oldest of each lane: two of one lane cannot be judged by the same state. Empty when nothing waits. */
  next(): Item[] {
    const lanes = new Set<string>()
    const group: Item[] = []
    const left: Item[] = []
    let bytes = 0
    let full = false
    for (const item of this.#items) {
      const lane = laneOf(item)
      const again = lanes.has(lane)
      // Nobody smaller passes one for whom there was no room.
      full ||= group.length === MAX_GROUP_BATCHES
      full ||= !again && group.length > 0 && bytes + item.payload.length > MAX_GROUP_BYTES
      if (full || again) left.push(item)
      else {
        group.push(item)
        lanes.add(lane)
        bytes += item.payload.length
      }
    }
    this.#items = left
    for (const item of group) this.#count(item, -1)
    return group
  }

  #count(item: Item, by: 1 | -1): void {
    this.#bytes += by * item.payload.length
    const lane = laneOf(item)
    const count = (this.#ofLane.get(lane) ?? 0) + by
    if (count === 0) this.#ofLane.delete(lane)
    else this.#ofLane.set(lane, count)
  }
}

function laneOf({ siteId, stream }: Item): string {
  return `${siteId}/${stream}`
}
