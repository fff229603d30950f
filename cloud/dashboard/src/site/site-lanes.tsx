/** The journals of a site, where there is more than one: which of them speaks for it, and the choice of another. */

import { Button } from '@mantine/core'
import type { Site, SiteLane } from '@switchyard/protocol/api/shapes.ts'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { createColumnHelper } from '@tanstack/react-table'
import { useState } from 'react'
import { giveAuthority } from '../api/actions.ts'
import { keys } from '../api/keys.ts'
import { lanesQuery } from '../api/queries.ts'
import { randomId } from '../random.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Panel, Section } from '../ui/page.tsx'
import { Failed } from '../ui/states.tsx'
import { StatusBadge } from '../ui/status-badge.tsx'
import { Ago, Time } from '../ui/time.tsx'

const column = createColumnHelper<SiteLane>()
/** Enough of an id to tell journals apart; the whole is on hover. */
const SHORT = 8

export function SiteLanes({ site, zone }: { site: Site; zone: string }) {
  const { data } = useQuery(lanesQuery(site.siteId))
  if (!data || data.items.length < 2) return null
  const columns = [
    column.accessor('journalId', {
      header: 'Journal',
      meta: { lead: true },
      cell: ({ row: { original } }) => <JournalName lane={original} />,
    }),
    column.accessor('authority', {
      header: 'State',
      meta: { plain: true },
      cell: ({ getValue }) =>
        getValue() ? (
          <StatusBadge tone="done">Speaks for the site</StatusBadge>
        ) : (
          <StatusBadge tone="blocked">Fenced</StatusBadge>
        ),
    }),
    column.accessor('firstHelloAt', {
      header: 'Since',
      cell: ({ getValue }) => <Time at={getValue()} zone={zone} short />,
    }),
    column.accessor('helloAt', {
      header: 'Last hello',
      cell: ({ getValue }) => <Ago at={getValue()} zone={zone} />,
    }),
    column.accessor('ledgerSeq', { header: 'Facts', meta: { align: 'right' } }),
    column.display({
      id: 'choose',
      header: '',
      meta: { align: 'right', plain: true },
      cell: ({ row: { original } }) => <Choose siteId={site.siteId} lane={original} />,
    }),
  ]
  return (
    <Section
      title="Journals"
      note="One speaks for the site. What the others report is kept and billed; they get no commands and no settings."
    >
      <Panel flush>
        <DataTable
          caption="Journals of the site"
          rows={data.items}
          columns={columns}
          rowKey={(lane) => lane.journalId}
        />
      </Panel>
    </Section>
  )
}

function JournalName({ lane }: { lane: SiteLane }) {
  return (
    <span title={lane.journalId}>
      {lane.journalId.slice(0, SHORT)}
      {lane.forkedFrom && <span className="sy-muted"> forked from {lane.forkedFrom.slice(0, SHORT)}</span>}
    </span>
  )
}

/** Choosing the one that speaks already says that it is right, and settles the alerts about it. */
function Choose({ siteId, lane }: { siteId: string; lane: SiteLane }) {
  const [idempotencyKey, setIdempotencyKey] = useState(randomId)
  const queryClient = useQueryClient()
  const giving = useMutation({
    mutationFn: () => giveAuthority(siteId, lane.journalId, idempotencyKey),
    onSuccess: () => {
      setIdempotencyKey(randomId())
      return Promise.all([
        queryClient.invalidateQueries({ queryKey: keys.lanes }),
        queryClient.invalidateQueries({ queryKey: keys.alerts }),
      ])
    },
  })
  return (
    <>
      <Button
        size="compact-xs"
        variant={lane.authority ? 'default' : 'filled'}
        loading={giving.isPending}
        onClick={() => giving.mutate()}
      >
        {lane.authority ? 'Confirm' : 'Give authority'}
      </Button>
      {giving.error && <Failed error={giving.error} />}
    </>
  )
}
