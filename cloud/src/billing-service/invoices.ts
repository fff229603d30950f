/**
 * Invoices: one per driver, calendar month (of the session's end, UTC) and currency; sessions of no driver share one. A line
 * per CDR, its amounts rounded as the CDR's are, so that the lines add up to the total.
 */
import type { Cdr, Invoice, InvoiceLine } from '@switchyard/protocol/api/shapes.ts'
import type { Sql, TransactionSql } from 'postgres'

/** Time zones whose formats are kept. */
const MAX_FORMATS = 1_000

/** A credit goes on the invoice of the line that it takes back. */
export async function addLine(tx: TransactionSql, tenantId: string, cdr: Cdr): Promise<void> {
  const invoiceId = await invoiceOf(tx, tenantId, cdr)
  const { exclTax, inclTax } = cdr.costDetails
  await tx`
    insert into billing.invoice_line (tenant_id, cdr_id, invoice_id, session_id, text, excl_tax, incl_tax)
    values (${tenantId}, ${cdr.cdrId}, ${invoiceId}, ${cdr.sessionId}, ${await lineText(tx, cdr)}, ${exclTax}, ${inclTax})`
}

async function invoiceOf(tx: TransactionSql, tenantId: string, cdr: Cdr): Promise<string> {
  if (cdr.credits !== null) {
    const [line] = await tx<{ invoice_id: string }[]>`
      select invoice_id from billing.invoice_line where tenant_id = ${tenantId} and cdr_id = ${cdr.credits}`
    if (line !== undefined) return line.invoice_id
  }
  const period = cdr.endedAt.slice(0, 7)
  const { currency } = cdr.cost
  const invoiceId = `${period}-${currency}-${cdr.driverId ?? 'no-driver'}`
  await tx`
    insert into billing.invoice (tenant_id, invoice_id, driver_id, period, currency)
    values (${tenantId}, ${invoiceId}, ${cdr.driverId}, ${period}, ${currency})
    on conflict do nothing`
  return invoiceId
}

/** "Charging at CS-1, 2026-11-23 13:05, 20 kWh", in the time of the site. */
async function lineText(tx: TransactionSql, cdr: Cdr): Promise<string> {
  const [site] = await tx<{ time_zone: string }[]>`
    select time_zone from billing.site where site_id = ${cdr.siteId}`
  const timeZone = site?.time_zone ?? 'UTC'
  const started = new Date(cdr.startedAt)
  const { day, time } = formatsOf(timeZone)
  const energy = cdr.costDetails.parts.find((p) => p.type === 'ENERGY')
  const quantity = energy === undefined ? `${cdr.energyWh} Wh` : `${energy.quantity} kWh`
  const what = cdr.credit ? 'Credit for charging' : 'Charging'
  return `${what} at ${cdr.stationId}, ${day.format(started)} ${time.format(started)}${timeZone === 'UTC' ? ' UTC' : ''}, ${quantity}`
}

interface Formats {
  day: Intl.DateTimeFormat
  time: Intl.DateTimeFormat
}
/** By time zone. Making one takes longer than all else about a line (measured). */
const formats = new Map<string, Formats>()

function formatsOf(timeZone: string): Formats {
  const known = formats.get(timeZone)
  if (known) return known
  const made = {
    day: new Intl.DateTimeFormat('en-CA', { timeZone }),
    time: new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }),
  }
  // There are some 600 zones; whatever else a site may be named to lie in must not fill the memory.
  if (formats.size < MAX_FORMATS) formats.set(timeZone, made)
  return made
}

export interface InvoiceRow {
  invoice_id: string
  driver_id: string | null
  period: string
  currency: string
  status: Invoice['status']
  /** Decimal text. */
  total_excl_tax: string
  total_incl_tax: string
  line_count: number
}

export interface InvoiceFilter {
  tenantId: string
  invoiceId?: string | undefined
  driverId?: string | undefined
  period?: string | undefined
  /** (period, invoice_id) of the last one seen. */
  after?: string[] | undefined
}

