/** What the site keeps of a station's answer to the call of a command, typed or raw. Pure. */
import type { Draft, StateReader } from '../draft.ts'
import { takePriorityAnswer } from '../session/priority.ts'
import { dynamicProfilesAfter, dynamicProfilesOf, keepDynamicProfiles } from '../station/dynamic-profiles.ts'
import { LOCAL_LIST_KIND } from '../station/removal.ts'
import { isAboutReservations, takeReservationAnswer } from '../station/reservations.ts'

/** Undefined: nothing is kept of it. */
export function keptOfAnswer(
  state: StateReader,
  stationId: string,
  { action, payload, reply }: { action: string; payload: unknown; reply: unknown },
): ((draft: Draft) => void) | undefined {
  const { status } = reply as { status?: string }
  if (action === 'SendLocalList') {
    // What it holds now is another list than the one that was kept for it; who keeps it says which.
    const isKept = state.get(LOCAL_LIST_KIND, stationId) !== undefined
    return isKept ? (draft) => draft.remove(LOCAL_LIST_KIND, stationId) : undefined
  }
  if (action === 'UsePriorityCharging')
    return (draft) => takePriorityAnswer(draft, stationId, payload, status)
  const answer = { action, payload, status }
  const profiles = dynamicProfilesAfter(dynamicProfilesOf(state, stationId), answer)
  if (profiles) return (draft) => keepDynamicProfiles(draft, stationId, profiles)
  if (!isAboutReservations(action)) return undefined
  return (draft) => takeReservationAnswer(draft, stationId, answer)
}
