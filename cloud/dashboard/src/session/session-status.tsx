/** How a session stands, as a badge. */
import type { Session } from '@switchyard/protocol/api/shapes.ts'
import type { SessionView } from '../live/merge.ts'
import { StatusBadge } from '../ui/status-badge.tsx'

/** Why a session is held, in words; the reasons of the protocol. */
const REVIEW_WORDS: Record<string, string> = {
  'register-falling': 'the meter went backwards',
  'register-implausible-power': 'more energy than the connector can deliver in the time',
  'register-zero-start': 'it started at zero on a meter that was not at zero',
  'register-missing': 'a meter register is missing',
  'unknown-start': 'its start is not known',
  'unplaceable-time': 'its times cannot be placed',
  'no-identity': 'nobody is known who would pay',
  'end-unknown': 'its site has forgotten it before its end was told',
  'overlaps-another-session': 'another session is billed at the same time on its connector',
  'no-tariff': 'there is no tariff for it',
  'waived-before': 'a person waived it, and its site told it anew since',
}

/** Why a session is held for review, one sentence. */
export function reviewText(reasons: readonly string[]): string {
  return reasons.map((reason) => REVIEW_WORDS[reason] ?? reason).join('; ')
}

export function SessionBadge({ session, view }: { session: Session; view?: SessionView }) {
  if (session.status === 'review') return <StatusBadge tone="review">In review</StatusBadge>
  if (session.status === 'waived') return <StatusBadge tone="blocked">Waived</StatusBadge>
  if (session.status === 'ended') {
    return <StatusBadge tone="done">{session.presumed ? 'Ended (presumed)' : 'Ended'}</StatusBadge>
  }
  return view?.finishing ? (
    <StatusBadge tone="waiting">Ending</StatusBadge>
  ) : (
    <StatusBadge tone="charging">Running</StatusBadge>
  )
}
