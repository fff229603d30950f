/** How a session in review was settled, in words. */
import type { Review } from '@switchyard/protocol/api/reviews.ts'

export const DECIDED = { accept: 'Accepted', correct: 'Corrected', waive: 'Waived' } as const

export function decisionText({ decision, revision }: Pick<Review, 'decision' | 'revision'>): string {
  if (decision === null || decision.revision < revision) return 'Billed without a decision'
  return `${DECIDED[decision.action]} by ${decision.by.name}`
}
