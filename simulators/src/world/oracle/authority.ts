/** I8: who speaks for a site. Authority goes over from a box that is heard only by its own will or an operator's. */
import type { Hello } from '@switchyard/protocol/site/envelope.ts'
import { type Grant, LATE_PICTURE_MS, PRESENCE_EXPIRY_MS } from '@switchyard/protocol/site/grant.ts'
import type { Stage } from '../stage.ts'

export class AuthorityWatch {
  readonly #stage: Stage
  /** What every hello was granted. */
  readonly #grants = new Map<string, number>()
  /** By journal: when it was heard as the one in authority last, and when it first said hello; ms of the world. */
  readonly #heard = new Map<string, number>()
  readonly #appeared = new Map<string, number>()

  constructor(stage: Stage) {
    this.#stage = stage
  }

  heard(siteId: string, journalId: string): void {
    this.#heard.set(`${siteId}/${journalId}`, this.#stage.nowMs)
  }

  /** A cloud that was restored has forgotten what it granted, and whom it heard. */
  forget(): void {
    this.#grants.clear()
    this.#heard.clear()
    this.#appeared.clear()
  }

  /** An operator decided: the same hello may be granted another epoch. */
  decided(siteId: string): void {
    for (const key of this.#grants.keys()) if (key.startsWith(`${siteId}/`)) this.#grants.delete(key)
  }

  /** `before`: the journal in authority until then, with the boot that spoke as it. */
  granted(
    siteId: string,
    hello: Hello,
    grant: Grant,
    before: string | null,
    bootBefore: string | null,
  ): void {
    const { journalId, nonce, bootId, forkedFrom } = hello
    const lane = `${siteId}/${journalId}`
    // One that was fenced at first may have it since the other is silent.
    if (grant.authority) this.#asBefore(`${lane}/${nonce}`, lane, grant.epoch)
    const appearedMs = this.#appeared.get(lane) ?? this.#stage.nowMs
    this.#appeared.set(lane, appearedMs)
    if (!grant.authority || before === null || before === journalId) return
    if (forkedFrom === before && bootBefore === bootId) return
    const heardMs = this.#heard.get(`${siteId}/${before}`)
    if (heardMs === undefined) return
    const silentMs = this.#stage.nowMs - heardMs
    if (silentMs <= PRESENCE_EXPIRY_MS || heardMs > appearedMs + LATE_PICTURE_MS)
      this.#stage.broken(
        'I8',
        `${siteId}: ${journalId} takes authority from ${before}, which was heard ${silentMs} ms ago`,
      )
  }

  /** Asked twice with the same hello, a grant says the same. */
  #asBefore(key: string, lane: string, epoch: number): void {
    const before = this.#grants.get(key)
    if (before !== undefined && before !== epoch)
      this.#stage.broken('I8', `${lane}: one hello was granted epoch ${before}, then ${epoch}`)
    this.#grants.set(key, epoch)
  }
}
