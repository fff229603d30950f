/** A list that is read page by page: what was read of it, or that there is nothing, and the way to more. */
import type { ReactNode } from 'react'
import { LoadMore } from './load-more.tsx'
import { Panel } from './page.tsx'
import { Loaded } from './states.tsx'

interface PagedListProps<T> {
  query: {
    data: { pages: { items: T[] }[] } | undefined
    error: unknown
    isPending: boolean
    refetch(): unknown
    hasNextPage: boolean
    isFetchingNextPage: boolean
    fetchNextPage(): unknown
  }
  /** "sessions" */
  what: string
  /** Roughly how many lines will come. */
  lines?: number
  /** Stands where the list has nothing. */
  empty: ReactNode
  children: (rows: T[]) => ReactNode
}

export function PagedList<T>({ query, what, lines = 3, empty, children }: PagedListProps<T>) {
  return (
    <Loaded query={query} lines={lines}>
      {({ pages }) => {
        const rows = pages.flatMap((page) => page.items)
        return (
          <Panel flush>
            {rows.length === 0 ? empty : children(rows)}
            <LoadMore query={query} shown={rows.length} what={what} />
          </Panel>
        )
      }}
    </Loaded>
  )
}
