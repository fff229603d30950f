import fc from 'fast-check'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { quickShape } from './quick-shape.ts'
import { batchRow } from './site/envelope.ts'
import { factData } from './site/fact.ts'

const schemas: [string, z.ZodType][] = [
  ...(Object.entries(factData) as [string, z.ZodType][]),
  ['a row of a batch', batchRow],
  ['bounds', z.object({ a: z.array(z.string().min(1).max(2)).min(1).max(2), b: z.number().optional() })],
  ['a bound said twice', z.object({ a: z.string().min(2).min(1).max(2).max(3) })],
]

/** Values about as the schema asks for: some fit, others miss a field, have one too many, or one of another sort. */
function near(schema: z.ZodType): fc.Arbitrary<unknown> {
  const { def } = (schema as unknown as { _zod: { def: Record<string, unknown> } })._zod
  const wrong = fc.constantFrom<unknown>(null, true, '', 'xxxx', 1.5, -1, 2 ** 31, 2 ** 53, [], {})
  const mostly = (right: fc.Arbitrary<unknown>) =>
    fc.oneof({ weight: 30, arbitrary: right }, { weight: 1, arbitrary: wrong })
  switch (def.type) {
    case 'string':
      return mostly(fc.string({ maxLength: 3 }))
    case 'number':
      return mostly(fc.oneof(fc.integer({ min: -5, max: 100 }), fc.maxSafeInteger()))
    case 'boolean':
      return mostly(fc.boolean())
    case 'enum':
      return mostly(fc.constantFrom(...Object.values(def.entries as object)))
    case 'optional':
      return near(def.innerType as z.ZodType)
    case 'array':
      return mostly(fc.array(near(def.element as z.ZodType), { maxLength: 3 }))
    case 'object': {
      const entries = Object.entries(def.shape as Record<string, z.ZodType>)
      const fields = Object.fromEntries(entries.map(([name, it]) => [name, near(it)]))
      const optional = entries.filter(([, it]) => it._zod.def.type === 'optional').map(([name]) => name)
      const requiredKeys = Object.keys(fields).filter((it) => !optional.includes(it))
      const whole = fc.record(fields, { requiredKeys })
      const odd = fc.record({ ...fields, other: fc.constant(1) }, { requiredKeys: [] })
      return fc.oneof({ weight: 20, arbitrary: whole }, { weight: 1, arbitrary: odd })
    }
    default:
      return fc.constant({ a: [1] })
  }
}

it.each(schemas)('what it accepts, the schema takes as it is: %s', (_name, schema) => {
  const fits = quickShape(schema)
  fc.assert(
    fc.property(near(schema), (value) => {
      if (!fits(value)) return
      expect(schema.safeParse(value)).toEqual({ success: true, data: value })
    }),
  )
})

it('accepts whole facts, not what has a field too many or one of another sort', () => {
  const fits = quickShape(factData['session.register'])
  expect(fits({ at: '2026-11-01T00:00:00.000Z', registerMilliWh: 1 })).toBe(true)
  expect(fits({ at: '2026-11-01T00:00:00.000Z' })).toBe(false)
  expect(fits({ at: '2026-11-01T00:00:00.000Z', registerMilliWh: 1.5 })).toBe(false)
  expect(fits({ at: '2026-11-01T00:00:00.000Z', registerMilliWh: 2 ** 53 })).toBe(false)
  expect(fits({ at: '2026-11-01T00:00:00.000Z', registerMilliWh: 1, more: 1 })).toBe(false)
  expect(fits(JSON.parse('{"at":"","registerMilliWh":1,"__proto__":{}}'))).toBe(false)
  expect(fits([])).toBe(false)
})

it('leaves to the schema what it does not know', () => {
  expect(quickShape(z.object({ a: z.string().refine((it) => it !== 'x') }))({ a: 'y' })).toBe(false)
  expect(quickShape(z.object({ a: z.string() }).catchall(z.number()))({ a: 'y' })).toBe(false)
  expect(quickShape(z.iso.datetime())('y')).toBe(false)
  expect(quickShape(z.coerce.number())(1)).toBe(false)
  expect(quickShape(z.union([z.string(), z.number()]))('y')).toBe(false)
})
