/** A station's newest OCPP messages, fetched from its site when a person asks for them. */
import { Button, TextInput } from '@mantine/core'
import type { StationMessage } from '@switchyard/protocol/api/messages.ts'
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { createColumnHelper } from '@tanstack/react-table'
import { type FormEvent, useMemo } from 'react'
import { apiUrl } from '../api/client.ts'
import { type MessageFilter, stationMessagesQuery } from '../api/queries.ts'
import { useSites } from '../hooks/use-sites.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Page } from '../ui/page.tsx'
import { PagedList } from '../ui/paged-list.tsx'
import { Empty } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'
import classes from './messages-page.module.css'

const route = getRouteApi('/frame/stations/$stationId/messages')
const column = createColumnHelper<StationMessage & { place: number }>()
/** The API's largest page: what one file holds. */
const TRANSCRIPT_MESSAGES = 500

/** What kind of frame it is, by its first element (OCPP-J, section 4). */
const FRAMES: Record<number, string> = { 2: 'call', 3: 'answer', 4: 'error', 5: 'answer error', 6: 'send' }

function frameKind({ frame }: StationMessage): string {
  const kind = frame?.[0]
  return typeof kind === 'number' ? (FRAMES[kind] ?? 'unknown') : 'no OCPP'
}

/** What stands in a frame after its kind, id and action: that is what a person wants to read. */
function contentOf({ frame, text }: StationMessage): string {
  if (frame === undefined) return text ?? ''
  const payload = frame.slice(frame[0] === 2 || frame[0] === 6 ? 3 : 2)
  return JSON.stringify(payload.length === 1 ? payload[0] : payload)
}

export function MessagesPage() {
  const { stationId } = route.useParams()
  const filter: MessageFilter = route.useSearch()
  const navigate = useNavigate()
  const zone = useSites().zone()
  const query = useInfiniteQuery(stationMessagesQuery(stationId, filter))
  const columns = useMemo(
    () => [
      column.accessor('at', {
        header: 'When',
        cell: ({ getValue }) => <Time at={getValue()} zone={zone} short seconds />,
      }),
      column.accessor('dir', {
        header: 'From',
        cell: ({ getValue }) => <span className="sy-nowrap">{getValue() === 'in' ? 'station' : 'site'}</span>,
      }),
      column.display({
        id: 'what',
        header: 'Message',
        cell: ({ row: { original } }) => (
          <span className="sy-nowrap">
            <b>{original.action ?? ''}</b> <span className="sy-muted">{frameKind(original)}</span>
          </span>
        ),
      }),
      column.display({
        id: 'content',
        header: 'Content',
        meta: { lead: true },
        cell: ({ row: { original } }) => <pre className={classes.content}>{contentOf(original)}</pre>,
      }),
    ],
    [zone],
  )
  return (
    <Page
      title="OCPP messages"
      trail={
        <>
          <Link to="/stations">Stations</Link> ›{' '}
          <Link to="/stations/$stationId" params={{ stationId }}>
            {stationId}
          </Link>
        </>
      }
      note="The newest that its site keeps, in memory; secrets are left out there."
      actions={
        <>
          <Button
            size="xs"
            variant="default"
            loading={query.isRefetching}
            onClick={() => void query.refetch()}
          >
            Read again
          </Button>
          <Button
            size="xs"
            variant="default"
            component="a"
            href={apiUrl(`/stations/${encodeURIComponent(stationId)}/messages`, {
              ...filter,
              format: 'transcript',
              limit: TRANSCRIPT_MESSAGES,
            })}
            download={`${stationId}.jsonl`}
          >
            Save as transcript
          </Button>
        </>
      }
    >
      <form
        key={JSON.stringify(filter)}
        className={classes.filter}
        onSubmit={(event: FormEvent<HTMLFormElement>) => {
          event.preventDefault()
          const form = new FormData(event.currentTarget)
          const said = (name: string) => String(form.get(name) ?? '').trim()
          void navigate({
            to: '/stations/$stationId/messages',
            params: { stationId },
            search: {
              ...(said('action') === '' ? {} : { action: said('action') }),
              ...(said('sessionId') === '' ? {} : { sessionId: said('sessionId') }),
            },
          })
        }}
      >
        <TextInput name="action" label="Action" placeholder="BootNotification" defaultValue={filter.action} />
        <TextInput name="sessionId" label="Session" defaultValue={filter.sessionId} />
        <Button type="submit" variant="default">
          Show
        </Button>
      </form>
      <PagedList query={query} what="messages" lines={6} empty={<Empty title="No such message is kept" />}>
        {(rows) => (
          <DataTable
            caption="OCPP messages, newest first"
            rows={rows.map((message, place) => ({ ...message, place }))}
            columns={columns}
            rowKey={({ place }) => String(place)}
          />
        )}
      </PagedList>
    </Page>
  )
}
