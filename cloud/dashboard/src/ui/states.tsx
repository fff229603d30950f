/** Empty, failed and loading: every list and page shows one of them rather than nothing. */
import { Button, Skeleton } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { readableMessage } from '../api/problem.ts'
import classes from './states.module.css'

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={classes.empty}>
      <strong>{title}</strong>
      {children && <p>{children}</p>}
    </div>
  )
}

export function Failed({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) {
  return (
    <div className={classes.failed} role="alert">
      <IconAlertTriangle size={18} aria-hidden />
      <p>{readableMessage(error)}</p>
      {onRetry && (
        <Button size="compact-sm" variant="default" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  )
}

interface Readable<T> {
  data: T | undefined
  error: unknown
  isPending: boolean
  refetch(): unknown
}

interface LoadedProps<T> {
  query: Readable<T>
  /** Roughly how many lines will come, for the placeholder. */
  lines?: number
  children: (data: T) => ReactNode
}

/** What a query has: a placeholder, the failure, or the data (with the failure above it when a later read failed). */
export function Loaded<T>({ query, lines = 3, children }: LoadedProps<T>) {
  if (query.data !== undefined) {
    return (
      <>
        {query.error ? <Failed error={query.error} onRetry={() => void query.refetch()} /> : null}
        {children(query.data)}
      </>
    )
  }
  if (query.error) return <Failed error={query.error} onRetry={() => void query.refetch()} />
  return (
    <div className={classes.loading} role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholders are all alike
        <Skeleton key={line} height={38} />
      ))}
    </div>
  )
}
