import type { Schema, SchemaSet } from './schemas.ts'

/**
 * TypeScript types for one version. Types are aliases, not interfaces, so that a payload is assignable to a JSON
 * object. Objects that a schema writes inline (all of 1.6) get a name from their property and are shared when equal.
 */
export function emitTypes(set: SchemaSet): string {
  const emitter = new TypeEmitter(set)
  return emitter.emit()
}

class TypeEmitter {
  private readonly set: SchemaSet
  private readonly declarations = new Map<string, string>()
  /** Name of an inline object by its structure. */
  private readonly nameByBody = new Map<string, string>()

  constructor(set: SchemaSet) {
    this.set = set
  }

  emit(): string {
    const messageNames = new Set<string>()
    for (const [action, { response }] of this.set.messages) {
      messageNames.add(`${action}Request`)
      if (response) messageNames.add(`${action}Response`)
    }
    for (const [name, schema] of Object.entries(this.set.definitions)) {
      if (messageNames.has(name)) throw new Error(`definition ${name} has the name of a message`)
      this.declarations.set(name, schema.properties ? this.object(schema, name) : this.type(schema, name))
    }
    const table: string[] = []
    for (const [action, { request, response }] of this.set.messages) {
      this.declarations.set(`${action}Request`, this.object(request, action))
      if (response) this.declarations.set(`${action}Response`, this.object(response, action))
      table.push(
        `  ${action}: { request: ${action}Request; response: ${response ? `${action}Response` : 'never'} }`,
      )
    }
    const lines = [
      `// Generated from the official JSON schemas of OCPP ${this.set.version}. Not edited by hand.`,
      '',
    ]
    for (const [name, body] of this.declarations) lines.push(`export type ${name} = ${body}`, '')
    lines.push(
      '/** Every message of this version by action. */',
      'export type Messages = {',
      ...table,
      '}',
      '',
    )
    lines.push('export type Action = keyof Messages', '')
    return lines.join('\n')
  }

  private type(schema: Schema, context: string, property = context): string {
    if (schema.$ref !== undefined) return schema.$ref.slice('#/definitions/'.length)
    if (schema.enum) return schema.enum.map((value) => `'${value.replaceAll("'", "\\'")}'`).join(' | ')
    switch (schema.type) {
      case 'string':
        return 'string'
      case 'integer':
      case 'number':
        return 'number'
      case 'boolean':
        return 'boolean'
      case 'array': {
        const item = schema.items ? this.type(schema.items, context, property) : 'unknown'
        return item.includes(' ') ? `(${item})[]` : `${item}[]`
      }
      case 'object':
        return schema.properties ? this.inlineObject(schema, context, property) : 'Record<string, unknown>'
      case undefined:
        // DataTransfer.data and the like: any JSON value.
        return 'unknown'
      default:
        throw new Error(`type ${schema.type} of ${context} is not handled`)
    }
  }

  private inlineObject(schema: Schema, context: string, property: string): string {
    const structure = JSON.stringify(schema)
    const known = this.nameByBody.get(structure)
    if (known !== undefined) return known
    const short = property.charAt(0).toUpperCase() + property.slice(1)
    const name = this.declarations.has(short) || short in this.set.definitions ? `${context}${short}` : short
    if (this.declarations.has(name)) throw new Error(`two objects want the name ${name}`)
    // Reserved before its own body is written, so that a nested object cannot take the name.
    this.declarations.set(name, '')
    this.nameByBody.set(structure, name)
    this.declarations.set(name, this.object(schema, context))
    return name
  }

  private object(schema: Schema, context: string): string {
    const required = new Set(schema.required)
    const lines = Object.entries(schema.properties ?? {}).map(
      ([name, value]) => `  ${name}${required.has(name) ? '' : '?'}: ${this.type(value, context, name)}`,
    )
    if (schema.additionalProperties !== false) lines.push('  [name: string]: unknown')
    if (lines.length === 0) return 'Record<string, never>'
    return `{\n${lines.join('\n')}\n}`
  }
}
