/**
 * A tariff in OCPI's form (OCPI 2.2.1, 11 "Tariffs module"): elements with price components and restrictions. The first
 * pricing uses ENERGY, TIME, PARKING_TIME and FLAT components; restrictions by time come with the full pricing.
 */
import { z } from 'zod'

/** A decimal with at most four places, as OCPI numbers are; kept as text or as the JSON number that was sent. */
const decimal = z.union([
  z.number(),
  z.string().regex(/^-?\d{1,12}(\.\d{1,4})?$/, 'a decimal with at most four places'),
])

export const PRICE_DIMENSIONS = ['ENERGY', 'TIME', 'PARKING_TIME', 'FLAT'] as const

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
