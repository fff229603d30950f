/** Reports that follow a command: what a station tells in parts, by a request id, put together for the outcome. The parts are journalled by their own handlers besides. */
import type { ReportWish } from '@switchyard/protocol/command/define.ts'
import type { Json, JsonObject } from '@switchyard/protocol/json.ts'
import type { Clock } from '../ports.ts'

/** What an outcome carries of a report; a longer one is cut there, and says so. Within half a fact, with its reply. */
export const MAX_REPORT_BYTES = 24 * 1024

export interface Report {
  /**
   * Resolves with the report once its last part is here, at the latest after so long with what came until then: `complete` false.
   * `more`: items that had no room.
   */
  within(ms: number): Promise<{ report: Json[]; complete: boolean; more?: number }>
  /** Nothing is collected any more. */
  end(): void
}

interface Part extends JsonObject {
  requestId: number
}

export class Reports {
  readonly #clock: Clock
  /** Those under way; at most as many as commands to a station. */
  readonly #open = new Set<(action: string, part: Part) => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A message of the station that was taken. */
  heard(action: string, payload: unknown): void {
    if (this.#open.size === 0 || typeof (payload as Partial<Part> | null)?.requestId !== 'number') return
    for (const take of this.#open) take(action, payload as Part)
  }

  collect(wish: ReportWish, requestId: number): Report {
    const report: Json[] = []
    let bytes = 0
    let more = 0
    let complete = false
    let finished = (): void => {}
    const take = (action: string, part: Part): void => {
      if (action !== wish.action || part.requestId !== requestId || complete) return
      for (const item of itemsOf(wish, part)) {
        bytes += Buffer.byteLength(JSON.stringify(item)) + 1
        if (bytes <= MAX_REPORT_BYTES) report.push(item)
        else more++
      }
      if (part.tbc === true) return
      complete = true
      finished()
    }
    this.#open.add(take)
    return {
      within: (ms) =>
        new Promise((resolve) => {
          const told = () => resolve({ report, complete, ...(more > 0 ? { more } : {}) })
          if (complete) return told()
          const cancel = this.#clock.after(Math.max(0, ms), told)
          finished = () => {
            cancel()
            told()
          }
        }),
      end: () => void this.#open.delete(take),
    }
  }
}

function itemsOf({ items }: ReportWish, part: Part): Json[] {
  if (items === undefined) {
    const { requestId: _, tbc: __, ...rest } = part
    return Object.keys(rest).length === 0 ? [] : [rest]
  }
  return [part[items] ?? []].flat() as Json[]
}
