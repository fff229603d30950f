/** What was metered of a session stood in the session itself in journals of older versions: it is taken out of it, once. */
import { Draft } from '../draft.ts'
import type { SiteState } from '../site-state.ts'
import { putSession, SESSION_KIND, type Session, sessionById } from './session.ts'

/** To be called at the start. Rejects as SiteState.commit does; nothing is committed where there is nothing of it. */
export async function takeMeteredApart(state: SiteState): Promise<void> {
  const draft = new Draft(state)
  for (const { sessionId, register, reading, readingKey } of state.list<Session>(SESSION_KIND))
    if (register || reading || readingKey !== undefined) putSession(draft, sessionById(draft, sessionId)!)
  await state.commit(draft.outcome())
}
