/** Sessions as rows: running ones move, ended ones unfold what they cost. */
import { Button } from '@mantine/core'
import type { Session } from '@switchyard/protocol/api/shapes.ts'
import { Link } from '@tanstack/react-router'
import { createColumnHelper } from '@tanstack/react-table'
import { useMemo, useState } from 'react'
import { durationText } from '../format/duration.ts'
import { energyText, powerText } from '../format/energy.ts'
import { amountText } from '../format/money.ts'
import { epochOf } from '../format/time.ts'
import { useNow } from '../hooks/use-now.ts'
import { useSites } from '../hooks/use-sites.ts'
import { useLivePicture } from '../live/live-context.tsx'
import { mergeSession } from '../live/merge.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Receipt } from '../ui/receipt.tsx'
import { Time } from '../ui/time.tsx'
import { reviewText, SessionBadge } from './session-status.tsx'
import classes from './session-table.module.css'

function useSessionView(session: Session) {
  const now = useNow()
  const sites = useSites()
  const received = useLivePicture(session.siteId)
  return mergeSession(session, sites.byId(session.siteId), received, now)
}

function Badge({ session }: { session: Session }) {
  return <SessionBadge session={session} view={useSessionView(session)} />
}

function Energy({ session }: { session: Session }) {
  const { milliWh } = useSessionView(session)
  return <span className="sy-nowrap">{milliWh === null ? '–' : energyText(milliWh, 3)}</span>
}

function Duration({ session }: { session: Session }) {
  const now = useNow()
  const startedMs = epochOf(session.startedAt)
  const running = startedMs === undefined ? 0 : now - startedMs
  return <span className="sy-nowrap">{durationText(session.durationMs ?? running)}</span>
}

function PowerOrCost({ session }: { session: Session }) {
  const view = useSessionView(session)
  if (session.status === 'running') {
    return (
      <span className="sy-nowrap">{view.powerW !== null && view.current ? powerText(view.powerW) : '–'}</span>
    )
  }
  if (session.cost) {
    return <strong className="sy-nowrap">{amountText(session.cost.amount, session.cost.currency)}</strong>
  }
  return <span className="sy-muted">{WITHOUT_COST[session.status]}</span>
}

const WITHOUT_COST = {
  running: '–',
  ended: 'not billed yet',
  review: 'held',
  waived: 'waived',
} as const

const column = createColumnHelper<Session>()

interface SessionTableProps {
  sessions: Session[]
  caption: string
  /** Left out where the station is known anyway. */
  withStation?: boolean
}

export function SessionTable({ sessions, caption, withStation = true }: SessionTableProps) {
  const sites = useSites()
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const anyRunning = sessions.some((session) => session.status === 'running')
  const columns = useMemo(() => {
    const toggle = (sessionId: string) =>
      setOpen((before) => {
        const after = new Set(before)
        if (!after.delete(sessionId)) after.add(sessionId)
        return after
      })
    return [
      column.accessor('startedAt', {
        header: 'Started',
        meta: { lead: true },
        cell: ({ row: { original: session } }) => (
          <Link to="/sessions/$sessionId" params={{ sessionId: session.sessionId }}>
            <Time at={session.startedAt} zone={sites.zone(session.siteId)} short />
          </Link>
        ),
      }),
      column.display({
        id: 'status',
        header: 'Status',
        meta: { plain: true },
        cell: ({ row }) => <Badge session={row.original} />,
      }),
      ...(withStation
        ? [
            column.accessor('stationId', {
              header: 'Station',
              cell: ({ row: { original: session } }) => (
                <Link to="/stations/$stationId" params={{ stationId: session.stationId }}>
                  {session.stationId}
                </Link>
              ),
            }),
          ]
        : []),
      column.display({
        id: 'token',
        header: 'Token',
        cell: ({ row }) => row.original.idToken?.value ?? <span className="sy-muted">none</span>,
      }),
      column.display({
        id: 'duration',
        header: 'Duration',
        meta: { align: 'right' },
        cell: ({ row }) => <Duration session={row.original} />,
      }),
      column.display({
        id: 'energy',
        header: 'Energy',
        meta: { align: 'right' },
        cell: ({ row }) => <Energy session={row.original} />,
      }),
      column.display({
        id: 'cost',
        header: anyRunning ? 'Power / cost' : 'Cost',
        meta: { align: 'right' },
        cell: ({ row }) => <PowerOrCost session={row.original} />,
      }),
      column.display({
        id: 'why',
        header: () => <span className="sy-hidden">Explanation</span>,
        meta: { align: 'right', plain: true },
        cell: ({ row: { original: session } }) =>
          session.costDetails || session.status === 'review' ? (
            <Button
              size="compact-xs"
              variant="default"
              aria-expanded={open.has(session.sessionId)}
              onClick={() => toggle(session.sessionId)}
            >
              {session.costDetails ? 'Cost' : 'Why'}
            </Button>
          ) : null,
      }),
    ]
  }, [sites, open, withStation, anyRunning])

  return (
    <DataTable
      caption={caption}
      rows={sessions}
      columns={columns}
      rowKey={(session) => session.sessionId}
      detail={(session) =>
        open.has(session.sessionId) ? (
          <div className={classes.detail}>
            {session.costDetails && (
              <Receipt details={session.costDetails} currency={session.cost?.currency ?? ''} />
            )}
            {session.status === 'review' && (
              <p>
                Held for review: {reviewText(session.review)}.{' '}
                <Link to="/reviews/$reviewId" params={{ reviewId: session.sessionId }}>
                  Decide
                </Link>
              </p>
            )}
          </div>
        ) : null
      }
    />
  )
}
