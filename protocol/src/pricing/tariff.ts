/**
 * A tariff in OCPI's form (OCPI 2.2.1, 11 "Tariffs module"): elements with price components and restrictions. The first
 * pricing uses ENERGY, TIME, PARKING_TIME and FLAT components; restrictions by time come with the full pricing, and until
 * then `unsupportedTerms` names what a tariff asks for that would not be billed.
 */
import { z } from 'zod'

/** A decimal that is not negative, with at most four places, as OCPI numbers are; kept as text or as the JSON number that was sent. */
const FOUR_PLACES = /^\d{1,12}(\.\d{1,4})?$/
const decimal = z.union([
  z
    .number()
    .min(0)
    .refine((n) => FOUR_PLACES.test(String(n)), 'a decimal with at most four places'),
  z.string().regex(FOUR_PLACES, 'a decimal that is not negative, with at most four places'),
])

export const PRICE_DIMENSIONS = ['ENERGY', 'TIME', 'PARKING_TIME', 'FLAT'] as const
export type PriceDimension = (typeof PRICE_DIMENSIONS)[number]

export const priceComponent = z.object({
  type: z.enum(PRICE_DIMENSIONS),
  /** Per kWh (ENERGY), per hour (TIME, PARKING_TIME) or once (FLAT), excluding VAT. */
  price: decimal,
  /** Percent. Absent: no VAT is applied. */
  vat: decimal.optional(),
  /** Wh or seconds that are billed at least and in steps of; 1 or 0: exact. */
  step_size: z.int().min(0).default(1),
})
export type PriceComponent = z.infer<typeof priceComponent>

export const tariffElement = z.object({ price_components: z.array(priceComponent).min(1).max(16) })

export const tariff = z.object({
  id: z.string().min(1).max(36),
  currency: z.string().regex(/^[A-Z]{3}$/, 'an ISO 4217 code'),
  elements: z.array(tariffElement).min(1).max(64),
  tariff_alt_text: z
    .array(z.object({ language: z.string().min(2).max(5), text: z.string().max(512) }))
    .optional(),
})
export type Tariff = z.infer<typeof tariff>

/** Terms of OCPI that change what is to be paid, and that this pricing does not know yet. */
const UNSUPPORTED_TARIFF_TERMS = ['min_price', 'max_price', 'start_date_time', 'end_date_time'] as const

/**
 * What a tariff, as it was sent, asks for beyond this pricing. Empty: it is billed as it reads. A tariff with any of these
 * must be refused rather than billed without them.
 */
export function unsupportedTerms(sent: unknown): { path: string; message: string }[] {
  if (typeof sent !== 'object' || sent === null) return []
  const found: { path: string; message: string }[] = []
  for (const term of UNSUPPORTED_TARIFF_TERMS) {
    if (isSet((sent as Record<string, unknown>)[term])) {
      found.push({ path: term, message: `${term} is not supported yet` })
    }
  }
  const { elements } = sent as { elements?: unknown }
  if (!Array.isArray(elements)) return found
  for (const [index, element] of elements.entries()) {
    const restrictions = (element as { restrictions?: unknown } | null)?.restrictions
    if (isSet(restrictions)) {
      found.push({ path: `elements.${index}.restrictions`, message: 'restrictions are not supported yet' })
    }
  }
  return found
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === null) return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}
