/** What a session cost and why, line by line: quantity × price, without tax, tax, with tax; then the total. */
import type { CostDetails } from '@switchyard/protocol/api/shapes.ts'
import { amountText, decimalText, priceText } from '../format/money.ts'
import classes from './receipt.module.css'

const NAMES = { ENERGY: 'Energy', TIME: 'Time', PARKING_TIME: 'Parking', FLAT: 'Per session' } as const

export function Receipt({ details, currency }: { details: CostDetails; currency: string }) {
  return (
    <table className={classes.receipt}>
      <caption className="sy-hidden">Cost, line by line</caption>
      <thead>
        <tr>
          <th scope="col">For</th>
          <th scope="col" className={classes.number}>
            Excl. VAT
          </th>
          <th scope="col" className={classes.number}>
            VAT
          </th>
          <th scope="col" className={classes.number}>
            Incl. VAT
          </th>
        </tr>
      </thead>
      <tbody>
        {details.parts.map((part, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a bill never change their order
          <tr key={index}>
            <td>
              {NAMES[part.type]}
              <span className={classes.how}>
                {decimalText(part.quantity)} {part.unit} × {priceText(part.price)} {currency}
                {part.unit === 'session' ? '' : `/${part.unit}`}
              </span>
            </td>
            <td className={classes.number}>{amountText(part.exclTax, '').trim()}</td>
            <td className={classes.number}>
              {part.vatPercent === null ? 'none' : `${decimalText(part.vatPercent)} %`}
            </td>
            <td className={classes.number}>{amountText(part.inclTax, '').trim()}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">
            Total<span className={classes.how}>Tariff {details.tariffId}</span>
          </th>
          <td className={classes.number}>{amountText(details.exclTax, '').trim()}</td>
          <td />
          <td className={classes.number}>
            <strong>{amountText(details.inclTax, currency)}</strong>
          </td>
        </tr>
      </tfoot>
    </table>
  )
}
