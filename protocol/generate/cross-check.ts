import type { OcppVersion } from '../src/ocpp/version.ts'
import type { Schema, SchemaSet } from './schemas.ts'

/** A place where the two schema sources disagree, and which of them is followed. */
export interface KnownDifference {
  version: OcppVersion
  /** Message, then the path inside it with references resolved. */
  path: string
  primary: number
  check: number
  take: 'primary' | 'check'
  why: string
}

export const PRIMARY_SOURCE = 'ocpp-rpc'
export const CHECK_SOURCE = 'typed-ocpp'

/** Every known difference between the two sources; the test fails on one more, and on one less. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    version: '1.6',
    path: 'StatusNotificationRequest/properties/info/maxLength',
    primary: 50,
    check: 100,
    take: 'check',
    why: 'sent by stations: the wider bound refuses nothing that either reading of the standard allows',
  },
  {
    version: '1.6',
    path: 'GetConfigurationResponse/properties/configurationKey/items/properties/value/maxLength',
    primary: 500,
    check: 2048,
    take: 'check',
    why: 'sent by stations: long values (certificate chains, key lists) occur, and one would void the whole report',
  },
  {
    version: '1.6',
    path: 'ChangeConfigurationRequest/properties/value/maxLength',
    primary: 500,
    check: 2048,
    take: 'primary',
    why: 'sent by us: CiString500 in the published 1.6 schema, and a station that follows it refuses more',
  },
]

/** Applies the differences decided for the check source to the primary's schemas (in place). */
export function applyDecisions(set: SchemaSet): SchemaSet {
  for (const difference of KNOWN_DIFFERENCES) {
    if (difference.version !== set.version || difference.take !== 'check') continue
    const steps = difference.path.split('/')
    const name = steps.shift() ?? ''
    const keyword = steps.pop() ?? ''
    let node = messageSchema(set, name) as Record<string, unknown> | undefined
    for (const step of steps) node = node?.[step] as Record<string, unknown> | undefined
    if (node?.[keyword] !== difference.primary) {
      throw new Error(`known difference no longer holds: ${set.version} ${difference.path}`)
    }
    node[keyword] = difference.check
  }
  return set
}

function messageSchema(set: SchemaSet, name: string): Schema | undefined {
  const entry = set.messages.get(name.replace(/(Request|Response)$/, ''))
  return name.endsWith('Response') ? entry?.response : entry?.request
}

export interface Difference {
  path: string
  primary: unknown
  check: unknown
}

/** All differences in meaning between two readings of one version; order of enums and of `required` has none. */
export function compareSchemas(primary: SchemaSet, check: SchemaSet): Difference[] {
  const out: Difference[] = []
  const actions = new Set([...primary.messages.keys(), ...check.messages.keys()])
  for (const action of [...actions].sort()) {
    for (const direction of ['request', 'response'] as const) {
      const name = `${action}${direction === 'request' ? 'Request' : 'Response'}`
      const a = primary.messages.get(action)?.[direction]
      const b = check.messages.get(action)?.[direction]
      collect(a && resolve(a, primary), b && resolve(b, check), name, out)
    }
  }
  return out
}

function resolve(schema: Schema, set: SchemaSet): Schema {
  if (schema.$ref !== undefined) {
    const target = set.definitions[schema.$ref.slice('#/definitions/'.length)]
    if (!target) throw new Error(`${set.version}: ${schema.$ref} leads nowhere`)
    return resolve(target, set)
  }
  const out: Schema = { ...schema }
  if (schema.enum) out.enum = [...schema.enum].sort()
  if (schema.required) out.required = [...schema.required].sort()
  if (schema.items) out.items = resolve(schema.items, set)
  if (schema.properties) {
    out.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([key, value]) => [key, resolve(value, set)]),
    )
  }
  return out
}

function collect(a: unknown, b: unknown, path: string, out: Difference[]): void {
  if (isRecord(a) && isRecord(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
      collect(a[key], b[key], `${path}/${key}`, out)
  } else if (JSON.stringify(a) !== JSON.stringify(b)) {
    out.push({ path, primary: a, check: b })
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
