/** One roll-out: how far it is, what holds it, and each of its stations. */
import type { Rollout, RolloutStation } from '@switchyard/protocol/api/rollouts.ts'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { createColumnHelper } from '@tanstack/react-table'
import { useMemo } from 'react'
import { ROLLOUT_POLL_MS, rolloutQuery, rolloutStationsQuery } from '../api/queries.ts'
import { type Sites, useSites } from '../hooks/use-sites.ts'
import classes from '../rollout/rollout.module.css'
import { RolloutActions } from '../rollout/rollout-actions.tsx'
import {
  progressText,
  RolloutBadge,
  RolloutStationBadge,
  rolloutTitle,
  stationText,
  whatText,
} from '../rollout/rollout-words.tsx'
import { DataTable } from '../ui/data-table.tsx'
import { FactItem, Facts } from '../ui/facts.tsx'
import { Page, Panel, Section } from '../ui/page.tsx'
import { PagedList } from '../ui/paged-list.tsx'
import { Empty, Loaded } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'

const route = getRouteApi('/frame/rollouts/$rolloutId')
const column = createColumnHelper<RolloutStation>()

function stationColumns(sites: Sites) {
  return [
    column.accessor('stationId', {
      header: 'Station',
      meta: { lead: true },
      cell: ({ row: { original } }) => (
        <>
          <Link to="/stations/$stationId" params={{ stationId: original.stationId }}>
            {original.stationId}
          </Link>
          {original.canary && <span className="sy-muted"> (first of its site)</span>}
        </>
      ),
    }),
    column.accessor('state', {
      header: 'State',
      meta: { plain: true },
      cell: ({ getValue }) => <RolloutStationBadge state={getValue()} />,
    }),
    column.display({
      id: 'why',
      header: 'What',
      meta: { plain: true },
      cell: ({ row: { original } }) => stationText(original),
    }),
    column.accessor((it) => sites.byId(it.siteId)?.name ?? it.siteId, { id: 'site', header: 'Site' }),
    column.accessor('wave', { header: 'Wave', cell: ({ getValue }) => getValue() ?? '–' }),
    column.accessor('firmware', { header: 'Runs', cell: ({ getValue }) => getValue() ?? '–' }),
    column.display({
      id: 'since',
      header: 'Last',
      cell: ({ row: { original } }) => (
        <Time at={original.finishedAt ?? original.toldAt} zone={sites.zone(original.siteId)} short />
      ),
    }),
  ]
}

export function RolloutPage() {
  const { rolloutId } = route.useParams()
  const query = useQuery({ ...rolloutQuery(rolloutId), refetchInterval: ROLLOUT_POLL_MS })
  const { data } = query
  return (
    <Page
      title={data ? rolloutTitle(data) : 'Roll-out'}
      trail={<Link to="/rollouts">Roll-outs</Link>}
      note={data && progressText(data)}
      actions={data && <RolloutActions rollout={data} />}
    >
      <Loaded query={query}>{(rollout) => <RolloutDetail rollout={rollout} />}</Loaded>
    </Page>
  )
}

function RolloutDetail({ rollout }: { rollout: Rollout }) {
  const sites = useSites()
  const zone = sites.zone()
  const stations = useInfiniteQuery({
    ...rolloutStationsQuery(rollout.rolloutId),
    refetchInterval: ROLLOUT_POLL_MS,
  })
  const columns = useMemo(() => stationColumns(sites), [sites])
  const { policy } = rollout
  return (
    <>
      <Panel>
        {rollout.reason && <p className={classes.why}>{rollout.reason}</p>}
        <Facts>
          <FactItem name="Status">
            <RolloutBadge rollout={rollout} />{' '}
            <span className="sy-muted">
              since <Time at={rollout.statusSince} zone={zone} short />
            </span>
          </FactItem>
          <FactItem name="What">{whatText(rollout)}</FactItem>
          {rollout.kind === 'UpdateFirmware' && (
            <FactItem name="Image">{rollout.location ?? 'served by each site'}</FactItem>
          )}
          <FactItem name="Begun">
            <Time at={rollout.createdAt} zone={zone} short />
          </FactItem>
          <FactItem name="Wave">
            {rollout.wave === 0 ? 'none has begun' : rollout.wave}
            <span className="sy-muted">, {policy.width} stations each</span>
          </FactItem>
          <FactItem name="Halts after">
            {policy.maxFailures} {policy.maxFailures === 1 ? 'failure' : 'failures'}
          </FactItem>
          <FactItem name="Running sessions">
            {policy.whileCharging ? 'are no reason to wait' : 'end first'}
          </FactItem>
          <FactItem name="A station has">{policy.timeoutMinutes} min to come through</FactItem>
        </Facts>
      </Panel>
      <Section title="Stations">
        <PagedList query={stations} what="stations" empty={<Empty title="No station" />}>
          {(rows) => (
            <DataTable
              caption="Stations of the roll-out"
              rows={rows}
              columns={columns}
              rowKey={(it) => it.stationId}
            />
          )}
        </PagedList>
      </Section>
    </>
  )
}
