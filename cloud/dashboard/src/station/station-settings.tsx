/** What is wanted of the settings of a station and what it has, drift first. */
import type { StationSettings as Settings } from '@switchyard/protocol/api/settings.ts'
import { useQuery } from '@tanstack/react-query'
import { createColumnHelper } from '@tanstack/react-table'
import { stationSettingsQuery } from '../api/queries.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Panel, Section } from '../ui/page.tsx'
import { Empty, Loaded } from '../ui/states.tsx'
import { StatusBadge } from '../ui/status-badge.tsx'
import { Time } from '../ui/time.tsx'
import classes from './station-details.module.css'

type Setting = Settings['settings'][number]
const column = createColumnHelper<Setting>()

const STATUSES = {
  drift: { tone: 'fault', word: 'Drift' },
  pending: { tone: 'waiting', word: 'Not told yet' },
  applied: { tone: 'available', word: 'As wanted' },
} as const
const ORDER: Setting['status'][] = ['drift', 'pending', 'applied']
const SOURCES: Record<Setting['source'], string> = {
  station: 'this station',
  model: 'its model',
  baseline: 'the metering baseline',
}

function placeText({ name, evseId, connectorId, attributeType }: Setting): string {
  return [
    name,
    ...(evseId === null ? [] : [`EVSE ${evseId}`]),
    ...(connectorId === null ? [] : [`connector ${connectorId}`]),
    ...(attributeType === 'Actual' ? [] : [attributeType]),
  ].join(' · ')
}

const COLUMNS = [
  column.accessor(placeText, {
    id: 'name',
    header: 'Setting',
    meta: { lead: true },
    cell: ({ getValue }) => <span className={classes.name}>{getValue()}</span>,
  }),
  column.accessor('status', {
    header: 'State',
    meta: { plain: true },
    cell: ({ getValue }) => (
      <StatusBadge tone={STATUSES[getValue()].tone}>{STATUSES[getValue()].word}</StatusBadge>
    ),
  }),
  column.accessor('desired', { header: 'Wanted', cell: ({ getValue }) => <code>{getValue()}</code> }),
  column.accessor('actual', {
    header: 'Read',
    cell: ({ getValue }) =>
      getValue() === null ? <span className="sy-muted">not known</span> : <code>{getValue()}</code>,
  }),
  column.accessor('reason', { header: 'Because', cell: ({ getValue }) => getValue() ?? '' }),
  column.accessor('source', { header: 'Wanted of', cell: ({ getValue }) => SOURCES[getValue()] }),
]

export function StationSettings({ stationId, zone }: { stationId: string; zone: string }) {
  const query = useQuery(stationSettingsQuery(stationId))
  return (
    <Section
      title="Settings"
      note={
        query.data?.comparedAt && (
          <>
            compared <Time at={query.data.comparedAt} zone={zone} short />
          </>
        )
      }
    >
      <Loaded query={query}>
        {({ settings, rebootRequired }) => (
          <Panel flush>
            {rebootRequired && <Empty title="Some of them hold only after the station has booted again" />}
            {settings.length === 0 ? (
              <Empty title="Nothing is wanted of its settings" />
            ) : (
              <DataTable
                caption="Settings that are wanted"
                rows={settings.toSorted((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status))}
                columns={COLUMNS}
                rowKey={placeText}
              />
            )}
          </Panel>
        )}
      </Loaded>
    </Section>
  )
}
