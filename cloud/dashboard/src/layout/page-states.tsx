/** What stands in place of a page: it is coming, it failed, or there is none at this address. */
import { Button, Skeleton } from '@mantine/core'
import { type ErrorComponentProps, Link, useRouter } from '@tanstack/react-router'
import { readableMessage } from '../api/problem.ts'
import { Page } from '../ui/page.tsx'
import classes from './page-states.module.css'

export function PagePending() {
  return (
    <div className={classes.pending} role="status" aria-label="Loading">
      <Skeleton height={26} width={220} />
      <Skeleton height={88} />
      <Skeleton height={240} />
    </div>
  )
}

export function PageFailed({ error, reset }: ErrorComponentProps) {
  const router = useRouter()
  return (
    <div className={classes.centre} role="alert">
      <h1>This page could not be shown</h1>
      <p>{readableMessage(error)}</p>
      <Button
        onClick={() => {
          reset()
          void router.invalidate()
        }}
      >
        Try again
      </Button>
    </div>
  )
}

export function NotFoundPage() {
  return (
    <Page title="Not found" hideTitle>
      <div className={classes.centre}>
        <h1>There is no such page</h1>
        <p>The address may be mistyped, or what it showed is gone.</p>
        <Link to="/">Go to the overview</Link>
      </div>
    </Page>
  )
}
