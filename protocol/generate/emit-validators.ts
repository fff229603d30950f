import { _, Ajv } from 'ajv'
import standalone from 'ajv/dist/standalone/index.js'
import type { Schema, SchemaSet } from './schemas.ts'

/** Digits that a division by `multipleOf` may be off: 8.1 / 0.1 is not 81 in binary floating point. */
const MULTIPLE_OF_DIGITS = 6
/** References to schemas of at most this many keywords (enums, plain strings) are written in place. */
const INLINE_KEYWORDS = 3

/** Validation functions for one version as one ES module without a schema compiler in it. */
export function emitValidators(set: SchemaSet): string {
  const ajv = new Ajv({
    strict: false,
    allErrors: false,
    messages: false,
    validateSchema: false,
    inlineRefs: INLINE_KEYWORDS,
    multipleOfPrecision: MULTIPLE_OF_DIGITS,
    code: { source: true, esm: true, lines: false, optimize: 2, formats: _`formats` },
  })
  // The real checks are in schema-runtime.ts; here only the names must be known, so that code refers to them.
  for (const format of ['date-time', 'uri']) ajv.addFormat(format, () => true)

  // Each definition is a schema of its own, so that it is compiled once and not again for every message.
  for (const [name, schema] of Object.entries(set.definitions)) {
    ajv.addSchema({ $id: name, ...withSharedReferences(schema) })
  }
  const exported: Record<string, string> = {}
  const table: string[] = []
  for (const [action, { request, response }] of set.messages) {
    for (const [name, schema] of [
      [`${action}Request`, request],
      [`${action}Response`, response],
    ] as const) {
      if (!schema) continue
      ajv.addSchema({ $id: name, ...withSharedReferences(schema) })
      exported[name] = name
    }
    table.push(
      `  ['${action}', { request: ${action}Request, response: ${response ? `${action}Response` : 'null'} }],`,
    )
  }
  // A named import from CommonJS is a function in some loaders and `{default}` in others.
  const emit =
    typeof standalone === 'function' ? standalone : (standalone as { default: typeof standalone }).default
  const code = withoutUnusedSchemas(emit(ajv, exported))
    .replace(/^"use strict";/, '')
    .replaceAll('require("ajv/dist/runtime/ucs2length").default', 'characterCount')
    .replace(/\/\*# sourceURL="\w*" \*\/;?/g, '')
    // Characters never outnumber UTF-16 units, so a string short enough in units needs no counting.
    .replace(/if\((func\d+)\((data\w*)\) > (\d+)\)/g, 'if($2.length > $3 && $1($2) > $3)')
  if (code.includes('require(')) throw new Error('generated validators ask for a module that is not provided')
  return [
    `// Generated from the official JSON schemas of OCPP ${set.version}. Not edited by hand.`,
    "import { characterCount, formats } from '../../src/ocpp/schema-runtime.ts'",
    code,
    'export const messages = new Map([',
    ...table,
    '])',
    '',
  ].join('\n')
}

export const VALIDATORS_DECLARATION = `// Generated. Not edited by hand.
import type { CompiledMessages } from '../../src/ocpp/schema-runtime.ts'
export declare const messages: CompiledMessages
`

/** Drops the schema constants that no check reads: all but the ones that hold an enum. */
function withoutUnusedSchemas(code: string): string {
  return code.replace(
    /const (schema\d+) = (\{.*?\});(?=const |function |export |$)/g,
    (text, name: string) => (code.includes(`${name}.`) ? text : ''),
  )
}

/** Points references at the definitions' own ids. */
function withSharedReferences(schema: Schema): Schema {
  const out: Schema = { ...schema }
  if (schema.$ref !== undefined) out.$ref = schema.$ref.slice('#/definitions/'.length)
  if (schema.items) out.items = withSharedReferences(schema.items)
  if (schema.properties) {
    out.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([key, value]) => [key, withSharedReferences(value)]),
    )
  }
  return out
}
