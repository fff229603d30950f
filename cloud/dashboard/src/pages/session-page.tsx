/** One session: its figures, moving while it runs; its cost explained; the power seen while this page was open. */
import type { Session } from '@switchyard/protocol/api/shapes.ts'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { sessionQuery } from '../api/queries.ts'
import { durationText } from '../format/duration.ts'
import { currentText, energyText, powerText } from '../format/energy.ts'
import { amountText } from '../format/money.ts'
import { epochOf, timeText } from '../format/time.ts'
import { useNow } from '../hooks/use-now.ts'
import { useSites } from '../hooks/use-sites.ts'
import { useLivePicture, usePowerTrace } from '../live/live-context.tsx'
import { mergeSession, type SessionView } from '../live/merge.ts'
import { sessionStatus } from '../live/status-sentence.ts'
import { reviewText, SessionBadge } from '../session/session-status.tsx'
import { SignedValues } from '../session/signed-values.tsx'
import { FactItem, Facts } from '../ui/facts.tsx'
import { Page, Panel, Section } from '../ui/page.tsx'
import { Receipt } from '../ui/receipt.tsx'
import { Empty, Loaded } from '../ui/states.tsx'
import { Ago, Time } from '../ui/time.tsx'
import classes from './session-page.module.css'

const route = getRouteApi('/frame/sessions/$sessionId')
const PowerChart = lazy(() => import('../session/power-chart.tsx'))

const WITHOUT_COST = {
  running: 'not billed yet',
  ended: 'not billed yet',
  review: 'held for review',
  waived: 'waived',
} as const

export function SessionPage() {
  const { sessionId } = route.useParams()
  const query = useQuery(sessionQuery(sessionId))
  const zone = useSites().zone(query.data?.siteId)
  const startedMs = epochOf(query.data?.startedAt)
  return (
    <Page
      title={query.data ? `Session at ${query.data.stationId}` : 'Session'}
      trail={<Link to="/sessions">Sessions</Link>}
      note={startedMs !== undefined && <Time at={query.data?.startedAt} zone={zone} />}
    >
      <Loaded query={query}>{(session) => <SessionDetail session={session} zone={zone} />}</Loaded>
    </Page>
  )
}

