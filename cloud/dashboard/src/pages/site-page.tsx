/** A site live: its link and journal, its stations with what runs on them, and what ended lately with its cost. */
import type { Site } from '@switchyard/protocol/api/shapes.ts'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { sessionsQuery, sitesQuery } from '../api/queries.ts'
import { knownZone, timeText, zoneOffset } from '../format/time.ts'
import { useNow } from '../hooks/use-now.ts'
import { SessionTable } from '../session/session-table.tsx'
import { SiteLanes } from '../site/site-lanes.tsx'
import { SiteStrip } from '../site/site-strip.tsx'
import cards from '../station/station-card.module.css'
import { StationCard } from '../station/station-card.tsx'
import { useStationViews } from '../station/use-station-views.ts'
import { Page, Panel, Section } from '../ui/page.tsx'
import { Empty, Loaded } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'
import classes from './site-page.module.css'

const route = getRouteApi('/frame/sites/$siteId')

/** More stations than this are better found in the list. */
const MAX_CARDS = 60
const RECENT = 8
const HELD = 3

export function SitePage() {
  const { siteId } = route.useParams()
  const query = useQuery(sitesQuery())
  return (
    <Loaded query={query}>
      {({ items }) => {
        const site = items.find((one) => one.siteId === siteId)
        return site ? (
          <SiteView site={site} />
        ) : (
          <Page title={siteId}>
            <Empty title="There is no such site">
              <Link to="/">See all sites</Link>
            </Empty>
          </Page>
        )
      }}
    </Loaded>
  )
}

export function SiteView({ site }: { site: Site }) {
  const zone = knownZone(site.timeZone)
  const { query, views } = useStationViews(site.siteId)
  const recent = useInfiniteQuery(sessionsQuery({ siteId: site.siteId, status: 'ended' }, RECENT))
  const held = useInfiniteQuery(sessionsQuery({ siteId: site.siteId, status: 'review' }, HELD))
  const heldSessions = held.data?.pages[0]?.items ?? []
  return (
    <Page title={site.name} note={<SiteClock zone={zone} />} trail={`Site ${site.siteId}`}>
      {!site.online && <OfflineNotice site={site} zone={zone} />}
      <SiteStrip site={site} zone={zone} stations={views} />
      <SiteLanes site={site} zone={zone} />
      <Section title="Stations">
        <Loaded query={query} lines={6}>
          {() =>
            views.length === 0 ? (
              <Panel>
                <Empty title="No station yet">
                  Point a charger at the site controller: ws://<i>controller</i>:9000/ocpp/<i>station id</i>.
                </Empty>
              </Panel>
            ) : (
              <div className={cards.grid}>
                {views.slice(0, MAX_CARDS).map((view) => (
                  <StationCard key={view.station.stationId} view={view} zone={zone} />
                ))}
              </div>
            )
          }
        </Loaded>
        {views.length > MAX_CARDS && (
          <Link to="/stations">
            {MAX_CARDS} of {views.length} stations are shown; see the list for all
          </Link>
        )}
      </Section>
      {heldSessions.length > 0 && (
        <Section
          title="Held for review"
          note="Not billed until someone has looked at them."
          actions={
            <Link to="/sessions" search={{ status: 'review' }}>
              All in review
            </Link>
          }
        >
          <Panel flush>
            <SessionTable sessions={heldSessions} caption="Sessions held for review" />
          </Panel>
        </Section>
      )}
      <Section title="Ended lately" actions={<Link to="/sessions">All sessions</Link>}>
        <Loaded query={recent} lines={4}>
          {({ pages }) => {
            const sessions = pages[0]?.items ?? []
            return (
              <Panel flush>
                {sessions.length === 0 ? (
                  <Empty title="No session has ended yet">Each one shows here with its cost explained.</Empty>
                ) : (
                  <SessionTable sessions={sessions} caption="Sessions that ended lately" />
                )}
              </Panel>
            )
          }}
        </Loaded>
      </Section>
    </Page>
  )
}

function OfflineNotice({ site, zone }: { site: Site; zone: string }) {
  return (
    <div className={classes.offline} role="status">
      {site.lastHeardAt ? (
        <p>
          <strong>The site is not connected.</strong> What stands here is as of{' '}
          <Time at={site.lastHeardAt} zone={zone} short seconds />. Charging goes on there without the cloud;
          its sessions arrive, once each, when the link is back.
        </p>
      ) : (
        <p>
          <strong>The site has not connected yet.</strong> It shows here as soon as its controller does.
        </p>
      )}
    </div>
  )
}

function SiteClock({ zone }: { zone: string }) {
  const now = useNow()
  // "UTC · UTC (GMT+0)" would say one thing three times.
  const where = zone === 'UTC' ? '' : ` · ${zone} (${zoneOffset(now, zone)})`
  return <span>{timeText(now, zone, true) + where}</span>
}
