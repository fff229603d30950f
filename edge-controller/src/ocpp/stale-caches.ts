/**
 * Takes withdrawn tokens from the authorization caches of stations: after a version of the tokens document by which one was blocked, removed
 * or cut short, every station that has its cache switched on is sent ClearCache (1.6 section 5.4; 2.x use case C11), as a message of its own
 * for one token OCPP has not. In the background: sessions do not wait for it.
 */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import { type CommandResult, type Execute, lifeOf } from '../execute.ts'
import type { Clock, Log } from '../ports.ts'
import type { SiteState } from '../site-state.ts'
import { CLEARED_CACHE_KIND } from '../station/removal.ts'
import { stationOf } from '../station/station.ts'
import { newestWithdrawal } from '../withdrawn-tokens.ts'
import { whyOf } from './local-lists.ts'
import { MODULES } from './modules.ts'

/** A station is told no more often, however often tokens are withdrawn: an empty cache costs its drivers a question each. */
export const CLEAR_INTERVAL_MS = 60_000
/** Stations of a site that are told at a time; the others follow. */
export const MAX_AT_ONCE = 20
/** Longest that a station may take to answer. */
const CLEAR_TTL_MS = 60_000
/** 1.6 section 9.1.1; 2.0.1 Part 2, AuthCacheCtrlr. A station that has no such setting has no cache. */
const SWITCHES = {
  '1.6': ['AuthorizationCacheEnabled'],
  '2.x': ['AuthCacheCtrlr.Enabled', 'AuthCacheCtrlr.Available'],
}

export interface StaleCachesPorts {
  state: SiteState
  clock: Clock
  log: Log
  execute: Execute
  /** Whether the site sets stations up at all. */
  hasBaseline(stationId: string): boolean
}

export class StaleCaches {
  readonly #ports: StaleCachesPorts
  /** When each station had last been told, monotonic. */
  readonly #toldMs = new Map<string, number>()
  readonly #running = new Set<string>()

  constructor(ports: StaleCachesPorts) {
    this.#ports = ports
  }

  /** To be called now and then for every station that is there and accepted. */
  clear(stationId: string): void {
    const { state, clock, hasBaseline } = this.#ports
    const withdrawn = newestWithdrawal(state)
    if (withdrawn === undefined || state.get<string>(CLEARED_CACHE_KIND, stationId) === withdrawn) return
    if (this.#running.has(stationId) || this.#running.size >= MAX_AT_ONCE || !hasBaseline(stationId)) return
    if (clock.mono() - (this.#toldMs.get(stationId) ?? Number.NEGATIVE_INFINITY) < CLEAR_INTERVAL_MS) return
    this.#running.add(stationId)
    void this.#bring(stationId, withdrawn).finally(() => {
      this.#running.delete(stationId)
      // Counted from the end: those that answer nothing leave their places to the others.
      this.#toldMs.set(stationId, clock.mono())
    })
  }

  async #bring(stationId: string, withdrawn: string): Promise<void> {
    if (await this.#isOff(stationId)) return this.#done(stationId, withdrawn)
    const result = await this.#execute(stationId, 'ClearCache', {})
    if (result.status === 'accepted') return this.#done(stationId, withdrawn, { outcome: 'cleared' })
    const data = { outcome: 'failed' as const, reason: whyOf(result) }
    // Its word, also an error; what it has not answered it is asked again.
    if (result.status === 'rejected' || result.status === 'failed')
      await this.#done(stationId, withdrawn, data)
  }

  /** By its own word; a station that gives none is told all the same, which costs it nothing. */
  async #isOff(stationId: string): Promise<boolean> {
    const version = stationOf(this.#ports.state, stationId)?.ocpp
    const words = version && MODULES[version]?.settings
    if (!words) return false
    const switches = SWITCHES[version === '1.6' ? '1.6' : '2.x'].map((name) => ({ name }))
    const { status, reply } = await this.#execute(stationId, 'GetSettings', { settings: switches })
    if (reply === undefined || (status !== 'accepted' && status !== 'rejected')) return false
    const [enabled, available] = words.valuesIn(reply, switches).map((it) => it?.toLowerCase())
    return enabled === undefined || enabled === 'false' || available === 'false'
  }

  #execute(stationId: string, kind: string, args: JsonObject): Promise<CommandResult> {
    const { clock, execute } = this.#ports
    const life = lifeOf(clock.now(), CLEAR_TTL_MS)
    return execute({ id: `clear-cache:${stationId}`, stationId, kind, args, ...life }, CLEAR_TTL_MS)
  }

  async #done(stationId: string, withdrawn: string, data?: FactData<'station.cache-cleared'>): Promise<void> {
    const { state, log } = this.#ports
    await state
      .commit({
        facts: data ? [{ kind: 'station.cache-cleared', stationId, data }] : [],
        puts: [{ kind: CLEARED_CACHE_KIND, id: stationId, value: withdrawn }],
        deletes: [],
      })
      .catch((error) => log.warn({ stationId, error }, 'what became of a cache was not journalled'))
  }
}