function SessionDetail({ session, zone }: { session: Session; zone: string }) {
  const now = useNow()
  const sites = useSites()
  const received = useLivePicture(session.siteId)
  const view = mergeSession(session, sites.byId(session.siteId), received, now)
  const running = session.status === 'running'
  const startedMs = epochOf(session.startedAt)
  const durationMs = session.durationMs ?? 0
  const shownMs = running && startedMs !== undefined ? now - startedMs : durationMs
  return (
    <>
      <Panel>
        {running && <p className={classes.sentence}>{sessionStatus(view, null, zone, now).sentence}</p>}
        <Facts>
          <FactItem name="Status">
            <SessionBadge session={session} view={view} />
          </FactItem>
          <FactItem name={running ? 'Energy so far' : 'Energy'}>
            <b data-figure="energy">{view.milliWh === null ? 'not known' : energyText(view.milliWh)}</b>
          </FactItem>
          {running ? (
            <RunningFacts view={view} zone={zone} />
          ) : (
            <FactItem name="Cost">
              <b>
                {session.cost
                  ? amountText(session.cost.amount, session.cost.currency)
                  : WITHOUT_COST[session.status]}
              </b>
            </FactItem>
          )}
          <FactItem name="Duration">{durationText(shownMs)}</FactItem>
          <FactItem name="Station">
            <Link to="/stations/$stationId" params={{ stationId: session.stationId }}>
              {session.stationId}
            </Link>
            , EVSE {session.evseId}
          </FactItem>
          <FactItem name="Token">
            {session.idToken?.value ?? 'none'} <span className="sy-muted">({session.authorization})</span>
          </FactItem>
          <FactItem name="Started">
            <Time at={session.startedAt} zone={zone} seconds />
          </FactItem>
          {session.endedAt && (
            <FactItem name="Ended">
              <Time at={session.endedAt} zone={zone} seconds />
            </FactItem>
          )}
          {session.reason && (
            <FactItem name="Ended by">
              {session.reason}
              {session.presumed && ' (presumed: the station never said so)'}
            </FactItem>
          )}
          <FactItem name="Transaction">
            <code>{session.transactionId}</code>{' '}
            <Link
              to="/stations/$stationId/messages"
              params={{ stationId: session.stationId }}
              search={{ sessionId: session.sessionId }}
            >
              OCPP messages
            </Link>
          </FactItem>
          {session.priorityCharging && <FactItem name="Priority">charges with priority</FactItem>}
          {session.stationCost && (
            <FactItem name="Cost by the station">
              {session.stationCost.inclTax ?? session.stationCost.exclTax} {session.stationCost.currency}
              <span className="sy-muted">
                {session.stationCost.inclTax === null ? ', without tax' : ''}
                {session.stationCost.final ? '' : ', so far'}
              </span>
            </FactItem>
          )}
          {session.missingEvents && (
            <FactItem name="Missing events">
              {session.missingEvents.numbers
                .map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`))
                .join(', ')}
              <span className="sy-muted">
                {session.missingEvents.lost
                  ? ', lost: the station has none of them any more'
                  : ', by their numbers (seqNo); they may still come'}
              </span>
            </FactItem>
          )}
          {session.revision > 1 && <FactItem name="Revision">{session.revision}, corrected later</FactItem>}
        </Facts>
      </Panel>
      {session.status === 'review' && (
        <Section title="Held for review">
          <Panel>
            <p>
              This session is not billed, because {reviewText(session.review) || 'no reason was given'}.{' '}
              <Link to="/reviews/$reviewId" params={{ reviewId: session.sessionId }}>
                Look at the evidence and decide
              </Link>
            </p>
          </Panel>
        </Section>
      )}
      {session.status === 'waived' && (
        <Section title="Waived">
          <Panel>
            <p>
              Nothing is to be paid for this session.{' '}
              <Link to="/reviews/$reviewId" params={{ reviewId: session.sessionId }}>
                Who waived it, and why
              </Link>
            </p>
          </Panel>
        </Section>
      )}
      {session.status === 'ended' && (
        <Section title="What it cost, and why">
          <Panel>
            {session.costDetails ? (
              <Receipt details={session.costDetails} currency={session.cost?.currency ?? ''} />
            ) : (
              <Empty title="Not billed yet">The cost appears here once the session has been priced.</Empty>
            )}
          </Panel>
        </Section>
      )}
      <SignedValues sessionId={session.sessionId} zone={zone} />
      {running && <PowerSeen sessionId={session.sessionId} zone={zone} />}
    </>
  )
}

function RunningFacts({ view, zone }: { view: SessionView; zone: string }) {
  return (
    <>
      <FactItem name="Power">
        <b data-figure="power">{view.powerW === null ? 'no reading yet' : powerText(view.powerW)}</b>{' '}
        {view.limitMa !== null && <span className="sy-muted">of {currentText(view.limitMa)} allowed</span>}
      </FactItem>
      {view.currentMa && (
        <FactItem name="Current per phase">{view.currentMa.map(currentText).join(' · ')}</FactItem>
      )}
      {view.socPercent !== null && <FactItem name="Battery">{view.socPercent} %</FactItem>}
      <FactItem name="Last reading">
        <Ago at={view.readAt} zone={zone} />
      </FactItem>
    </>
  )
}

/** Only what this page has seen: older readings are not kept in the browser and are not made up. */
function PowerSeen({ sessionId, zone }: { sessionId: string; zone: string }) {
  const points = usePowerTrace(sessionId)
  const first = points[0]
  return (
    <Section title="Power" note={first && `as seen by this page since ${timeText(first.atMs, zone, true)}`}>
      <Panel>
        {points.length < 2 ? (
          <Empty title="Watching">
            The curve begins with the readings that come while this page is open.
          </Empty>
        ) : (
          <Suspense fallback={null}>
            <PowerChart points={points} zone={zone} />
          </Suspense>
        )}
      </Panel>
    </Section>
  )
}
