/** Tokens that may charge, and the drivers they belong to. */
import { Button, Modal, NativeSelect, TextInput } from '@mantine/core'
import type { Driver, Token } from '@switchyard/protocol/api/shapes.ts'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { createColumnHelper } from '@tanstack/react-table'
import { type FormEvent, type ReactNode, useMemo, useState } from 'react'
import { addDriver, addToken } from '../api/actions.ts'
import { keys } from '../api/keys.ts'
import { driversQuery, tokensQuery } from '../api/queries.ts'
import { useSites } from '../hooks/use-sites.ts'
import { randomId } from '../random.ts'
import { DataTable } from '../ui/data-table.tsx'
import { FormActions } from '../ui/form-actions.tsx'
import { Page, Panel, Section } from '../ui/page.tsx'
import { PagedList } from '../ui/paged-list.tsx'
import { Empty, Failed, Loaded } from '../ui/states.tsx'
import { StatusBadge } from '../ui/status-badge.tsx'
import { Time } from '../ui/time.tsx'
import classes from './tokens-page.module.css'

const tokenColumn = createColumnHelper<Token>()
const driverColumn = createColumnHelper<Driver>()

/** OCPP 2.x names of token types; 1.6 has none and matches any. */
const TOKEN_TYPES = ['ISO14443', 'ISO15693', 'Central', 'eMAID', 'KeyCode', 'Local', 'MacAddress']

export function TokensPage() {
  const tokens = useInfiniteQuery(tokensQuery())
  const drivers = useQuery(driversQuery())
  const zone = useSites().zone()
  const [adding, setAdding] = useState<'token' | 'driver' | null>(null)
  const names = useMemo(
    () => new Map(drivers.data?.items.map((driver) => [driver.driverId, driver.name])),
    [drivers.data],
  )
  const tokenColumns = useMemo(
    () => [
      tokenColumn.accessor('idToken', {
        header: 'Token',
        meta: { lead: true },
        cell: ({ getValue }) => <code>{getValue()}</code>,
      }),
      tokenColumn.accessor('type', { header: 'Type' }),
      tokenColumn.display({
        id: 'status',
        header: 'May charge',
        cell: ({ row: { original: token } }) =>
          token.valid && token.status === 'Accepted' ? (
            <StatusBadge tone="available">Yes</StatusBadge>
          ) : (
            <StatusBadge tone="blocked">{token.valid ? token.status : 'No'}</StatusBadge>
          ),
      }),
      tokenColumn.accessor('driverId', {
        header: 'Driver',
        cell: ({ getValue }) => {
          const driverId = getValue()
          return driverId === null ? (
            <span className="sy-muted">nobody</span>
          ) : (
            (names.get(driverId) ?? driverId)
          )
        },
      }),
      tokenColumn.accessor('expiresAt', {
        header: 'Expires',
        cell: ({ getValue }) =>
          getValue() === null ? (
            <span className="sy-muted">never</span>
          ) : (
            <Time at={getValue()} zone={zone} />
          ),
      }),
    ],
    [names, zone],
  )
  const driverColumns = useMemo(
    () => [
      driverColumn.accessor('name', { header: 'Name', meta: { lead: true } }),
      driverColumn.accessor('email', { header: 'E-mail', cell: ({ getValue }) => getValue() ?? '–' }),
      driverColumn.accessor('createdAt', {
        header: 'Since',
        cell: ({ getValue }) => <Time at={getValue()} zone={zone} />,
      }),
    ],
    [zone],
  )
  return (
    <Page title="Tokens & drivers" note="Every site has the tokens itself and decides without the cloud.">
      <Section
        title="Tokens"
        actions={
          <Button size="xs" onClick={() => setAdding('token')}>
            Add a token
          </Button>
        }
      >
        <PagedList
          query={tokens}
          what="tokens"
          lines={5}
          empty={<Empty title="No token yet">Without one nobody is known who may charge.</Empty>}
        >
          {(rows) => (
            <DataTable
              caption="Tokens"
              rows={rows}
              columns={tokenColumns}
              rowKey={(token) => `${token.type}/${token.idToken}`}
            />
          )}
        </PagedList>
      </Section>
      <Section
        title="Drivers"
        actions={
          <Button size="xs" variant="default" onClick={() => setAdding('driver')}>
            Add a driver
          </Button>
        }
      >
        <Loaded query={drivers} lines={3}>
          {({ items }) => (
            <Panel flush>
              {items.length === 0 ? (
                <Empty title="No driver yet">A driver gets one invoice for all of their tokens.</Empty>
              ) : (
                <DataTable
                  caption="Drivers"
                  rows={items}
                  columns={driverColumns}
                  rowKey={(driver) => driver.driverId}
                />
              )}
            </Panel>
          )}
        </Loaded>
      </Section>
      {adding === 'token' && <AddToken drivers={drivers.data?.items ?? []} onClose={() => setAdding(null)} />}
      {adding === 'driver' && <AddDriver onClose={() => setAdding(null)} />}
    </Page>
  )
}

function text(form: FormData, name: string): string {
  return String(form.get(name) ?? '').trim()
}

function AddToken({ drivers, onClose }: { drivers: Driver[]; onClose(): void }) {
  const queryClient = useQueryClient()
  const [key] = useState(randomId)
  const adding = useMutation({
    mutationFn: (form: FormData) =>
      addToken(
        {
          idToken: text(form, 'idToken'),
          // Without `valid`: a new token is valid, and one that was blocked stays so.
          type: text(form, 'type'),
          ...(text(form, 'driverId') === '' ? {} : { driverId: text(form, 'driverId') }),
        },
        key,
      ),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keys.tokens })
      onClose()
    },
  })
  return (
    <AddForm title="Add a token" adding={adding} onClose={onClose}>
      <TextInput
        name="idToken"
        label="Token"
        description="As the station reads it, e.g. the UID of a card in hexadecimal."
        required
        maxLength={255}
        data-autofocus
      />
      <NativeSelect name="type" label="Type" data={TOKEN_TYPES} />
      <NativeSelect
        name="driverId"
        label="Driver"
        data={[
          { value: '', label: 'Nobody' },
          ...drivers.map((driver) => ({ value: driver.driverId, label: driver.name })),
        ]}
      />
    </AddForm>
  )
}

function AddDriver({ onClose }: { onClose(): void }) {
  const queryClient = useQueryClient()
  const [key] = useState(randomId)
  const adding = useMutation({
    mutationFn: (form: FormData) =>
      addDriver(
        { name: text(form, 'name'), ...(text(form, 'email') === '' ? {} : { email: text(form, 'email') }) },
        key,
      ),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keys.drivers })
      onClose()
    },
  })
  return (
    <AddForm title="Add a driver" adding={adding} onClose={onClose}>
      <TextInput name="name" label="Name" required maxLength={200} data-autofocus />
      <TextInput name="email" label="E-mail" type="email" />
    </AddForm>
  )
}

interface AddFormProps {
  title: string
  adding: { mutate(form: FormData): void; isPending: boolean; error: unknown }
  onClose(): void
  children: ReactNode
}

function AddForm({ title, adding, onClose, children }: AddFormProps) {
  return (
    <Modal opened onClose={onClose} title={title}>
      <form
        className={classes.form}
        onSubmit={(event: FormEvent<HTMLFormElement>) => {
          event.preventDefault()
          adding.mutate(new FormData(event.currentTarget))
        }}
      >
        {children}
        {adding.error ? <Failed error={adding.error} /> : null}
        <FormActions verb="Add" pending={adding.isPending} onClose={onClose} />
      </form>
    </Modal>
  )
}