/** Newest period first. */
export async function listInvoices(sql: Sql, filter: InvoiceFilter, limit: number): Promise<InvoiceRow[]> {
  const { invoiceId, driverId, period } = filter
  const [afterPeriod, afterId] = filter.after ?? []
  return await sql<InvoiceRow[]>`
    select i.*, coalesce(l.excl_tax, 0)::numeric(14, 2)::text as total_excl_tax,
           coalesce(l.incl_tax, 0)::numeric(14, 2)::text as total_incl_tax, l.lines as line_count
    from billing.invoice i
    left join lateral (
      select sum(excl_tax) as excl_tax, sum(incl_tax) as incl_tax, count(*)::int as lines from billing.invoice_line
      where tenant_id = i.tenant_id and invoice_id = i.invoice_id
    ) l on true
    where i.tenant_id = ${filter.tenantId}
      ${invoiceId === undefined ? sql`` : sql`and i.invoice_id = ${invoiceId}`}
      ${driverId === undefined ? sql`` : sql`and i.driver_id = ${driverId}`}
      ${period === undefined ? sql`` : sql`and i.period = ${period}`}
      ${afterId === undefined ? sql`` : sql`and (i.period, i.invoice_id) < (${afterPeriod!}, ${afterId})`}
    order by i.period desc, i.invoice_id desc limit ${limit}`
}

interface LineRow {
  invoice_id: string
  cdr_id: string
  session_id: string
  text: string
  excl_tax: string
  incl_tax: string
  issued_at: Date
}

/** Lines of an invoice in the order in which its CDRs were issued. `after`: (issued_at, cdr_id) of the last one seen. */
export async function listLines(
  sql: Sql,
  { tenantId, invoiceId, after }: { tenantId: string; invoiceId: string; after?: string[] | undefined },
  limit: number,
): Promise<LineRow[]> {
  const [issuedAt, afterId] = after ?? []
  return await sql<LineRow[]>`
    select l.*, c.issued_at from billing.invoice_line l join billing.cdr c using (tenant_id, cdr_id)
    where l.tenant_id = ${tenantId} and l.invoice_id = ${invoiceId}
      ${afterId === undefined ? sql`` : sql`and (c.issued_at, l.cdr_id) > (${issuedAt!}::timestamptz, ${afterId})`}
    order by c.issued_at, l.cdr_id limit ${limit}`
}

/** With the first lines of each, at most `maxLines`. */
export async function invoiceResources(
  sql: Sql,
  tenantId: string,
  rows: readonly InvoiceRow[],
  maxLines: number,
): Promise<Invoice[]> {
  const lines = await sql<LineRow[]>`
    select first.* from unnest(${rows.map((r) => r.invoice_id)}::text[]) as asked(invoice_id)
    cross join lateral (
      select l.*, c.issued_at from billing.invoice_line l join billing.cdr c using (tenant_id, cdr_id)
      where l.tenant_id = ${tenantId} and l.invoice_id = asked.invoice_id
      order by c.issued_at, l.cdr_id limit ${maxLines}
    ) first order by first.issued_at, first.cdr_id`
  const ofInvoice = new Map<string, LineRow[]>(rows.map((row) => [row.invoice_id, []]))
  for (const line of lines) ofInvoice.get(line.invoice_id)?.push(line)
  return rows.map((row) => ({
    invoiceId: row.invoice_id,
    driverId: row.driver_id,
    period: row.period,
    status: row.status,
    currency: row.currency,
    totalExclTax: row.total_excl_tax,
    totalInclTax: row.total_incl_tax,
    lineCount: row.line_count,
    lines: (ofInvoice.get(row.invoice_id) ?? []).map(lineResource),
  }))
}

export function lineResource(row: LineRow): InvoiceLine {
  return {
    lineId: row.cdr_id,
    cdrId: row.cdr_id,
    sessionId: row.session_id,
    text: row.text,
    exclTax: row.excl_tax,
    inclTax: row.incl_tax,
  }
}
