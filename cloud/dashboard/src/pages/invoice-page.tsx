/** One invoice, line by line; each line leads to the session it bills. */
import type { Invoice } from '@switchyard/protocol/api/shapes.ts'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { createColumnHelper } from '@tanstack/react-table'
import { useMemo } from 'react'
import { driversQuery, invoiceLinesQuery, invoiceQuery } from '../api/queries.ts'
import { amountText } from '../format/money.ts'
import { DataTable } from '../ui/data-table.tsx'
import { FactItem, Facts } from '../ui/facts.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { PagedList } from '../ui/paged-list.tsx'
import { Empty, Loaded } from '../ui/states.tsx'

const route = getRouteApi('/frame/invoices/$invoiceId')
const column = createColumnHelper<Invoice['lines'][number]>()

export function InvoicePage() {
  const { invoiceId } = route.useParams()
  const query = useQuery(invoiceQuery(invoiceId))
  const drivers = useQuery(driversQuery()).data?.items
  const driverId = query.data?.driverId
  const who = driverId
    ? (drivers?.find((driver) => driver.driverId === driverId)?.name ?? driverId)
    : undefined
  return (
    <Page
      title={query.data ? `Invoice ${query.data.period}` : 'Invoice'}
      trail={<Link to="/invoices">Invoices</Link>}
      note={query.data && (who ?? 'Sessions without a driver')}
    >
      <Loaded query={query}>{(invoice) => <InvoiceDetail invoice={invoice} />}</Loaded>
    </Page>
  )
}

function InvoiceDetail({ invoice }: { invoice: Invoice }) {
  const query = useInfiniteQuery(invoiceLinesQuery(invoice.invoiceId))
  const columns = useMemo(
    () => [
      column.accessor('text', {
        header: 'Line',
        meta: { lead: true },
        cell: ({ row: { original: line } }) => (
          <Link to="/sessions/$sessionId" params={{ sessionId: line.sessionId }}>
            {line.text}
          </Link>
        ),
      }),
      column.accessor('exclTax', {
        header: 'Excl. VAT',
        meta: { align: 'right' },
        cell: ({ getValue }) => <span className="sy-nowrap">{amountText(getValue(), invoice.currency)}</span>,
      }),
      column.accessor('inclTax', {
        header: 'Incl. VAT',
        meta: { align: 'right' },
        cell: ({ getValue }) => <span className="sy-nowrap">{amountText(getValue(), invoice.currency)}</span>,
      }),
    ],
    [invoice.currency],
  )
  return (
    <>
      <Panel>
        <Facts>
          <FactItem name="Status">
            {invoice.status === 'open' ? 'Open: sessions of this month are still added' : 'Issued'}
          </FactItem>
          <FactItem name="Lines">{invoice.lineCount}</FactItem>
          <FactItem name="Total excl. VAT">{amountText(invoice.totalExclTax, invoice.currency)}</FactItem>
          <FactItem name="Total incl. VAT">
            <strong>{amountText(invoice.totalInclTax, invoice.currency)}</strong>
          </FactItem>
        </Facts>
      </Panel>
      <PagedList query={query} what="lines" lines={4} empty={<Empty title="No line yet" />}>
        {(lines) => (
          <DataTable
            caption="Lines of the invoice"
            rows={lines}
            columns={columns}
            rowKey={(line) => line.lineId}
          />
        )}
      </PagedList>
    </>
  )
}
