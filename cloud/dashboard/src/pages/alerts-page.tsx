/** Alerts: the open ones first, then what has cleared. */
import type { Alert } from '@switchyard/protocol/api/shapes.ts'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { createColumnHelper } from '@tanstack/react-table'
import { useMemo } from 'react'
import { alertsQuery } from '../api/queries.ts'
import { type Sites, useSites } from '../hooks/use-sites.ts'
import { DataTable } from '../ui/data-table.tsx'
import { LoadMore } from '../ui/load-more.tsx'
import { Page, Panel, Section } from '../ui/page.tsx'
import { Empty, Loaded } from '../ui/states.tsx'
import { StatusBadge } from '../ui/status-badge.tsx'
import { Time } from '../ui/time.tsx'

const column = createColumnHelper<Alert>()

const SEVERITIES = {
  critical: { tone: 'fault', word: 'Critical' },
  warning: { tone: 'waiting', word: 'Warning' },
  info: { tone: 'info', word: 'Information' },
} as const

function alertColumns(sites: Sites) {
  return [
    column.accessor('text', {
      header: 'What',
      meta: { lead: true },
      cell: ({ row: { original: alert } }) => (
        <>
          {alert.text}
          {alert.runbook && <div className="sy-muted">What to do: {alert.runbook}</div>}
        </>
      ),
    }),
    column.accessor('severity', {
      header: 'Severity',
      cell: ({ getValue }) => (
        <StatusBadge tone={SEVERITIES[getValue()].tone}>{SEVERITIES[getValue()].word}</StatusBadge>
      ),
    }),
    column.display({
      id: 'where',
      header: 'Where',
      cell: ({ row: { original: alert } }) =>
        alert.stationId ? (
          <Link to="/stations/$stationId" params={{ stationId: alert.stationId }}>
            {alert.stationId}
          </Link>
        ) : alert.siteId ? (
          <Link to="/sites/$siteId" params={{ siteId: alert.siteId }}>
            {sites.byId(alert.siteId)?.name ?? alert.siteId}
          </Link>
        ) : (
          'Cloud'
        ),
    }),
    column.accessor('raisedAt', {
      header: 'Raised',
      cell: ({ row: { original: alert } }) => (
        <Time at={alert.raisedAt} zone={sites.zone(alert.siteId)} short />
      ),
    }),
    column.accessor('clearedAt', {
      header: 'Cleared',
      cell: ({ row: { original: alert } }) =>
        alert.clearedAt === null ? (
          <span className="sy-muted">open</span>
        ) : (
          <Time at={alert.clearedAt} zone={sites.zone(alert.siteId)} short />
        ),
    }),
  ]
}

export function AlertsPage() {
  const query = useInfiniteQuery(alertsQuery())
  const sites = useSites()
  const columns = useMemo(() => alertColumns(sites), [sites])
  return (
    <Page title="Alerts">
      <Loaded query={query} lines={4}>
        {({ pages }) => {
          const alerts = pages.flatMap((page) => page.items)
          const open = alerts.filter((alert) => alert.clearedAt === null)
          const cleared = alerts.filter((alert) => alert.clearedAt !== null)
          return (
            <>
              <Panel flush>
                {open.length === 0 ? (
                  <Empty title="All is well">No alert is open.</Empty>
                ) : (
                  <DataTable
                    caption="Open alerts"
                    rows={open}
                    columns={columns}
                    rowKey={(alert) => alert.alertId}
                  />
                )}
              </Panel>
              {(cleared.length > 0 || query.hasNextPage) && (
                <Section title="Cleared">
                  <Panel flush>
                    <DataTable
                      caption="Cleared alerts"
                      rows={cleared}
                      columns={columns}
                      rowKey={(alert) => alert.alertId}
                    />
                    <LoadMore query={query} shown={alerts.length} what="alerts" />
                  </Panel>
                </Section>
              )}
            </>
          )
        }}
      </Loaded>
    </Page>
  )
}
