/** All stations in one table, with what each does in a sentence. */
import { TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { createColumnHelper } from '@tanstack/react-table'
import { useMemo, useState } from 'react'
import { protocolText } from '../format/protocol.ts'
import { useNow } from '../hooks/use-now.ts'
import { useSites } from '../hooks/use-sites.ts'
import type { StationView } from '../live/merge.ts'
import { connectorStatus } from '../live/status-sentence.ts'
import { useStationViews } from '../station/use-station-views.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { Empty, Loaded } from '../ui/states.tsx'
import { StatusBadge } from '../ui/status-badge.tsx'
import classes from './stations-page.module.css'

const column = createColumnHelper<StationView>()

/** A table longer than this is cut; the search narrows it. */
const MAX_ROWS = 200

function Connectors({ view }: { view: StationView }) {
  const zone = useSites().zone(view.station.siteId)
  const now = useNow()
  if (view.connectors.length === 0) return <span>{view.station.statusText}</span>
  return (
    <span className={classes.connectors}>
      {view.connectors.map((connector) => {
        const status = connectorStatus(connector, view, zone, now)
        return (
          <span key={`${connector.evseId}/${connector.connectorId}`} className={classes.connector}>
            <StatusBadge tone={status.tone}>{status.word}</StatusBadge>
            <span>{status.sentence}</span>
          </span>
        )
      })}
    </span>
  )
}

export function StationsPage() {
  const { query, views } = useStationViews()
  const sites = useSites()
  const [search, setSearch] = useState('')
  const manySites = sites.all.length > 1
  const columns = useMemo(
    () => [
      column.accessor((view) => view.station.stationId, {
        id: 'station',
        header: 'Station',
        meta: { lead: true },
        cell: ({ getValue }) => (
          <Link to="/stations/$stationId" params={{ stationId: getValue() }} className="sy-nowrap">
            {getValue()}
          </Link>
        ),
      }),
      column.display({
        id: 'status',
        header: 'Status',
        meta: { lead: true },
        cell: ({ row }) => <Connectors view={row.original} />,
      }),
      column.accessor((view) => [view.station.vendor, view.station.model].filter(Boolean).join(' '), {
        id: 'model',
        header: 'Model',
        cell: ({ getValue }) => getValue() || '–',
      }),
      column.accessor((view) => (view.station.ocpp ? protocolText(view.station.ocpp) : '–'), {
        id: 'ocpp',
        header: 'Protocol',
      }),
      ...(manySites
        ? [
            column.accessor((view) => sites.byId(view.station.siteId)?.name ?? view.station.siteId, {
              id: 'site',
              header: 'Site',
            }),
          ]
        : []),
    ],
    [manySites, sites],
  )
  const wanted = search.trim().toLowerCase()
  const found = views.filter(({ station }) =>
    [station.stationId, station.siteId, station.vendor, station.model, station.serial].some((text) =>
      text?.toLowerCase().includes(wanted),
    ),
  )
  return (
    <Page
      title="Stations"
      note={query.data && `${views.length} ${views.length === 1 ? 'station' : 'stations'}`}
      actions={
        <TextInput
          size="xs"
          aria-label="Find a station"
          placeholder="Find by id, model, serial"
          leftSection={<IconSearch size={14} aria-hidden />}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
      }
    >
      <Loaded query={query} lines={6}>
        {({ next }) => (
          <Panel flush>
            {found.length === 0 ? (
              <Empty title={views.length === 0 ? 'No station yet' : 'No station matches'}>
                {views.length === 0 && 'A station appears when it connects to the controller of its site.'}
              </Empty>
            ) : (
              <DataTable
                caption="Stations"
                rows={found.slice(0, MAX_ROWS)}
                columns={columns}
                rowKey={(view) => view.station.stationId}
              />
            )}
            {(found.length > MAX_ROWS || next !== null) && (
              <p className={classes.cut}>More stations match than are shown; narrow the search.</p>
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  )
}
