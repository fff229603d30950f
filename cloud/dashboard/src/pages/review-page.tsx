/** One session in review: why it waits, what the evidence is, what a person can do, and what was done. */
import type { ReviewDetail } from '@switchyard/protocol/api/reviews.ts'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { reviewQuery } from '../api/queries.ts'
import { useSites } from '../hooks/use-sites.ts'
import { AuditTrail } from '../review/audit-trail.tsx'
import { decisionText } from '../review/decision-text.ts'
import { Around, FactsTold, Registers } from '../review/evidence.tsx'
import { Proposed } from '../review/proposed.tsx'
import { ReviewActions } from '../review/review-actions.tsx'
import { ToldFacts } from '../review/told-facts.tsx'
import { Page, Panel, Section } from '../ui/page.tsx'
import { Loaded } from '../ui/states.tsx'
import { StatusBadge } from '../ui/status-badge.tsx'
import { Time } from '../ui/time.tsx'
import classes from './review-page.module.css'

const route = getRouteApi('/frame/reviews/$reviewId')

export function ReviewPage() {
  const { reviewId } = route.useParams()
  const query = useQuery(reviewQuery(reviewId))
  const zone = useSites().zone(query.data?.siteId)
  return (
    <Page
      title={query.data ? `Review of a session at ${query.data.stationId}` : 'Review'}
      trail={<Link to="/reviews">Review</Link>}
      note={query.data && <Time at={query.data.told.endedAt} zone={zone} />}
    >
      <Loaded query={query} lines={8}>
        {(review) => <Detail review={review} zone={zone} />}
      </Loaded>
    </Page>
  )
}

function Detail({ review, zone }: { review: ReviewDetail; zone: string }) {
  const open = review.status === 'open'
  return (
    <>
      <Panel>
        <div className={classes.status}>
          {open ? (
            <StatusBadge tone="review">Waiting</StatusBadge>
          ) : (
            <StatusBadge tone="done">{decisionText(review)}</StatusBadge>
          )}
          <span className="sy-muted">
            {open ? 'since ' : ''}
            <Time at={open ? review.openedAt : review.settledAt} zone={zone} />, revision {review.revision}
          </span>
        </div>
        <ul className={classes.reasons}>
          {review.reasons.map(({ reason, text }) => (
            <li key={reason}>{text}</li>
          ))}
        </ul>
        {open && <ReviewActions review={review} zone={zone} />}
      </Panel>
      <Section title="What the site told">
        <Panel>
          <ToldFacts review={review} zone={zone} />
        </Panel>
      </Section>
      {open && (
        <Section title="What accepting it comes to">
          <Panel>
            <Proposed proposed={review.evidence.proposed} zone={zone} />
          </Panel>
        </Section>
      )}
      <AuditTrail settlements={review.settlements} zone={zone} />
      <Registers evidence={review.evidence} zone={zone} />
      <Around evidence={review.evidence} zone={zone} />
      <FactsTold evidence={review.evidence} zone={zone} />
    </>
  )
}
