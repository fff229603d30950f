/** The first thing after a damaged journal was opened: sessions whose state is lost are found again in its rows, and all is told. */
import { readFact, type Stream } from '@switchyard/protocol/site/fact.ts'
import { Draft } from './draft.ts'
import type { Journal } from './journal/port.ts'
import { SALVAGED_ID, SALVAGED_KIND, type Salvaged } from './journal/salvage.ts'
import type { Log } from './ports.ts'
import { restoreSessions, SessionsOfFacts } from './session/rebuild.ts'
import { SESSION_KIND, type Session } from './session/session.ts'
import type { SiteState } from './site-state.ts'

/** Ranges of lost rows that the fact of a salvage tells; each is told in its place besides. */
const MAX_LOST_TOLD = 200
/** Newest rows of telemetry that are looked through for the last registers of sessions that run. */
const TELEMETRY_ROWS = 20_000
const PAGE_ROWS = 500
const PAGE_BYTES = 8 * 1024 * 1024

/** Does nothing at a start after which nothing was salvaged. Rejects as SiteState.commit does. */
export async function tellSalvaged(
  siteId: string,
  journal: Journal,
  state: SiteState,
  log: Log,
): Promise<void> {
  const found = state.get<Salvaged>(SALVAGED_KIND, SALVAGED_ID)
  if (!found) return
  log.error({ siteId, ...found }, 'the file of the journal was damaged: what could be read goes on')
  const draft = new Draft(state)
  if (found.entitiesLost) {
    const sessions = restoreSessions(
      draft,
      state.list<Session>(SESSION_KIND),
      await sessionsOfRows(journal, state),
    )
    log.warn({ siteId, sessions }, 'sessions whose state was lost go on as the rows of the journal tell them')
  }
  draft.fact({
    kind: 'journal.salvaged',
    data: { ...found, lost: found.lost.slice(0, MAX_LOST_TOLD) },
  })
  draft.remove(SALVAGED_KIND, SALVAGED_ID)
  await state.commit(draft.outcome())
}

async function sessionsOfRows(journal: Journal, state: SiteState): Promise<Session[]> {
  const sessions = new SessionsOfFacts()
  await readInto(sessions, journal, 'ledger', 0, state.heads.ledger.seq)
  const { seq } = state.heads.telemetry
  if (sessions.areSomeRunning)
    await readInto(sessions, journal, 'telemetry', Math.max(0, seq - TELEMETRY_ROWS), seq)
  return sessions.all
}

async function readInto(
  sessions: SessionsOfFacts,
  journal: Journal,
  stream: Stream,
  from: number,
  head: number,
): Promise<void> {
  for (let after = from; after < head; ) {
    const { rows, pruned } = await journal.readAfter(stream, after, PAGE_ROWS, PAGE_BYTES)
    for (const row of rows) {
      const read = readFact(row.fact)
      if (read.ok && read.known) sessions.take(read.fact)
    }
    const next = rows.at(-1)?.seq ?? pruned?.seq ?? head
    if (next <= after) return
    after = next
  }
}
