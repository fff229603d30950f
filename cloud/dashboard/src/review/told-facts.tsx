/** A session in review as its site told it. */
import type { ReviewDetail } from '@switchyard/protocol/api/reviews.ts'
import { Link } from '@tanstack/react-router'
import { durationText } from '../format/duration.ts'
import { energyText, milliWhOf } from '../format/energy.ts'
import { FactItem, Facts } from '../ui/facts.tsx'
import { Time } from '../ui/time.tsx'

export function whText(wh: number | null): string {
  return wh === null ? 'not known' : energyText(milliWhOf(wh))
}

export function ToldFacts({ review, zone }: { review: ReviewDetail; zone: string }) {
  const { told, evidence } = review
  return (
    <Facts>
      <FactItem name="Energy">
        <b data-figure="energy">{whText(told.energyWh)}</b>
      </FactItem>
      <FactItem name="Register at the start">{whText(told.startRegisterWh)}</FactItem>
      <FactItem name="Register at the end">{whText(told.endRegisterWh)}</FactItem>
      <FactItem name="Duration">{durationText(told.durationMs)}</FactItem>
      <FactItem name="Started">
        <Time at={told.startedAt} zone={zone} seconds />
      </FactItem>
      <FactItem name="Ended">
        <Time at={told.endedAt} zone={zone} seconds />
      </FactItem>
      <FactItem name="Ended by">
        {evidence.reason}
        {evidence.presumed && ' (presumed: the station never said so)'}
      </FactItem>
      <FactItem name="Token">
        {told.idToken?.value ?? 'none'} <span className="sy-muted">({evidence.authorization})</span>
      </FactItem>
      <FactItem name="Station">
        <Link to="/stations/$stationId" params={{ stationId: review.stationId }}>
          {review.stationId}
        </Link>
        {review.evseId === 0 ? ', EVSE not known' : `, EVSE ${review.evseId}`}
      </FactItem>
      <FactItem name="Transaction">
        <code>{review.transactionId}</code>
      </FactItem>
      <FactItem name="Session">
        <Link to="/sessions/$sessionId" params={{ sessionId: review.sessionId }}>
          Its page
        </Link>
      </FactItem>
    </Facts>
  )
}
