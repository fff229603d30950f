/** One station: what it is, its connectors, what can be asked of it, and its sessions. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { runningSessionsQuery, sessionsQuery, stationQuery } from '../api/queries.ts'
import { protocolText } from '../format/protocol.ts'
import { useSites } from '../hooks/use-sites.ts'
import type { StationView } from '../live/merge.ts'
import { SessionTable } from '../session/session-table.tsx'
import { Approval } from '../station/approval.tsx'
import { LocalList } from '../station/local-list.tsx'
import { ConnectorLine } from '../station/station-card.tsx'
import { StationCommands } from '../station/station-commands.tsx'
import { StationQuirks } from '../station/station-quirks.tsx'
import { StationSecurity } from '../station/station-security.tsx'
import { StationSettings } from '../station/station-settings.tsx'
import { useMerged } from '../station/use-station-views.ts'
import { FactItem, Facts } from '../ui/facts.tsx'
import { Page, Panel, Section } from '../ui/page.tsx'
import { PagedList } from '../ui/paged-list.tsx'
import { Empty, Loaded } from '../ui/states.tsx'
import { StatusBadge } from '../ui/status-badge.tsx'
import { Time } from '../ui/time.tsx'
import classes from './station-page.module.css'

const route = getRouteApi('/frame/stations/$stationId')

export function StationPage() {
  const { stationId } = route.useParams()
  const query = useQuery(stationQuery(stationId))
  const running = useQuery(runningSessionsQuery({ stationId })).data?.items ?? []
  const [view] = useMerged(query.data && [query.data], running)
  return (
    <Page
      title={stationId}
      trail={<Link to="/stations">Stations</Link>}
      actions={
        <Link to="/stations/$stationId/messages" params={{ stationId }}>
          OCPP messages
        </Link>
      }
    >
      <Loaded query={query}>{() => view && <StationDetail view={view} />}</Loaded>
    </Page>
  )
}

function StationDetail({ view }: { view: StationView }) {
  const { station } = view
  const sites = useSites()
  const zone = sites.zone(station.siteId)
  const sessions = useInfiniteQuery(sessionsQuery({ stationId: station.stationId }, 20))
  return (
    <>
      <div className={classes.columns}>
        <Panel>
          <div className={classes.connectors}>
            {view.connectors.length === 0 && <Empty title="No connector has told its status yet" />}
            {view.connectors.map((connector) => (
              <ConnectorLine
                key={`${connector.evseId}/${connector.connectorId}`}
                connector={connector}
                view={view}
                named
                zone={zone}
              />
            ))}
          </div>
        </Panel>
        <Panel>
          <Facts>
            <FactItem name="Connection">
              {view.connected ? (
                <StatusBadge tone="available">Connected</StatusBadge>
              ) : (
                <StatusBadge tone="off">Not connected</StatusBadge>
              )}
            </FactItem>
            <FactItem name="Onboarding">
              <Approval stationId={station.stationId} approved={station.approved} />
            </FactItem>
            <FactItem name="Site">
              <Link to="/sites/$siteId" params={{ siteId: station.siteId }}>
                {sites.byId(station.siteId)?.name ?? station.siteId}
              </Link>
            </FactItem>
            <FactItem name="Protocol">{station.ocpp ? protocolText(station.ocpp) : 'not known yet'}</FactItem>
            <FactItem name="Vendor and model">
              {[station.vendor, station.model].filter(Boolean).join(' ') || 'not told'}
            </FactItem>
            <FactItem name="Serial number">{station.serial ?? 'not told'}</FactItem>
            <FactItem name="Firmware">{station.firmware ?? 'not told'}</FactItem>
            <FactItem name="Last boot">
              <Time at={station.bootedAt} zone={zone} short />
            </FactItem>
          </Facts>
        </Panel>
      </div>
      <StationCommands view={view} zone={zone} siteOnline={sites.byId(station.siteId)?.online ?? false} />
      <Section title="Sessions">
        <PagedList query={sessions} what="sessions" empty={<Empty title="No session here yet" />}>
          {(rows) => <SessionTable sessions={rows} caption="Sessions of this station" withStation={false} />}
        </PagedList>
      </Section>
      <StationSecurity station={station} zone={zone} />
      <StationSettings stationId={station.stationId} zone={zone} />
      <LocalList list={station.localList} zone={zone} />
      <StationQuirks station={station} />
    </>
  )
}
