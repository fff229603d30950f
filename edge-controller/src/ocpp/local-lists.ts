/**
 * Keeps the local lists of stations in step with the tokens document, where the site document wants that (1.6 section 5.15; 2.x use
 * cases D01, D02): after a boot, and some time after a change of the tokens, the station's version is asked for, and the whole list
 * sent where it is not the one that was sent last. In the background: sessions do not wait for it.
 */
import { createHash } from 'node:crypto'
import { type CommandArgs, MAX_LIST_ENTRIES } from '@switchyard/protocol/command/commands.ts'
import { instant } from '@switchyard/protocol/instant.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import { appliedDocument, documentVersionOf } from '../documents.ts'
import type { CommandResult, Execute } from '../execute.ts'
import type { Clock, Log } from '../ports.ts'
import type { SiteState } from '../site-state.ts'
import { LOCAL_LIST_KIND } from '../station/removal.ts'
import { stationOf } from '../station/station.ts'
import { allTokens } from '../tokens.ts'

/** A list goes to a station no more often, however often tokens change: it is written to flash. After a boot it goes at once. */
export const LIST_INTERVAL_MS = 10 * 60_000
/** Longest that a command for a list may take. */
const LIST_TTL_MS = 5 * 60_000

type Entry = NonNullable<CommandArgs<'SendLocalList'>['entries']>[number]

/** What was sent last, and taken. */
interface Sent {
  version: number
  digest: string
}

interface Kept {
  /** Version of the tokens document when the station was last seen to; absent: to be tried again. */
  seenTo?: string
  monoMs: number
  isRunning: boolean
}

export interface LocalListPorts {
  state: SiteState
  clock: Clock
  log: Log
  execute: Execute
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
    const now: Kept = { seenTo: tokens, monoMs: clock.mono(), isRunning: true }
    this.#kept.set(stationId, now)
    void this.#bring(stationId).then((isDone) => {
      now.isRunning = false
      if (!isDone) delete now.seenTo
    })
  }

  /** False: the station gave no answer, and is to be tried again. What it has refused it is not sent until something changes. */
  async #bring(stationId: string): Promise<boolean> {
    const { state } = this.#ports
    const { entries, omitted } = entriesFor(state, stationOf(state, stationId)?.ocpp)
    const digest = createHash('sha256').update(JSON.stringify(entries)).digest('hex')
    const asked = await this.#execute(stationId, 'GetLocalListVersion', {})
    if (asked.status !== 'accepted') return this.#failed(stationId, asked)
    const there = Number(asked.reply?.listVersion ?? asked.reply?.versionNumber ?? 0)
    // 1.6 section 6.22: the station keeps no list.
    if (there < 0) {
      await this.#tell(stationId, { outcome: 'failed', reason: 'the station keeps no local list' })
      return true
    }
    const sent = state.get<Sent>(LOCAL_LIST_KIND, stationId)
    if (sent?.version === there && sent.digest === digest) return true
    // Each message of a list has a version of its own, and there are no more messages than entries.
    const version = Math.max(there, sent?.version ?? 0) + Math.max(1, entries.length)
    const args = { updateType: 'Full', versionNumber: version, entries }
    const result = await this.#execute(stationId, 'SendLocalList', args as unknown as JsonObject)
    if (result.status !== 'accepted') return this.#failed(stationId, result)
    await this.#tell(
      stationId,
      { outcome: 'kept', version, entries: entries.length, omitted },
      { version, digest },
    )
    return true
  }

  async #failed(stationId: string, result: CommandResult): Promise<boolean> {
    await this.#tell(stationId, { outcome: 'failed', reason: whyOf(result) })
    // Its word; a call that it answers with an error is one as well.
    return result.status === 'rejected' || result.status === 'failed'
  }

  #execute(stationId: string, kind: string, args: JsonObject): Promise<CommandResult> {
    const { clock, execute } = this.#ports
    const nowMs = clock.now()
    const times = { issuedAt: instant(nowMs), expiresAt: instant(nowMs + LIST_TTL_MS) }
    return execute({ id: `local-list:${stationId}`, stationId, kind, args, ...times }, LIST_TTL_MS)
  }

  async #tell(stationId: string, data: FactData<'station.local-list'>, sent?: Sent): Promise<void> {
    const { state, log } = this.#ports
    const puts = sent ? [{ kind: LOCAL_LIST_KIND, id: stationId, value: { ...sent } }] : []
    await state
      .commit({ facts: [{ kind: 'station.local-list', stationId, data }], puts, deletes: [] })
      .catch((error) => log.warn({ stationId, error }, 'what became of a local list was not journalled'))
  }
}

function whyOf({ status, reply, error }: CommandResult): string {
  const said = typeof reply?.status === 'string' ? reply.status : status
  return (error ? `${error.code}: ${error.description}` : said).slice(0, 500)
}

/** Longest idTag of 1.6, and longest idToken of 2.0.1. */
const MAX_CHARS: Record<OcppVersion, number> = { '1.6': 20, '2.0.1': 36, '2.1': 255 }
const TYPES_OF_201: ReadonlySet<string> = new Set([
  'Central',
  'eMAID',
  'ISO14443',
  'ISO15693',
  'KeyCode',
  'Local',
  'MacAddress',
])

/** The tokens as a list for a version, accepted ones first: what it cannot name, and what is beyond MAX_LIST_ENTRIES, is left out. */
export function entriesFor(
  state: SiteState,
  version: OcppVersion = '1.6',
): { entries: Entry[]; omitted: number } {
  const tokens = [...allTokens(state)]
  const most = MAX_CHARS[version]
  const fit = tokens.filter(
    ({ idToken, type }) => idToken.length <= most && (version !== '2.0.1' || TYPES_OF_201.has(type)),
  )
  const rank = (status: string) => (status === 'Accepted' ? 0 : 1)
  fit.sort((a, b) => rank(a.status) - rank(b.status) || (a.idToken < b.idToken ? -1 : 1))
  // Identifiers are compared without regard to case: the first of each stands.
  const first = new Map<string, Entry>()
  for (const { idToken, type, status, expiresAt, groupId } of fit) {
    const key = idToken.toLowerCase()
    if (first.has(key)) continue
    if (first.size === MAX_LIST_ENTRIES) break
    first.set(key, {
      idToken: { value: idToken, type },
      status,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(groupId === undefined || groupId.length > most
        ? {}
        : { groupIdToken: { value: groupId, type: 'Central' } }),
    })
  }
  return { entries: [...first.values()], omitted: tokens.length - first.size }
}
