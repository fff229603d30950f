/** Money as decimals, never as floats. Rates come with up to four decimals (OCPI 2.2.1, 16.5 "number"). */
import Big from 'big.js'

/** ISO 4217, e.g. "EUR". */
export type Currency = string

/** An amount as the API gives it: decimal text with the currency's two decimals, including tax unless a field says otherwise. */
export interface Money {
  amount: string
  currency: Currency
}

/** Rounds half up (away from zero for halves) to two decimals, as text: 5.005 -> "5.01". */
export function toAmount(value: Big): string {
  return value.round(2, Big.roundHalfUp).toFixed(2)
}

export function money(value: Big, currency: Currency): Money {
  return { amount: toAmount(value), currency }
}

/** An amount as OCPP sends it, a JSON number, as the decimal text that it was written with: no computing with it loses anything. */
export function decimalText(value: number): string {
  return new Big(value).toFixed()
}

/** The opposite amount, for a credit: "12.34" -> "-12.34", "0.00" stays. */
export function negate(m: Money): Money {
  const value = new Big(m.amount).times(-1)
  return { amount: value.eq(0) ? '0.00' : value.toFixed(2), currency: m.currency }
}

/** Whether amounts can be in this currency: one of ISO 4217 whose amounts have two decimals, as all amounts here do. */
export function isCurrency(code: string): boolean {
  if (!Intl.supportedValuesOf('currency').includes(code)) return false
  const { maximumFractionDigits } = new Intl.NumberFormat('en', {
    style: 'currency',
    currency: code,
  }).resolvedOptions()
  return maximumFractionDigits === 2
}
