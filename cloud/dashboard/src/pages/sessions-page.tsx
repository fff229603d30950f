/** All sessions, newest first, by status. */
import { SegmentedControl } from '@mantine/core'
import type { Session } from '@switchyard/protocol/api/shapes.ts'
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { sessionsQuery } from '../api/queries.ts'
import { SessionTable } from '../session/session-table.tsx'
import { Page } from '../ui/page.tsx'
import { PagedList } from '../ui/paged-list.tsx'
import { Empty } from '../ui/states.tsx'

const route = getRouteApi('/frame/sessions')

const FILTERS = [
  { value: 'all', label: 'All' },
  { value: 'running', label: 'Running' },
  { value: 'ended', label: 'Ended' },
  { value: 'review', label: 'In review' },
  { value: 'waived', label: 'Waived' },
] as const

function isStatus(value: string): value is Session['status'] {
  return value !== 'all' && FILTERS.some((filter) => filter.value === value)
}

export function SessionsPage() {
  const { status } = route.useSearch()
  const navigate = useNavigate()
  const query = useInfiniteQuery(sessionsQuery(status ? { status } : {}))
  return (
    <Page
      title="Sessions"
      actions={
        <SegmentedControl
          size="xs"
          aria-label="Which sessions"
          data={[...FILTERS]}
          value={status ?? 'all'}
          onChange={(value) =>
            void navigate({
              to: '/sessions',
              search: isStatus(value) ? { status: value } : {},
            })
          }
        />
      }
    >
      <PagedList
        query={query}
        what="sessions"
        lines={8}
        empty={
          <Empty title={status ? 'No session of this kind' : 'No session yet'}>
            {status === 'review'
              ? 'Sessions whose meter readings or times do not add up are held here instead of being billed.'
              : 'A session appears as soon as a car starts to charge.'}
          </Empty>
        }
      >
        {(sessions) => <SessionTable sessions={sessions} caption="Sessions" />}
      </PagedList>
    </Page>
  )
}
