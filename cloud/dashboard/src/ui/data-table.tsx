/** A table on a wide screen; on a narrow one each row becomes a few lines of names and values, so that nothing scrolls sideways. */
import {
  type Cell,
  type ColumnDef,
  flexRender,
  getCoreRowModel,
  type RowData,
  useReactTable,
} from '@tanstack/react-table'
import { Fragment, type ReactNode } from 'react'
import classes from './data-table.module.css'

declare module '@tanstack/react-table' {
  interface ColumnMeta<TData extends RowData, TValue> {
    align?: 'right'
    /** Takes the whole width on a narrow screen, without its name: what the row is. */
    lead?: boolean
    /** Needs no name beside it on a narrow screen. */
    plain?: boolean
  }
}

interface DataTableProps<T> {
  caption: string
  rows: T[]
  // biome-ignore lint/suspicious/noExplicitAny: columns of one table have values of different types
  columns: ColumnDef<T, any>[]
  rowKey: (row: T) => string
  /** Stands beneath the row when it gives something. */
  detail?: (row: T) => ReactNode
}

/**
 * Called, not made a component of: columns are made anew when what they look up changes, every few seconds on a live page, and a
 * component of another identity would be mounted anew, under the finger that clicks it.
 */
function contentOf<T>(cell: Cell<T, unknown>): ReactNode {
  const content = cell.column.columnDef.cell
  return typeof content === 'function' ? content(cell.getContext()) : content
}

export function DataTable<T>({ caption, rows, columns, rowKey, detail }: DataTableProps<T>) {
  const table = useReactTable({ data: rows, columns, getRowId: rowKey, getCoreRowModel: getCoreRowModel() })
  return (
    <table className={classes.table}>
      <caption className="sy-hidden">{caption}</caption>
      <thead>
        {table.getHeaderGroups().map((group) => (
          <tr key={group.id}>
            {group.headers.map((header) => (
              <th key={header.id} scope="col" data-align={header.column.columnDef.meta?.align}>
                {flexRender(header.column.columnDef.header, header.getContext())}
              </th>
            ))}
          </tr>
        ))}
      </thead>
      <tbody>
        {table.getRowModel().rows.map((row) => {
          const beneath = detail?.(row.original)
          return (
            <Fragment key={row.id}>
              <tr data-open={beneath ? true : undefined}>
                {row.getVisibleCells().map((cell) => {
                  const { header, meta } = cell.column.columnDef
                  return (
                    <td
                      key={cell.id}
                      data-align={meta?.align}
                      data-lead={meta?.lead || undefined}
                      data-label={
                        typeof header === 'string' && !meta?.lead && !meta?.plain ? header : undefined
                      }
                    >
                      {contentOf(cell)}
                    </td>
                  )
                })}
              </tr>
              {beneath && (
                <tr className={classes.beneath}>
                  <td colSpan={row.getVisibleCells().length}>{beneath}</td>
                </tr>
              )}
            </Fragment>
          )
        })}
      </tbody>
    </table>
  )
}
