/** The only site itself, or all sites with how each stands. */
import type { Site } from '@switchyard/protocol/api/shapes.ts'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { createColumnHelper } from '@tanstack/react-table'
import { sitesQuery } from '../api/queries.ts'
import { countText } from '../format/energy.ts'
import { knownZone } from '../format/time.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { Empty, Loaded } from '../ui/states.tsx'
import { StatusBadge } from '../ui/status-badge.tsx'
import { Time } from '../ui/time.tsx'
import { SiteView } from './site-page.tsx'

const column = createColumnHelper<Site>()
const columns = [
  column.accessor('name', {
    header: 'Site',
    meta: { lead: true },
    cell: ({ row: { original: site } }) => (
      <Link to="/sites/$siteId" params={{ siteId: site.siteId }}>
        {site.name}
      </Link>
    ),
  }),
  column.accessor('online', {
    header: 'Controller',
    cell: ({ getValue }) => (
      <StatusBadge tone={getValue() ? 'available' : 'fault'}>{getValue() ? 'Online' : 'Offline'}</StatusBadge>
    ),
  }),
  column.accessor('lastHeardAt', {
    header: 'Last heard',
    cell: ({ row: { original: site } }) => (
      <Time at={site.lastHeardAt} zone={knownZone(site.timeZone)} short />
    ),
  }),
  column.accessor('stations', {
    header: 'Stations',
    meta: { align: 'right' },
    cell: ({ getValue }) => countText(getValue()),
  }),
  column.display({
    id: 'backlog',
    header: 'Rows behind',
    meta: { align: 'right' },
    cell: ({ row: { original: site } }) =>
      site.backlog ? countText(site.backlog.ledger + site.backlog.telemetry) : '–',
  }),
]

export function OverviewPage() {
  const query = useQuery(sitesQuery())
  const only = query.data?.items.length === 1 ? query.data.items[0] : undefined
  if (only) return <SiteView site={only} />
  return (
    <Page title="Overview">
      <Loaded query={query}>
        {({ items }) => (
          <Panel flush>
            {items.length === 0 ? (
              <Empty title="No site yet">
                A site appears once it is registered (POST /api/v1/sites) and its controller has connected.
              </Empty>
            ) : (
              <DataTable caption="Sites" rows={items} columns={columns} rowKey={(site) => site.siteId} />
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  )
}
