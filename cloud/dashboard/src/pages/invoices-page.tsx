/** Invoices, newest first: one per driver and month. */
import type { Invoice } from '@switchyard/protocol/api/shapes.ts'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { createColumnHelper } from '@tanstack/react-table'
import { useMemo } from 'react'
import { driversQuery, invoicesQuery } from '../api/queries.ts'
import { amountText } from '../format/money.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Page } from '../ui/page.tsx'
import { PagedList } from '../ui/paged-list.tsx'
import { Empty } from '../ui/states.tsx'
import { StatusBadge } from '../ui/status-badge.tsx'

const column = createColumnHelper<Invoice>()

export function InvoicesPage() {
  const query = useInfiniteQuery(invoicesQuery())
  const drivers = useQuery(driversQuery())
  const names = useMemo(
    () => new Map(drivers.data?.items.map((driver) => [driver.driverId, driver.name])),
    [drivers.data],
  )
  const columns = useMemo(
    () => [
      column.display({
        id: 'who',
        header: 'Driver',
        meta: { lead: true },
        cell: ({ row: { original: invoice } }) => (
          <Link to="/invoices/$invoiceId" params={{ invoiceId: invoice.invoiceId }}>
            {invoice.driverId === null
              ? 'Sessions without a driver'
              : (names.get(invoice.driverId) ?? invoice.driverId)}
          </Link>
        ),
      }),
      column.accessor('period', { header: 'Month' }),
      column.accessor('status', {
        header: 'Status',
        cell: ({ getValue }) =>
          getValue() === 'open' ? (
            <StatusBadge tone="waiting">Open</StatusBadge>
          ) : (
            <StatusBadge tone="done">Issued</StatusBadge>
          ),
      }),
      column.accessor((invoice) => invoice.lineCount, {
        id: 'lines',
        header: 'Lines',
        meta: { align: 'right' },
      }),
      column.accessor('totalExclTax', {
        header: 'Excl. VAT',
        meta: { align: 'right' },
        cell: ({ row: { original: invoice } }) => amountText(invoice.totalExclTax, invoice.currency),
      }),
      column.accessor('totalInclTax', {
        header: 'Incl. VAT',
        meta: { align: 'right' },
        cell: ({ row: { original: invoice } }) => (
          <strong>{amountText(invoice.totalInclTax, invoice.currency)}</strong>
        ),
      }),
    ],
    [names],
  )
  return (
    <Page title="Invoices" note="An open invoice takes up every session as soon as it is priced.">
      <PagedList
        query={query}
        what="invoices"
        lines={5}
        empty={<Empty title="No invoice yet">The first priced session opens one.</Empty>}
      >
        {(invoices) => (
          <DataTable
            caption="Invoices"
            rows={invoices}
            columns={columns}
            rowKey={(invoice) => invoice.invoiceId}
          />
        )}
      </PagedList>
    </Page>
  )
}
