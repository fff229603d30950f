/** What a tariff asks for a unit, including tax, for the driver's eyes: to show, not to bill by (steps and rounding are in price.ts). */
import Big from 'big.js'
import type { PriceDimension, Tariff } from './tariff.ts'

/** Digits after the point of a unit price with tax. */
const PLACES = 4

export interface UnitPrices {
  /** Decimal text, in the tariff's currency, at most four places; absent: nothing is asked for it. */
  perKWh?: string
  perHour?: string
  perSession?: string
}

export function unitPrices(tariff: Tariff): UnitPrices {
  const of = (dimension: PriceDimension): string | undefined => {
    const components = tariff.elements.flatMap((element) => element.price_components)
    const component = components.find(({ type }) => type === dimension)
    if (component === undefined) return undefined
    const withTax = new Big(component.price).times(new Big(100).plus(component.vat ?? 0)).div(100)
    return withTax.eq(0) ? undefined : withTax.round(PLACES, Big.roundHalfUp).toFixed()
  }
  const [perKWh, perHour, perSession] = [of('ENERGY'), of('TIME'), of('FLAT')]
  return {
    ...(perKWh === undefined ? {} : { perKWh }),
    ...(perHour === undefined ? {} : { perHour }),
    ...(perSession === undefined ? {} : { perSession }),
  }
}

/** In a few words: what the operator has written for drivers, in their language where there is one, else the prices themselves. */
export function priceText(tariff: Tariff, language: string | undefined): string {
  const texts = tariff.tariff_alt_text ?? []
  const isTheirs = (it: { language: string }) => it.language.slice(0, 2) === language?.slice(0, 2)
  const written = (texts.find(isTheirs) ?? texts[0])?.text
  if (written !== undefined) return written
  const { perKWh, perHour, perSession } = unitPrices(tariff)
  const parts = [
    ...(perKWh === undefined ? [] : [`${perKWh} ${tariff.currency}/kWh`]),
    ...(perHour === undefined ? [] : [`${perHour} ${tariff.currency}/h`]),
    ...(perSession === undefined ? [] : [`${perSession} ${tariff.currency}`]),
  ]
  return parts.length === 0 ? `0 ${tariff.currency}` : parts.join(' + ')
}
