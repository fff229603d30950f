/** For tests: facts whose shape is right and whose content is as bad as a broken or hostile station can make it. */
import fc from 'fast-check'
import type { z } from 'zod'
import type { Json } from '../../json.ts'
import { type FactKind, factData } from '../fact.ts'

/** Texts that some table, page or parser has choked on. */
export const HOSTILE_TEXTS: readonly string[] = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'x\udc00y',
  '\udfff\ud800',
  "'; drop table station.session; --",
  '"\\\n\r\t\u2028\u2029',
  '\u202eevil\u202c',
  '👩‍👩‍👧‍👦',
  '﷽',
  '__proto__',
  'constructor',
  'toString',
  'NaN',
  '1e400',
  '-0',
  '9'.repeat(400),
  '0000-00-00T00:00:00Z',
  '1970-01-01T00:00:00Z',
  '+275760-09-13T00:00:00.000Z',
  '-000001-01-01T00:00:00Z',
  '9999-12-31T23:59:60Z',
  '2026-11-23T12:00:00.000Z',
  'x'.repeat(4_000),
  '\u0001'.repeat(300),
  '{"$ne":null}',
  '../../etc/passwd',
  '<script>alert(1)</script>',
  '%00%s%n',
]

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...HOSTILE_TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
)
const hostileInt = (min: number, max: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.constantFrom(
      ...[0, 1, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, -(2 ** 53) + 1].filter(
        (it) => it >= min && it <= max,
      ),
      Math.min(Math.max(1, min), max),
    ),
    fc.integer({ min: Math.max(min, -1_000_000), max: Math.min(max, 1_000_000) }),
  )

const hostileJson: fc.Arbitrary<Json> = fc.oneof(
  hostileText,
  fc.constantFrom<Json>(null, true, 0, -1.5, 1e308, 2 ** 53, [], {}),
  fc.constant(nested(500)),
  fc.dictionary(hostileText, hostileText, { maxKeys: 3 }).map((it) => ({ ...it })),
)

function nested(levels: number): Json {
  let value: Json = 'deep'
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { x: value }
  return value
}

/** The parts of zod's description of a shape that are read here. */
interface Def {
  type: string
  shape?: Record<string, z.ZodType>
  element?: z.ZodType
  innerType?: z.ZodType
  valueType?: z.ZodType
  entries?: Record<string, string>
  values?: Json[]
  options?: z.ZodType[]
}

/** What a shape lets through, leaning to the ends of it. */
function within(shape: z.ZodType): fc.Arbitrary<Json | undefined> {
  const def = shape._zod.def as unknown as Def
  switch (def.type) {
    case 'object': {
      const entries = Object.entries(def.shape ?? {}).map(([key, value]) => [key, within(value)] as const)
      return fc.record(Object.fromEntries(entries)) as fc.Arbitrary<Json>
    }
    case 'string':
      return hostileText
    case 'number': {
      const { minValue, maxValue } = shape as unknown as { minValue: number; maxValue: number }
      return hostileInt(Math.max(minValue, -(2 ** 53) + 1), Math.min(maxValue, 2 ** 53 - 1))
    }
    case 'boolean':
      return fc.boolean()
    case 'enum':
      return fc.constantFrom(...Object.values(def.entries ?? {}))
    case 'literal':
      return fc.constantFrom(...(def.values ?? []))
    case 'array':
      return fc.array(within(def.element!), { maxLength: 3 }) as fc.Arbitrary<Json>
    case 'optional':
      return fc.option(within(def.innerType!), { nil: undefined, freq: 2 })
    case 'nullable':
      return fc.option(within(def.innerType!), { nil: null })
    case 'record':
      return fc.dictionary(hostileText, within(def.valueType!) as fc.Arbitrary<Json>, { maxKeys: 3 })
    default:
      return hostileJson
  }
}

/** The data of a fact of this kind. */
export function hostileData(kind: FactKind): fc.Arbitrary<Json> {
  return within(factData[kind]) as fc.Arbitrary<Json>
}
