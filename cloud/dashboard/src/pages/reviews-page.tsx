/** Sessions that wait for a person, longest first; and those that were settled. */
import { SegmentedControl } from '@mantine/core'
import type { Review } from '@switchyard/protocol/api/reviews.ts'
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { createColumnHelper } from '@tanstack/react-table'
import { useMemo } from 'react'
import { reviewsQuery } from '../api/queries.ts'
import { energyText, milliWhOf } from '../format/energy.ts'
import { type Sites, useSites } from '../hooks/use-sites.ts'
import { decisionText } from '../review/decision-text.ts'
import { reviewText } from '../session/session-status.tsx'
import { DataTable } from '../ui/data-table.tsx'
import { Page } from '../ui/page.tsx'
import { PagedList } from '../ui/paged-list.tsx'
import { Empty } from '../ui/states.tsx'
import { Ago, Time } from '../ui/time.tsx'

const route = getRouteApi('/frame/reviews')
const column = createColumnHelper<Review>()

function reviewColumns(sites: Sites, settled: boolean) {
  return [
    column.display({
      id: 'why',
      header: 'Why',
      meta: { lead: true },
      cell: ({ row: { original: review } }) => (
        <Link to="/reviews/$reviewId" params={{ reviewId: review.reviewId }}>
          {reviewText(review.reasons.map((it) => it.reason))}
        </Link>
      ),
    }),
    column.display({
      id: 'station',
      header: 'Station',
      cell: ({ row: { original: review } }) => (
        <Link to="/stations/$stationId" params={{ stationId: review.stationId }}>
          {review.stationId}
        </Link>
      ),
    }),
    column.display({
      id: 'token',
      header: 'Token',
      cell: ({ row }) => row.original.told.idToken?.value ?? <span className="sy-muted">none</span>,
    }),
    column.display({
      id: 'ended',
      header: 'Ended',
      cell: ({ row: { original: review } }) => (
        <Time at={review.told.endedAt} zone={sites.zone(review.siteId)} short />
      ),
    }),
    column.display({
      id: 'energy',
      header: 'Energy told',
      meta: { align: 'right' },
      cell: ({ row: { original: review } }) => (
        <span className="sy-nowrap">
          {review.told.energyWh === null ? 'not known' : energyText(milliWhOf(review.told.energyWh), 3)}
        </span>
      ),
    }),
    settled
      ? column.display({
          id: 'decision',
          header: 'Settled',
          cell: ({ row: { original: review } }) => decisionText(review),
        })
      : column.display({
          id: 'waiting',
          header: 'Waiting since',
          cell: ({ row: { original: review } }) => (
            <Ago at={review.openedAt} zone={sites.zone(review.siteId)} />
          ),
        }),
  ]
}

export function ReviewsPage() {
  const { status = 'open' } = route.useSearch()
  const navigate = useNavigate()
  const query = useInfiniteQuery(reviewsQuery(status))
  const sites = useSites()
  const columns = useMemo(() => reviewColumns(sites, status === 'settled'), [sites, status])
  return (
    <Page
      title="Review"
      note="What must not be billed blindly waits here for a person."
      actions={
        <SegmentedControl
          size="xs"
          aria-label="Which reviews"
          data={[
            { value: 'open', label: 'Waiting' },
            { value: 'settled', label: 'Settled' },
          ]}
          value={status}
          onChange={(value) =>
            void navigate({ to: '/reviews', search: value === 'settled' ? { status: value } : {} })
          }
        />
      }
    >
      <PagedList
        query={query}
        what="sessions"
        lines={6}
        empty={
          <Empty title={status === 'open' ? 'Nothing waits' : 'Nothing was settled yet'}>
            {status === 'open' && 'Every session that ended is billed, or was decided on.'}
          </Empty>
        }
      >
        {(reviews) => (
          <DataTable
            caption={status === 'open' ? 'Sessions that wait' : 'Settled sessions'}
            rows={reviews}
            columns={columns}
            rowKey={(review) => review.reviewId}
          />
        )}
      </PagedList>
    </Page>
  )
}
