import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { OcppVersion } from '../src/ocpp/version.ts'

/** The part of JSON Schema that the official OCPP schemas use. */
export interface Schema {
  $ref?: string
  type?: string
  enum?: string[]
  format?: string
  maxLength?: number
  minimum?: number
  maximum?: number
  multipleOf?: number
  minItems?: number
  maxItems?: number
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean
  definitions?: Record<string, Schema>
}

/** One OCPP version: the definitions its messages share, and every request and response by action. */
export interface SchemaSet {
  version: OcppVersion
  definitions: Record<string, Schema>
  /** `response` is absent for a message that is only ever sent (2.1's SEND). */
  messages: Map<string, { request: Schema; response?: Schema }>
}

export type Source = 'ocpp-rpc' | 'typed-ocpp'

const FILE_BY_SOURCE: Record<Source, Record<OcppVersion, string>> = {
  'ocpp-rpc': {
    '1.6': 'lib/schemas/ocpp1_6.json',
    '2.0.1': 'lib/schemas/ocpp2_0_1.json',
    '2.1': 'lib/schemas/ocpp2_1.json',
  },
  'typed-ocpp': {
    '1.6': 'dist/ocpp16/schemas.js',
    '2.0.1': 'dist/ocpp20/schemas.js',
    '2.1': 'dist/ocpp21/schemas.js',
  },
}

const require = createRequire(import.meta.url)

/** Directory of an installed package, also where its exports hide package.json. */
export function packageDirectory(name: string): string {
  let directory = dirname(require.resolve(name))
  for (; directory !== dirname(directory); directory = dirname(directory)) {
    try {
      const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { name?: string }
      if (manifest.name === name) return directory
    } catch {
      // No manifest at this level: look one directory higher.
    }
  }
  throw new Error(`package ${name} is not installed`)
}

export function packageVersion(name: string): string {
  const manifest = JSON.parse(readFileSync(join(packageDirectory(name), 'package.json'), 'utf8')) as {
    version: string
  }
  return manifest.version
}

/**
 * Reads one version's schemas from one source, in a form that both sources share: no ids, no prose, references
 * as `#/definitions/X` into one table per version. Throws when two messages define one name differently.
 */
export async function readSchemas(source: Source, version: OcppVersion): Promise<SchemaSet> {
  const file = join(packageDirectory(source), FILE_BY_SOURCE[source][version])
  const named = source === 'ocpp-rpc' ? readJsonList(file) : await readModule(file)
  const set: SchemaSet = { version, definitions: {}, messages: new Map() }
  const seen = new Map<string, string>()
  for (const [name, raw] of [...named].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const schema = tidy(raw)
    for (const [definition, body] of Object.entries(raw.definitions ?? {})) {
      const cleaned = tidy(body)
      const text = JSON.stringify(cleaned)
      const known = seen.get(definition)
      if (known === undefined) {
        seen.set(definition, text)
        set.definitions[definition] = cleaned
      } else if (known !== text && source === 'ocpp-rpc') {
        throw new Error(`${source} ${version}: ${name} defines ${definition} unlike another message`)
      }
    }
    const action = name.replace(/(Request|Response)$/, '')
    const entry = set.messages.get(action)
    if (name.endsWith('Response')) {
      if (!entry) throw new Error(`${source} ${version}: ${name} has no request`)
      entry.response = schema
    } else {
      set.messages.set(action, { request: schema })
    }
  }
  return set
}

function readJsonList(file: string): Map<string, Schema> {
  const list = JSON.parse(readFileSync(file, 'utf8')) as (Schema & { $id: string })[]
  // Ids are `urn:Action.req` and `.conf` up to 2.0.1, `urn:ActionRequest` from 2.1 on.
  return new Map(
    list.map((schema) => [
      schema.$id
        .replace(/^urn:/, '')
        .replace(/\.req$/, 'Request')
        .replace(/\.conf$/, 'Response'),
      schema,
    ]),
  )
}

async function readModule(file: string): Promise<Map<string, Schema>> {
  const module = (await import(pathToFileURL(file).href)) as Record<string, Schema>
  return new Map(Object.entries(module).filter(([, value]) => typeof value === 'object'))
}

/** A copy with only what constrains a value, keys in one order; `additionalProperties` only where it means something. */
function tidy(schema: Schema): Schema {
  const out: Schema = {}
  if (schema.$ref !== undefined) {
    out.$ref = `#/definitions/${schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)}`
    return out
  }
  if (schema.type !== undefined) out.type = schema.type
  if (schema.enum) out.enum = [...schema.enum]
  if (schema.format !== undefined) out.format = schema.format
  for (const key of ['maxLength', 'minimum', 'maximum', 'multipleOf', 'minItems', 'maxItems'] as const) {
    if (schema[key] !== undefined) out[key] = schema[key]
  }
  if (schema.items) out.items = tidy(schema.items)
  if (schema.properties) {
    out.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([key, value]) => [key, tidy(value)]),
    )
  }
  if (schema.required) out.required = [...schema.required]
  if (schema.type === 'object' && schema.additionalProperties !== undefined) {
    out.additionalProperties = schema.additionalProperties
  }
  const unknown = Object.keys(schema).filter((key) => !KEPT.has(key) && !DROPPED.has(key))
  if (unknown.length > 0) throw new Error(`schema keyword not handled: ${unknown.join(', ')}`)
  return out
}

const KEPT = new Set([
  ...['type', 'enum', 'format', 'maxLength', 'minimum', 'maximum', 'multipleOf', 'minItems', 'maxItems'],
  ...['items', 'properties', 'required', 'additionalProperties', 'definitions'],
])
/** Prose, ids, and keywords without effect here (`additionalItems` beside a single `items` schema). */
const DROPPED = new Set([
  '$id',
  '$schema',
  'title',
  'description',
  'comment',
  'javaType',
  'default',
  'additionalItems',
])
