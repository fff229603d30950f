/** Money as the API gives it, decimal text and ISO 4217 code; shown digit for digit, never through a float. */

const AMOUNT = /^(-?)(\d+)(\.\d+)?$/

/** ("-1234.50", "EUR") -> "−1 234.50 EUR". Text that is no decimal is shown as it came. */
export function amountText(amount: string, currency: string): string {
  const match = AMOUNT.exec(amount)
  if (!match) return `${amount} ${currency}`
  const whole = match[2]!.replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f')
  return `${match[1] === '-' ? '−' : ''}${whole}${match[3] ?? ''} ${currency}`
}

/** A price: at least two decimals, more only where they say something: "0.5" -> "0.50", "0.2550" -> "0.255". */
export function priceText(value: string | number): string {
  const [whole = '', fraction = ''] = decimalText(value).split('.')
  return `${whole}.${fraction.padEnd(2, '0')}`
}

/** A percentage or quantity without its trailing zeros: "0.2500" -> "0.25", "20.000" -> "20". */
export function decimalText(value: string | number): string {
  const text = String(value)
  return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text
}
