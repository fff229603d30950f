/**
 * Energy, power and current as exact integers of a small unit. A float never holds either: a decimal that
 * arrives as text or as a JSON number becomes an integer here, and leaves as a decimal only at the API.
 *
 *   energy   milli-Wh   1 kWh = 1_000_000   (a register of 9 GWh still fits a safe integer)
 *   power    W
 *   current  mA
 *   voltage  mV
 */
import Big from 'big.js'

/** An exact amount of energy in thousandths of a watt-hour. */
export type MilliWh = number

/** More than any meter shows (1 TWh), and far enough within a safe integer that differences and sums are exact. */
export const MAX_REGISTER_MILLI_WH: MilliWh = 1e15
/** Largest power (W) and current (mA) that is taken for one: what lies beyond is no reading. */
export const MAX_AMOUNT = 2 ** 31 - 1

/** A decimal text as OCPP sends it: optional sign, digits, optional fraction, optional exponent. */
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/

/** Longest decimal text that is read; a longer one is treated as unreadable. */
export const MAX_DECIMAL_LENGTH = 40
/** Largest power of ten, either way, that a station may scale a value by: 2.x sends any integer, and 10^1000000 would take a while. */
export const MAX_POWER_OF_TEN = 30
/** A number of so many digits is below 2^53, so that integers of it are exact. */
const EXACT_DIGITS = 15

/**
 * Scales a decimal by a power of ten and rounds halves away from zero to an integer.
 * Returns undefined when the text is no decimal, the power is beyond MAX_POWER_OF_TEN, or the result is no safe integer.
 */
export function decimalToInteger(value: string | number, powerOfTen: number): number | undefined {
  const plain = typeof value === 'string' ? plainToInteger(value, powerOfTen) : undefined
  if (plain !== undefined) return plain
  const text = typeof value === 'number' ? String(value) : value.trim()
  if (text.length > MAX_DECIMAL_LENGTH || Math.abs(powerOfTen) > MAX_POWER_OF_TEN) return undefined
  const match = DECIMAL.exec(text)
  if (!match) return undefined
  const [, sign, whole = '', fraction = '', exponent] = match
  if (whole === '' && fraction === '') return undefined
  const shift = powerOfTen + (exponent === undefined ? 0 : Number(exponent)) - fraction.length
  const digits = whole + fraction
  // Meters send few digits, and the shift only adds zeros: then no decimal arithmetic is needed.
  if (shift >= 0 && digits.length + shift <= EXACT_DIGITS) {
    const integer = Number(digits) * 10 ** shift
    return sign === '-' && integer !== 0 ? -integer : integer
  }
  const decimal = `${sign === '-' ? '-' : ''}${whole || '0'}.${fraction || '0'}e${exponent ?? 0}`
  const scaled = new Big(decimal).times(new Big(10).pow(powerOfTen)).round(0, Big.roundHalfUp)
  const integer = Number(scaled.toFixed(0))
  return Number.isSafeInteger(integer) ? integer + 0 : undefined
}

const POINT = 0x2e
const ZERO = 0x30

/** Digits with at most one point among them, which is what meters send, without the pattern: half of its time (measured). */
function plainToInteger(text: string, powerOfTen: number): number | undefined {
  let integer = 0
  let digits = 0
  let pointAt = -1
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === POINT && pointAt < 0) {
      pointAt = i
      continue
    }
    const digit = code - ZERO
    if (digit < 0 || digit > 9 || ++digits > EXACT_DIGITS) return undefined
    integer = integer * 10 + digit
  }
  const shift = pointAt < 0 ? powerOfTen : powerOfTen - (text.length - 1 - pointAt)
  if (digits === 0 || shift < 0 || digits + shift > EXACT_DIGITS) return undefined
  return integer * 10 ** shift
}

/** `Wh` or `kWh` as sent -> milli-Wh; undefined when it cannot be read. `multiplier` is OCPP 2.x's power of ten. */
export function energyToMilliWh(
  value: string | number,
  unit: string | undefined,
  multiplier = 0,
): MilliWh | undefined {
  if (unit === undefined || unit === 'Wh') return decimalToInteger(value, 3 + multiplier)
  if (unit === 'kWh') return decimalToInteger(value, 6 + multiplier)
  return undefined
}

/** `W` or `kW` as sent -> whole watts; undefined when it cannot be read. */
export function powerToW(
  value: string | number,
  unit: string | undefined,
  multiplier = 0,
): number | undefined {
  if (unit === undefined || unit === 'W') return possible(decimalToInteger(value, multiplier))
  if (unit === 'kW') return possible(decimalToInteger(value, 3 + multiplier))
  return undefined
}

/** `A` as sent -> mA; undefined when it cannot be read. */
export function currentToMa(
  value: string | number,
  unit: string | undefined,
  multiplier = 0,
): number | undefined {
  return unit === undefined || unit === 'A' ? possible(decimalToInteger(value, 3 + multiplier)) : undefined
}

function possible(amount: number | undefined): number | undefined {
  return amount !== undefined && Math.abs(amount) <= MAX_AMOUNT ? amount : undefined
}

/** `V` as sent -> mV; undefined when it cannot be read. */
export function voltageToMv(
  value: string | number,
  unit: string | undefined,
  multiplier = 0,
): number | undefined {
  return unit === undefined || unit === 'V' ? decimalToInteger(value, 3 + multiplier) : undefined
}

/** milli-Wh -> the decimal text of watt-hours, without trailing zeros: 20000000 -> "20000", 1500 -> "1.5". */
export function formatWh(milliWh: MilliWh): string {
  return new Big(milliWh).div(1000).toFixed()
}

/** milli-Wh -> the decimal text of kilowatt-hours, without trailing zeros: 910083000 -> "910.083". */
export function formatKwh(milliWh: MilliWh): string {
  return new Big(milliWh).div(1_000_000).toFixed()
}

/** milli-Wh -> the JSON number of watt-hours that the API shows: exact, at most three decimals. */
export function apiEnergyWh(milliWh: MilliWh): number {
  return Number(formatWh(milliWh))
}
