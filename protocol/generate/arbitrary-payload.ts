import fc from 'fast-check'
import type { Schema, SchemaSet } from './schemas.ts'

/** Nesting below which optional properties are left out: 2.1 nests deeply, and samples should stay small. */
const OPTIONAL_LEVELS = 2

/** Payloads that a message's schema allows, for tests. `minimal`: required properties only. */
export function arbitraryPayload(set: SchemaSet, schema: Schema, minimal = false): fc.Arbitrary<unknown> {
  return arbitrary(schema, minimal ? 0 : OPTIONAL_LEVELS)

  function arbitrary(node: Schema, optionalLevels: number): fc.Arbitrary<unknown> {
    if (node.$ref !== undefined) {
      const target = set.definitions[node.$ref.slice('#/definitions/'.length)]
      if (!target) throw new Error(`${node.$ref} leads nowhere`)
      return arbitrary(target, optionalLevels)
    }
    if (node.enum) return fc.constantFrom(...node.enum)
    switch (node.type) {
      case 'string':
        return text(node)
      case 'boolean':
        return fc.boolean()
      case 'integer':
        return fc.integer({
          min: Math.ceil(node.minimum ?? -1000),
          max: Math.floor(node.maximum ?? 1_000_000),
        })
      case 'number':
        return tenths(node)
      case 'array': {
        const minLength = node.minItems ?? 0
        const maxLength = Math.max(minLength, Math.min(node.maxItems ?? 2, 2))
        return fc.array(arbitrary(node.items ?? {}, optionalLevels), { minLength, maxLength })
      }
      case 'object': {
        const required = new Set(node.required)
        const properties = Object.entries(node.properties ?? {}).filter(
          ([name]) => required.has(name) || optionalLevels > 0,
        )
        const model = Object.fromEntries(
          properties.map(([name, value]) => [name, arbitrary(value, optionalLevels - 1)]),
        )
        const requiredKeys = properties.map(([name]) => name).filter((name) => required.has(name))
        return fc.record(model, { requiredKeys, noNullPrototype: true })
      }
      case undefined:
        return fc.jsonValue({ maxDepth: 2 })
      default:
        throw new Error(`type ${node.type} is not handled`)
    }
  }
}

function text(node: Schema): fc.Arbitrary<string> {
  if (node.format === 'date-time') {
    const range = { min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }
    return fc.date(range).map((date) => date.toISOString())
  }
  if (node.format === 'uri') return fc.webUrl()
  return fc.string({ unit: 'binary', maxLength: Math.min(node.maxLength ?? 40, 40) })
}

/** One decimal, as currents and powers have; within the bounds of the schema. */
function tenths(node: Schema): fc.Arbitrary<number> {
  const min = Math.ceil((node.minimum ?? -1000) * 10)
  const max = Math.floor((node.maximum ?? 100_000) * 10)
  return fc.integer({ min, max }).map((value) => value / 10)
}
