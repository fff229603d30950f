/**
 * Says quickly that a value read from JSON has just the shape that a schema asks for, and nothing beside it: then the schema would give back
 * an equal value. Where it says no, the schema itself decides and explains. On the way of every fact that is most of the reading (measured).
 */
import type { z } from 'zod'

type Fits = (value: unknown) => boolean

const never: Fits = () => false

/** Of a schema with something in it that is not known here, what has that in it never fits. */
export function quickShape(schema: z.ZodType): Fits {
  const { def } = (schema as unknown as { _zod: { def: Def } })._zod
  const bounds = boundsOf(def.checks ?? [])
  if (!bounds || def.catchall || def.coerce) return never
  switch (def.type) {
    case 'string':
      if (def.format !== undefined) return never
      return (value) => typeof value === 'string' && isWithin(value.length, bounds)
    case 'boolean':
      return (value) => typeof value === 'boolean'
    case 'unknown':
      return () => true
    case 'number':
      return numberOf(def.format, bounds)
    case 'enum': {
      const entries = new Set<unknown>(Object.values(def.entries ?? {}))
      return (value) => entries.has(value)
    }
    case 'optional':
      return def.innerType ? quickShape(def.innerType) : never
    case 'array':
      return def.element ? arrayOf(quickShape(def.element), bounds) : never
    case 'object':
      return objectOf(def.shape ?? {})
    default:
      return never
  }
}

interface Def {
  type: string
  coerce?: boolean
  format?: string
  checks?: { _zod: { def: CheckDef } }[]
  entries?: Record<string, unknown>
  innerType?: z.ZodType
  element?: z.ZodType
  shape?: Record<string, z.ZodType>
  catchall?: z.ZodType
}

interface CheckDef {
  check: string
  inclusive?: boolean
  value?: number | bigint | Date
  minimum?: number
  maximum?: number
}

/** Of a number, or of how long a text or a list is; both inclusive. */
interface Bounds {
  min: number
  max: number
}

function boundsOf(checks: readonly { _zod: { def: CheckDef } }[]): Bounds | undefined {
  const bounds: Bounds = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY }
  for (const { _zod } of checks) {
    const { check, inclusive, value, minimum, maximum } = _zod.def
    if (check === 'greater_than' && inclusive && typeof value === 'number')
      bounds.min = Math.max(bounds.min, value)
    else if (check === 'less_than' && inclusive && typeof value === 'number')
      bounds.max = Math.min(bounds.max, value)
    else if (check === 'min_length' && minimum !== undefined) bounds.min = Math.max(bounds.min, minimum)
    else if (check === 'max_length' && maximum !== undefined) bounds.max = Math.min(bounds.max, maximum)
    else return undefined
  }
  return bounds
}

function isWithin(size: number, { min, max }: Bounds): boolean {
  return size >= min && size <= max
}

function numberOf(format: string | undefined, bounds: Bounds): Fits {
  switch (format) {
    case undefined:
      return (value) => typeof value === 'number' && Number.isFinite(value) && isWithin(value, bounds)
    case 'safeint':
      return (value) => Number.isSafeInteger(value) && isWithin(value as number, bounds)
    case 'int32':
      return (value) => typeof value === 'number' && (value | 0) === value && isWithin(value, bounds)
    default:
      return never
  }
}

function arrayOf(fits: Fits, bounds: Bounds): Fits {
  return (value) => {
    if (!Array.isArray(value) || !isWithin(value.length, bounds)) return false
    for (const it of value) if (!fits(it)) return false
    return true
  }
}

function objectOf(shape: Record<string, z.ZodType>): Fits {
  const fields = new Map<string, { fits: Fits; isNeeded: boolean }>()
  for (const [name, schema] of Object.entries(shape)) {
    const { type } = (schema as unknown as { _zod: { def: Def } })._zod.def
    fields.set(name, { fits: quickShape(schema), isNeeded: type !== 'optional' && type !== 'unknown' })
  }
  const needed = [...fields.values()].filter((it) => it.isNeeded).length
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
    let found = 0
    for (const name in value) {
      const field = fields.get(name)
      if (!field?.fits((value as Record<string, unknown>)[name])) return false
      if (field.isNeeded) found++
    }
    return found === needed
  }
}
