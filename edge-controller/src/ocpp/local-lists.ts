/**
 * Keeps the local lists of stations in step with the tokens document, where the site document wants that (1.6 section 5.15; 2.x use
 * cases D01, D02): after a boot the station is asked for its limits and its version; then, and some time after a change of the
 * tokens, what differs from the list that it took last is sent, or the whole list, where that is shorter, its version is another one,
 * or it does not take the difference. In the background: sessions do not wait for it.
 */
import { createHash } from 'node:crypto'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import { appliedDocument, documentVersionOf } from '../documents.ts'
import { type CommandResult, type Execute, lifeOf } from '../execute.ts'
import type { Clock, Log } from '../ports.ts'
import { NOTHING, type Outcome, type SiteState } from '../site-state.ts'
import { stationOf } from '../station/station.ts'
import { entriesSent, keepList, sentTo } from './kept-lists.ts'
import { differenceOf, type Entry, entriesFor } from './local-list-entries.ts'
import type { ListLimits } from './station-limits.ts'

/** A list goes to a station no more often, however often tokens change: it is written to flash. After a boot it goes at once. */
export const LIST_INTERVAL_MS = 10 * 60_000
/** Longest that a command for a list may take. */
const LIST_TTL_MS = 5 * 60_000
/** Longest wait for what a station tells of its limits; without it the list goes as if there were none. */
const LIMITS_TTL_MS = 60_000
const LIMITS_16 = ['LocalAuthListEnabled', 'LocalAuthListMaxLength', 'SendLocalListMaxLength']
const LIMITS_2 = ['Enabled', 'ItemsPerMessage', 'BytesPerMessage'].map((it) => `LocalAuthListCtrlr.${it}`)

interface Kept {
  /** Version of the tokens document when the station was last seen to; absent: to be tried again. */
  seenTo?: string
  monoMs: number
  isRunning: boolean
  /** It was asked for its limits since its boot. */
  knowsLimits: boolean
}

export interface LocalListPorts {
  state: SiteState
  clock: Clock
  log: Log
  execute: Execute
  /** What the station has told that it holds. */
  limitsOf(stationId: string): ListLimits
}

/** What is wanted of a station's list now. */
interface Wanted {
  entries: Entry[]
  digest: string
  told: Pick<FactData<'station.local-list'>, 'omitted' | 'most'>
}

export class LocalLists {
  readonly #ports: LocalListPorts
  readonly #kept = new Map<string, Kept>()

  constructor(ports: LocalListPorts) {
    this.#ports = ports
  }

