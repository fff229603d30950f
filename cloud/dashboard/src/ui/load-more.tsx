/** The end of a list that is read page by page. */
import { Button } from '@mantine/core'
import classes from './load-more.module.css'

interface LoadMoreProps {
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage(): unknown }
  shown: number
  /** "sessions" */
  what: string
}

export function LoadMore({ query, shown, what }: LoadMoreProps) {
  if (!query.hasNextPage) return null
  return (
    <div className={classes.more}>
      <span>
        The first {shown} {what} are shown.
      </span>
      <Button
        variant="default"
        size="xs"
        loading={query.isFetchingNextPage}
        onClick={() => void query.fetchNextPage()}
      >
        Load more
      </Button>
    </div>
  )
}
