/** Refused connections in the name of stations that the site knows: told at first, then once in a while with how many there were. */
import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import type { Admission, Knock } from './admission.ts'

/** Between two facts about one station: whoever knocks without end fills no journal. */
export const TELL_EVERY_MS = 15 * 60_000
const WORTH_TELLING: ReadonlySet<number> = new Set([401, 429])

export class RefusedKnocks {
  /** One for each known station at most. */
  readonly #told = new Map<string, { atMs: number; since: number }>()

  /** The fact to tell now, if any. `nowMs` is monotonic. */
  take(
    { stationId, remote }: Knock,
    refusal: Extract<Admission, { ok: false }>,
    nowMs: number,
  ): FactDraft | undefined {
    const { status, reason } = refusal
    if (!WORTH_TELLING.has(status)) return undefined
    const told = this.#told.get(stationId)
    const times = (told?.since ?? 0) + 1
    if (told && nowMs - told.atMs < TELL_EVERY_MS) {
      told.since = times
      return undefined
    }
    this.#told.set(stationId, { atMs: nowMs, since: 0 })
    return { kind: 'station.connection-refused', stationId, data: { reason, status, remote, times } }
  }
}