  /** The station has booted: it may have lost its list. */
  booted(stationId: string): void {
    if (!this.#kept.get(stationId)?.isRunning) this.#kept.delete(stationId)
  }

  /** To be called now and then for every station that is there and accepted. */
  keep(stationId: string): void {
    const { state, clock } = this.#ports
    if (appliedDocument(state, 'site')?.authorization?.localList !== true) return
    const tokens = JSON.stringify(documentVersionOf(state, 'tokens') ?? null)
    const kept = this.#kept.get(stationId)
    if (kept && (kept.isRunning || kept.seenTo === tokens || clock.mono() - kept.monoMs < LIST_INTERVAL_MS))
      return
    const now: Kept = {
      seenTo: tokens,
      monoMs: clock.mono(),
      isRunning: true,
      knowsLimits: kept?.knowsLimits ?? false,
    }
    this.#kept.set(stationId, now)
    void this.#bring(stationId, now).then((isDone) => {
      now.isRunning = false
      if (!isDone) delete now.seenTo
    })
  }

  /** False: the station gave no answer, and is to be tried again. What it has refused it is not sent until something changes. */
  async #bring(stationId: string, kept: Kept): Promise<boolean> {
    if (!kept.knowsLimits) {
      await this.#askLimits(stationId)
      kept.knowsLimits = true
    }
    const { isOff, most } = this.#ports.limitsOf(stationId)
    if (isOff) return this.#refused(stationId, 'the station has its local list switched off')
    const wanted = this.#wanted(stationId, most)
    const first = await this.#send(stationId, wanted, 'Differential')
    // The station says that its list is another one than it was thought to be, or cannot change it: it gets the whole.
    return first === 'again'
      ? (await this.#send(stationId, wanted, 'Full')) !== 'unanswered'
      : first === 'done'
  }

  #wanted(stationId: string, most: number | undefined): Wanted {
    const { state } = this.#ports
    const { entries, omitted } = entriesFor(state, stationOf(state, stationId)?.ocpp, most)
    const digest = createHash('sha256').update(JSON.stringify(entries)).digest('hex')
    return { entries, digest, told: { omitted, ...(most === undefined ? {} : { most }) } }
  }

  /** `again`: the difference was not taken. */
  async #send(
    stationId: string,
    { entries, digest, told }: Wanted,
    wish: 'Full' | 'Differential',
  ): Promise<'done' | 'unanswered' | 'again'> {
    const { state } = this.#ports
    const asked = await this.#execute(stationId, 'GetLocalListVersion', {})
    if (asked.status !== 'accepted') return this.#failed(stationId, asked)
    const there = Number(asked.reply?.listVersion ?? asked.reply?.versionNumber ?? 0)
    // 1.6 section 6.22: the station keeps no list.
    if (there < 0) {
      await this.#refused(stationId, 'the station keeps no local list')
      return 'done'
    }
    const sent = sentTo(state, stationId)
    if (wish === 'Differential' && sent?.version === there && sent.digest === digest) return 'done'
    const before = wish === 'Differential' && sent?.version === there ? entriesSent(state, sent) : undefined
    const difference = before && differenceOf(before, entries)
    const isShorter = difference !== undefined && difference.length < entries.length
    const update = isShorter
      ? { updateType: 'Differential' as const, entries: difference }
      : { updateType: 'Full' as const, entries }
    // Each message of a list has a version of its own, and there are no more messages than entries.
    const version = Math.max(there, sent?.version ?? 0) + Math.max(1, update.entries.length)
    const args = { ...update, versionNumber: version }
    const result = await this.#execute(stationId, 'SendLocalList', args as unknown as JsonObject)
    const isNo = result.status === 'rejected' || result.status === 'failed'
    if (isNo && isShorter) return 'again'
    if (result.status !== 'accepted') return this.#failed(stationId, result)
    const { updateType } = update
    await this.#tell(
      stationId,
      { outcome: 'kept', version, entries: entries.length, ...told, updateType, sent: update.entries.length },
      keepList(state, stationId, { version, digest }, entries),
    )
    return 'done'
  }

  /** In 2.x how many tokens it holds is told by a report only; a station that makes none is asked for the rest. */
  async #askLimits(stationId: string): Promise<void> {
    const ask = (kind: string, args: object) =>
      this.#execute(stationId, kind, args as JsonObject, LIMITS_TTL_MS)
    const settings = (names: string[]) => ask('GetSettings', { settings: names.map((name) => ({ name })) })
    if (stationOf(this.#ports.state, stationId)?.ocpp === '1.6') await settings(LIMITS_16)
    else {
      const component = { name: 'LocalAuthListCtrlr' }
      const reported = await ask('GetReport', { componentVariable: [{ component }] })
      if (reported.status !== 'accepted' || reported.reply?.complete !== true) await settings(LIMITS_2)
    }
  }

  async #failed(stationId: string, result: CommandResult): Promise<'done' | 'unanswered'> {
    await this.#refused(stationId, whyOf(result))
    // Its word; a call that it answers with an error is one as well.
    return result.status === 'rejected' || result.status === 'failed' ? 'done' : 'unanswered'
  }

  async #refused(stationId: string, reason: string): Promise<true> {
    await this.#tell(stationId, { outcome: 'failed', reason })
    return true
  }

  #execute(
    stationId: string,
    kind: string,
    args: JsonObject,
    ttlMs: number = LIST_TTL_MS,
  ): Promise<CommandResult> {
    const { clock, execute } = this.#ports
    const life = lifeOf(clock.now(), ttlMs)
    return execute({ id: `local-list:${stationId}`, stationId, kind, args, ...life }, ttlMs)
  }

  async #tell(
    stationId: string,
    data: FactData<'station.local-list'>,
    kept: Pick<Outcome, 'puts' | 'deletes'> = NOTHING,
  ): Promise<void> {
    const { state, log } = this.#ports
    await state
      .commit({
        facts: [{ kind: 'station.local-list', stationId, data }],
        puts: kept.puts,
        deletes: kept.deletes,
      })
      .catch((error) => log.warn({ stationId, error }, 'what became of a local list was not journalled'))
  }
}

/** Why a command of the site's own was not done, in the station's words where it has said some. */
export function whyOf({ status, reply, error }: CommandResult): string {
  const said = typeof reply?.status === 'string' ? reply.status : status
  return (error ? `${error.code}: ${error.description}` : said).slice(0, 500)
}
