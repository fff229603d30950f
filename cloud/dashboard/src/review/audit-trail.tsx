/** Who decided what, when and why. */
import type { ReviewSettlement, ReviewValues } from '@switchyard/protocol/api/reviews.ts'
import { instantText } from '../format/time.ts'
import { Panel, Section } from '../ui/page.tsx'
import { Time } from '../ui/time.tsx'
import { DECIDED } from './decision-text.ts'
import classes from './review.module.css'
import { whText } from './told-facts.tsx'

export function AuditTrail({ settlements, zone }: { settlements: ReviewSettlement[]; zone: string }) {
  if (settlements.length === 0) return null
  return (
    <Section title="What was decided">
      <Panel>
        <ol className={classes.trail}>
          {settlements.map((it) => (
            <li key={it.settlement}>
              <strong>
                {DECIDED[it.action]} by {it.by.name}
              </strong>{' '}
              <span className="sy-muted">
                <Time at={it.at} zone={zone} seconds />, revision {it.revision}
                {it.override && ', though implausible'}
              </span>
              {it.note && <p>“{it.note}”</p>}
              {it.action === 'correct' && it.after && (
                <ul>
                  {changes(it.before, it.after, zone).map((change) => (
                    <li key={change}>{change}</li>
                  ))}
                </ul>
              )}
            </li>
          ))}
        </ol>
      </Panel>
    </Section>
  )
}

function changes(before: ReviewValues, after: ReviewValues, zone: string): string[] {
  const at = (instant: string) => instantText(Date.parse(instant), zone, { seconds: true })
  const told: [string, string, string][] = [
    ['Energy', whText(before.energyWh), whText(after.energyWh)],
    ['Register at the start', whText(before.startRegisterWh), whText(after.startRegisterWh)],
    ['Register at the end', whText(before.endRegisterWh), whText(after.endRegisterWh)],
    ['Started', at(before.startedAt), at(after.startedAt)],
    ['Ended', at(before.endedAt), at(after.endedAt)],
    ['Token', before.idToken?.value ?? 'none', after.idToken?.value ?? 'none'],
  ]
  return told.filter(([, from, to]) => from !== to).map(([name, from, to]) => `${name}: ${from} → ${to}`)
}
