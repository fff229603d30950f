/**
 * What a session costs by a tariff: pure, exact, and explained part by part. The site tells running cost with it and billing
 * makes CDRs with it, so the two cannot differ.
 *
 * Rules (OCPI 2.2.1, 11.4 and 10 "step_size"):
 * - The first element that has a component of a dimension gives the price of that dimension.
 * - ENERGY is billed in steps of `step_size` Wh, rounded up once for the session.
 * - TIME is the session without its parking, PARKING_TIME the parking. Only the one that comes last, which is parking where
 *   there is any that is billed, is rounded up to steps of its `step_size` seconds.
 * - A step of 0 or 1 bills the exact amount. FLAT is billed once. VAT is per component.
 * - Rounding: quantity × price, and the same with VAT, are computed without loss; each part is then rounded half up to two
 *   decimals, once excluding and once including tax. A total is the sum of the rounded parts, so that they always add up.
 * - A dimension of which nothing was used has no part.
 */
import Big from 'big.js'
import type { CostDetails, CostPart } from '../api/shapes.ts'
import type { Instant } from '../instant.ts'
import { type Currency, toAmount } from '../money.ts'
import type { MilliWh } from '../units.ts'
import type { PriceComponent, PriceDimension, Tariff } from './tariff.ts'

/** What of a session a tariff looks at. */
export interface PricedSession {
  startedAt: Instant
  endedAt: Instant
  /** From start to end, parking included. */
  durationMs: number
  energyMilliWh: MilliWh
  /** Of `durationMs`: connected after charging had ended. Absent: none is known of, all of it is TIME. */
  parkingMs?: number
}

const MS_PER_HOUR = 3_600_000
const MILLI_WH_PER_KWH = 1_000_000

/** Throws RangeError when energy or a duration is negative or no whole number, or parking exceeds the session. */
export function price(tariff: Tariff, session: PricedSession): CostDetails {
  const parkingMs = session.parkingMs ?? 0
  requireWhole('energyMilliWh', session.energyMilliWh)
  requireWhole('durationMs', session.durationMs)
  requireWhole('parkingMs', parkingMs)
  if (parkingMs > session.durationMs) throw new RangeError('parkingMs exceeds durationMs')

  const component = (dimension: PriceDimension) => firstComponent(tariff, dimension)
  const energy = component('ENERGY')
  const time = component('TIME')
  const parking = component('PARKING_TIME')
  const flat = component('FLAT')
  const parkingComesLast = parking !== undefined && parkingMs > 0

  const parts: CostPart[] = []
  if (energy && session.energyMilliWh > 0) {
    parts.push(energyPart(energy, session.energyMilliWh, tariff.currency))
  }
  const timeMs = session.durationMs - parkingMs
  if (time && timeMs > 0) parts.push(timePart(time, timeMs, !parkingComesLast, tariff.currency))
  if (parkingComesLast) parts.push(timePart(parking, parkingMs, true, tariff.currency))
  if (flat) parts.push(flatPart(flat, tariff.currency))

  return {
    tariffId: tariff.id,
    exclTax: sum(parts.map((p) => p.exclTax)),
    inclTax: sum(parts.map((p) => p.inclTax)),
    parts,
  }
}

function firstComponent(tariff: Tariff, dimension: PriceDimension): PriceComponent | undefined {
  for (const element of tariff.elements) {
    const found = element.price_components.find((c) => c.type === dimension)
    if (found) return found
  }
  return undefined
}

function energyPart(component: PriceComponent, used: MilliWh, currency: Currency): CostPart {
  const billed = inSteps(used, component.step_size, 1000)
  const quantity = decimalText(new Big(billed).div(MILLI_WH_PER_KWH))
  const text =
    billed === used
      ? `${quantity} kWh`
      : `${quantity} kWh (${decimalText(new Big(used).div(MILLI_WH_PER_KWH))} kWh in steps of ${component.step_size} Wh)`
  return part(component, quantity, 'kWh', billed, MILLI_WH_PER_KWH, text, currency)
}

function timePart(component: PriceComponent, usedMs: number, stepped: boolean, currency: Currency): CostPart {
  const billedMs = stepped ? inSteps(usedMs, component.step_size, 1000) : usedMs
  const quantity = decimalText(new Big(billedMs).div(MS_PER_HOUR).round(6, Big.roundHalfUp))
  const text =
    billedMs === usedMs
      ? durationText(billedMs)
      : `${durationText(billedMs)} (${durationText(usedMs)} in steps of ${durationText(component.step_size * 1000)})`
  return part(component, quantity, 'h', billedMs, MS_PER_HOUR, text, currency)
}

function flatPart(component: PriceComponent, currency: Currency): CostPart {
  return part(component, '1', 'session', 1, 1, '', currency)
}

/** `amount` of a small unit, `perUnit` of which cost one price. */
function part(
  component: PriceComponent,
  quantity: string,
  unit: CostPart['unit'],
  amount: number,
  perUnit: number,
  quantityText: string,
  currency: Currency,
): CostPart {
  const rate = new Big(component.price)
  const vat = component.vat === undefined ? undefined : new Big(component.vat)
  const withTax = new Big(100).plus(vat ?? 0)
  // Multiplied first and divided once: with four decimals in price and VAT, the division's 20 places are far below any half cent.
  const exact = rate.times(amount)
  const rateText = decimalText(rate)
  const tax = vat === undefined ? '' : ` + ${decimalText(vat)} % VAT`
  return {
    type: component.type,
    quantity,
    unit,
    price: rateText,
    vatPercent: vat === undefined ? null : decimalText(vat),
    exclTax: toAmount(exact.div(perUnit)),
    inclTax: toAmount(exact.times(withTax).div(new Big(perUnit).times(100))),
    text:
      unit === 'session'
        ? `${rateText} ${currency} per session${tax}`
        : `${quantityText} × ${rateText} ${currency}/${unit}${tax}`,
  }
}

/** Rounds up to a whole number of steps of `stepSize` × `unit`; a step of 0 or 1 leaves the amount as it is. */
function inSteps(amount: number, stepSize: number, unit: number): number {
  if (stepSize <= 1) return amount
  const step = stepSize * unit
  return Math.ceil(amount / step) * step
}

function sum(amounts: string[]): string {
  return toAmount(amounts.reduce((total, a) => total.plus(a), new Big(0)))
}

function decimalText(value: Big): string {
  return value.toFixed()
}

/** "2 h 30 min", "45 s", "1 min 0.5 s". */
function durationText(ms: number): string {
  const hours = Math.floor(ms / MS_PER_HOUR)
  const minutes = Math.floor((ms % MS_PER_HOUR) / 60_000)
  const seconds = decimalText(new Big(ms % 60_000).div(1000))
  const words = [
    hours > 0 ? `${hours} h` : '',
    minutes > 0 ? `${minutes} min` : '',
    seconds === '0' ? '' : `${seconds} s`,
  ].filter((word) => word !== '')
  return words.length > 0 ? words.join(' ') : '0 s'
}

function requireWhole(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name} must be a whole number of at least 0, not ${value}`)
  }
}
