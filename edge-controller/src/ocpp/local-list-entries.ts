/** What stands in a station's local list: which of the tokens, for a version and for what the station holds, and what differs from the list before. */
import { type CommandArgs, MAX_LIST_ENTRIES } from '@switchyard/protocol/command/commands.ts'
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { Token } from '@switchyard/protocol/site/buckets.ts'
import { type Session, sessionById } from '../session/session.ts'
import type { SiteState } from '../site-state.ts'
import { STATION_KIND, type Station } from '../station/station.ts'
import { allTokens } from '../tokens.ts'

export type Entry = NonNullable<CommandArgs<'SendLocalList'>['entries']>[number]

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

/**
 * The tokens as a list for a version, accepted ones first. What it cannot name is left out, and so is what is beyond `most` (at
 * most MAX_LIST_ENTRIES): tokens that are not accepted go first; of the accepted ones those stay that have charged at this site, the
 * newest session first, then the others by their identifiers.
 */
export function entriesFor(
  state: SiteState,
  version: OcppVersion = '1.6',
  most = MAX_LIST_ENTRIES,
): { entries: Entry[]; omitted: number } {
  const tokens = [...allTokens(state)]
  const chars = MAX_CHARS[version]
  const fit = tokens.filter(
    ({ idToken, type }) => idToken.length <= chars && (version !== '2.0.1' || TYPES_OF_201.has(type)),
  )
  fit.sort(inOrder)
  // Identifiers are compared without regard to case: the first of each stands.
  const first = new Map<string, Token>()
  for (const token of fit) {
    const key = token.idToken.toLowerCase()
    if (!first.has(key)) first.set(key, token)
  }
  const room = Math.min(most, MAX_LIST_ENTRIES)
  const chosen = first.size <= room ? [...first.values()] : choose(state, [...first.values()], room)
  return { entries: chosen.map((token) => entry(token, chars)), omitted: tokens.length - chosen.length }
}

function isAccepted({ status }: Token): boolean {
  return status === 'Accepted'
}

function inOrder(a: Token, b: Token): number {
  return Number(isAccepted(b)) - Number(isAccepted(a)) || (a.idToken < b.idToken ? -1 : 1)
}

function choose(state: SiteState, tokens: Token[], room: number): Token[] {
  const seenMs = lastSeen(state)
  const of = ({ idToken }: Token) => seenMs.get(idToken.toLowerCase()) ?? 0
  const byNeed = [...tokens].sort(
    (a, b) => Number(isAccepted(b)) - Number(isAccepted(a)) || of(b) - of(a) || inOrder(a, b),
  )
  return byNeed.slice(0, room).sort(inOrder)
}

/** When each token began its newest session at this site, as far as its sessions are kept (running ones, and the last of each station). */
function lastSeen(state: SiteState): Map<string, number> {
  const seen = new Map<string, number>()
  for (const { running, ended } of state.list<Station>(STATION_KIND))
    for (const sessionId of [...ended, ...running]) {
      const session: Session | undefined = sessionById(state, sessionId)
      const key = session?.idToken?.value.toLowerCase()
      if (session && key !== undefined) seen.set(key, Math.max(session.startedAtMs, seen.get(key) ?? 0))
    }
  return seen
}

function entry({ idToken, type, status, expiresAt, groupId }: Token, chars: number): Entry {
  return {
    idToken: { value: idToken, type },
    status,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(groupId === undefined || groupId.length > chars
      ? {}
      : { groupIdToken: { value: groupId, type: 'Central' } }),
  }
}

/**
 * What makes the one list of the other: removed ones (without a status) first. Undefined where a message cannot say it without a
 * doubt: the same identifier in another spelling or of another type.
 */
export function differenceOf(before: readonly Entry[], after: readonly Entry[]): Entry[] | undefined {
  const there = new Map(before.map((it) => [keyOf(it), it]))
  const changed: Entry[] = []
  for (const it of after) {
    const was = there.get(keyOf(it))
    there.delete(keyOf(it))
    if (was && (was.idToken.value !== it.idToken.value || was.idToken.type !== it.idToken.type))
      return undefined
    if (!was || JSON.stringify(was) !== JSON.stringify(it)) changed.push(it)
  }
  const removed = [...there.values()].map(({ idToken }): Entry => ({ idToken }))
  return [...removed, ...changed]
}

function keyOf({ idToken }: Entry): string {
  return idToken.value.toLowerCase()
}
