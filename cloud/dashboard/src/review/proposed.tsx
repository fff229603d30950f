/** What accepting a session comes to, and what stands against it. */
import type { BillPreview } from '@switchyard/protocol/api/reviews.ts'
import { Link } from '@tanstack/react-router'
import { energyText, milliWhOf } from '../format/energy.ts'
import { amountText } from '../format/money.ts'
import { reviewText } from '../session/session-status.tsx'
import { Receipt } from '../ui/receipt.tsx'
import { Empty } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'
import classes from './review.module.css'

export function Proposed({ proposed, zone }: { proposed: BillPreview | null; zone: string }) {
  if (proposed === null) return <Empty title="Billing does not answer now">Try again in a moment.</Empty>
  return (
    <div className={classes.stack}>
      {proposed.against.length > 0 && (
        <p>It cannot be billed as it is, because {reviewText(proposed.against)}.</p>
      )}
      {proposed.overlapping.map((other) => (
        <p key={other.cdrId}>
          Billed on the same connector:{' '}
          <Link to="/sessions/$sessionId" params={{ sessionId: other.sessionId }}>
            <Time at={other.startedAt} zone={zone} /> to <Time at={other.endedAt} zone={zone} />
          </Link>
          , {energyText(milliWhOf(other.energyWh), 3)}
        </p>
      ))}
      {proposed.payable && (
        <p>
          It is billed {amountText(proposed.payable.cost.amount, proposed.payable.cost.currency)} now (CDR{' '}
          <code>{proposed.payable.cdrId}</code>), which would be credited.
        </p>
      )}
      {proposed.costDetails && (
        <Receipt details={proposed.costDetails} currency={proposed.cost?.currency ?? ''} />
      )}
    </div>
  )
}
