/** Roll-outs of firmware and credentials, newest first, and the way to begin one. */
import { Button } from '@mantine/core'
import type { Rollout } from '@switchyard/protocol/api/rollouts.ts'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { createColumnHelper } from '@tanstack/react-table'
import { useMemo, useState } from 'react'
import { ROLLOUT_POLL_MS, rolloutsQuery } from '../api/queries.ts'
import { useSites } from '../hooks/use-sites.ts'
import { RolloutDialog } from '../rollout/rollout-dialog.tsx'
import { progressText, RolloutBadge, rolloutTitle, whatText } from '../rollout/rollout-words.tsx'
import { DataTable } from '../ui/data-table.tsx'
import { Page } from '../ui/page.tsx'
import { PagedList } from '../ui/paged-list.tsx'
import { Empty } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'

const column = createColumnHelper<Rollout>()

function rolloutColumns(zone: string) {
  return [
    column.display({
      id: 'name',
      header: 'Roll-out',
      meta: { lead: true },
      cell: ({ row: { original } }) => (
        <Link to="/rollouts/$rolloutId" params={{ rolloutId: original.rolloutId }}>
          {rolloutTitle(original)}
        </Link>
      ),
    }),
    column.accessor(whatText, { id: 'what', header: 'What' }),
    column.display({
      id: 'status',
      header: 'Status',
      meta: { plain: true },
      cell: ({ row: { original } }) => <RolloutBadge rollout={original} />,
    }),
    column.display({
      id: 'stations',
      header: 'Stations',
      cell: ({ row: { original } }) => progressText(original),
    }),
    column.accessor('createdAt', {
      header: 'Begun',
      cell: ({ getValue }) => <Time at={getValue()} zone={zone} short />,
    }),
  ]
}

export function RolloutsPage() {
  const query = useInfiniteQuery({ ...rolloutsQuery(), refetchInterval: ROLLOUT_POLL_MS })
  const zone = useSites().zone()
  const columns = useMemo(() => rolloutColumns(zone), [zone])
  const [beginning, setBeginning] = useState(false)
  return (
    <Page
      title="Roll-outs"
      note="Firmware and credentials for many stations, in stages: one station of each site first, then the others in waves."
      actions={
        <Button size="xs" onClick={() => setBeginning(true)}>
          Begin a roll-out…
        </Button>
      }
    >
      <PagedList
        query={query}
        what="roll-outs"
        empty={
          <Empty title="No roll-out yet">
            Stations keep the firmware and the credentials that they have until one is begun.
          </Empty>
        }
      >
        {(rows) => (
          <DataTable
            caption="Roll-outs"
            rows={rows}
            columns={columns}
            rowKey={(rollout) => rollout.rolloutId}
          />
        )}
      </PagedList>
      {beginning && <RolloutDialog onClose={() => setBeginning(false)} />}
    </Page>
  )
}
