/** Energy, power and current as text with their unit. Digits are moved, not computed, so what is shown is what was metered. */

/** Thousands in groups, set apart by a narrow no-break space. */
function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f')
}

/** An integer divided by a power of ten, as exact text: (12345, 3) -> "12.345". */
function shifted(value: number, places: number): { sign: string; whole: string; fraction: string } {
  const digits = String(Math.abs(Math.trunc(value))).padStart(places + 1, '0')
  return {
    sign: value < 0 ? '−' : '',
    whole: digits.slice(0, digits.length - places),
    fraction: digits.slice(digits.length - places),
  }
}

/** The API's `energyWh` (at most three decimals) -> thousandths of a Wh. */
export function milliWhOf(energyWh: number): number {
  return Math.round(energyWh * 1000)
}

/**
 * Thousandths of a Wh -> "12.345 kWh". Whole Wh are always shown (three decimals of a kWh); a meter that resolves finer
 * gets as many as it says. `decimals` cuts off (never rounds up what was not delivered) where space is short.
 */
export function energyText(milliWh: number, decimals?: 1 | 2 | 3): string {
  const { sign, whole, fraction } = shifted(milliWh, 6)
  const shown =
    decimals === undefined
      ? fraction.slice(0, 3) + fraction.slice(3).replace(/0+$/, '')
      : fraction.slice(0, decimals)
  return `${sign}${grouped(whole)}.${shown} kWh`
}

/** Watts -> "7.2 kW"; one decimal, so that a charging car never shows as "0.0 kW" unless it draws under 50 W. */
export function powerText(powerW: number): string {
  const tenths = Math.round(powerW / 100)
  const { sign, whole, fraction } = shifted(tenths, 1)
  return `${sign}${grouped(whole)}.${fraction} kW`
}

/** Milliamperes -> "16.0 A". */
export function currentText(currentMa: number): string {
  const { sign, whole, fraction } = shifted(Math.round(currentMa / 100), 1)
  return `${sign}${whole}.${fraction} A`
}

/** "12.345" kWh as a person writes it -> "12345", decimal text of Wh with at most three decimals; undefined when it is none. */
export function whOfKwh(text: string): string | undefined {
  const match = /^(\d{1,9})(?:[.,](\d{1,6}))?$/.exec(text.trim())
  if (!match) return undefined
  const fraction = (match[2] ?? '').padEnd(6, '0')
  const whole = `${match[1]}${fraction.slice(0, 3)}`.replace(/^0+(?=\d)/, '')
  const rest = fraction.slice(3).replace(/0+$/, '')
  return rest === '' ? whole : `${whole}.${rest}`
}

/** The API's Wh -> "910.083", kWh for a field. */
export function kwhField(wh: number | null): string {
  if (wh === null) return ''
  const { sign, whole, fraction } = shifted(milliWhOf(wh), 6)
  const shown = fraction.replace(/0+$/, '')
  return `${sign === '' ? '' : '-'}${whole}${shown === '' ? '' : `.${shown}`}`
}

/** A count in groups of three: "1 204". */
export function countText(count: number): string {
  return `${count < 0 ? '−' : ''}${grouped(String(Math.abs(Math.trunc(count))))}`
}
