/**
 * A tariff in OCPI's form (OCPI 2.2.1, 11 "Tariffs module"): elements with price components and restrictions. The first
 * pricing uses ENERGY, TIME, PARKING_TIME and FLAT components; restrictions come with the full pricing, and until then
 * `unsupportedTerms` names what a tariff asks for that would not be billed.
 */
import { z } from 'zod'
import { isCurrency } from '../money.ts'

/** A decimal that is not negative, below a million, with at most four places, as OCPI numbers are; kept as text or as the JSON number that was sent. */
const FOUR_PLACES = /^\d{1,6}(\.\d{1,4})?$/
const DECIMAL = 'a decimal that is not negative and below a million, with at most four places'
const decimal = z.union(
  [z.number().refine((n) => FOUR_PLACES.test(String(n)), DECIMAL), z.string().regex(FOUR_PLACES, DECIMAL)],
  { error: DECIMAL },
)

/** Largest step: 1 MWh, or eleven days. */
const MAX_STEP_SIZE = 1_000_000

export const PRICE_DIMENSIONS = ['ENERGY', 'TIME', 'PARKING_TIME', 'FLAT'] as const
export type PriceDimension = (typeof PRICE_DIMENSIONS)[number]

export const priceComponent = z.object({
  type: z.enum(PRICE_DIMENSIONS),
  /** Per kWh (ENERGY), per hour (TIME, PARKING_TIME) or once (FLAT), excluding VAT. */
  price: decimal,
  /** Percent. Absent: no VAT is applied. */
  vat: decimal.refine((v) => Number(v) <= 100, 'at most 100 percent').optional(),
  /** Wh or seconds that are billed at least and in steps of; 1 or 0: exact. */
  step_size: z.int().min(0).max(MAX_STEP_SIZE).default(1),
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

/** Terms of OCPI that say nothing about what is to be paid, or by whom. */
const INFORMATIVE_TERMS = [
  'country_code',
  'party_id',
  'tariff_alt_url',
  'energy_mix',
  'last_updated',
] as const

/**
 * What a tariff, as it was sent, asks for beyond this pricing: restrictions, bounds, a field that is not known (a misspelt one
 * among them), a price that could never apply, a currency that is none. Empty: it is billed as it reads. A tariff with any of
 * these must be refused rather than billed without them. `also` names fields that the caller reads itself.
 */
export function unsupportedTerms(
  sent: unknown,
  also: readonly string[] = [],
): { path: string; message: string }[] {
  if (!isObject(sent)) return []
  const found = unknownFields(sent, [...Object.keys(tariff.shape), ...INFORMATIVE_TERMS, ...also], '')
  if (typeof sent.currency === 'string' && !isCurrency(sent.currency))
    found.push({ path: 'currency', message: 'an ISO 4217 code of a currency with two decimals' })
  const priced = new Set<unknown>()
  for (const [path, element] of list(sent.elements, 'elements')) {
    found.push(...unknownFields(element, Object.keys(tariffElement.shape), `${path}.`))
    for (const [at, component] of list(element.price_components, `${path}.price_components`)) {
      found.push(...unknownFields(component, Object.keys(priceComponent.shape), `${at}.`))
      const { type } = component
      // Without restrictions the first price of a dimension always applies (OCPI 2.2.1, 11.4.6).
      if (priced.has(type))
        found.push({ path: `${at}.type`, message: `there is a price for ${type} before it` })
      priced.add(type)
    }
  }
  return found
}

function unknownFields(sent: Record<string, unknown>, known: readonly string[], prefix: string) {
  return Object.keys(sent)
    .filter((key) => !known.includes(key) && isSet(sent[key]))
    .map((key) => ({ path: `${prefix}${key}`, message: 'is not supported' }))
}

/** The objects in a list, with their paths; what is none is for the shape to refuse. */
function list(value: unknown, path: string): [path: string, item: Record<string, unknown>][] {
  if (!Array.isArray(value)) return []
  return value.flatMap((item, i): [string, Record<string, unknown>][] =>
    isObject(item) ? [[`${path}.${i}`, item]] : [],
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === null) return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}
