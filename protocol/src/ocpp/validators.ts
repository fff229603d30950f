import type { CompiledCheck, CompiledError, CompiledMessages } from './schema-runtime.ts'
import type { OcppVersion } from './version.ts'

/** One way in which a payload breaks its schema. */
export interface SchemaError {
  /** JSON pointer to the offending value, or to the property that is missing or too much; at most 200 characters. */
  path: string
  /** The JSON Schema keyword that is violated: `required`, `type`, `maxLength`, ... */
  keyword: string
  /** What is expected, without the value that was sent. */
  message: string
  /** Of the keyword `enum`: the words that are allowed. */
  allowed?: readonly string[]
}

/** Checks one payload; an empty list means valid. Stops at the first violation, so the list has at most one. */
export type Check = (payload: unknown) => readonly SchemaError[]

export interface MessageChecks {
  request: Check
  /** Absent for a message that is never answered (2.1's SEND). */
  response?: Check
}

/** The official schemas of one OCPP version, compiled. */
export interface Validators {
  version: OcppVersion
  /** Undefined for an action that the version does not have. */
  find(action: string): MessageChecks | undefined
  actions: readonly string[]
}

const loaded = new Map<OcppVersion, Promise<Validators>>()

/** The validators of one version, loaded when first asked for: a version that no station speaks costs no memory. */
export function loadValidators(version: OcppVersion): Promise<Validators> {
  let validators = loaded.get(version)
  if (!validators) {
    validators = importMessages(version).then((messages) => wrap(version, messages))
    loaded.set(version, validators)
  }
  return validators
}

async function importMessages(version: OcppVersion): Promise<CompiledMessages> {
  // Literal specifiers, so that a bundler can put each version in a chunk of its own.
  switch (version) {
    case '1.6':
      return (await import('../../generated/v16/validators.js')).messages
    case '2.0.1':
      return (await import('../../generated/v201/validators.js')).messages
    case '2.1':
      return (await import('../../generated/v21/validators.js')).messages
  }
}

function wrap(version: OcppVersion, messages: CompiledMessages): Validators {
  const checks = new Map<string, MessageChecks>()
  for (const [action, { request, response }] of messages) {
    checks.set(action, { request: check(request), ...(response ? { response: check(response) } : {}) })
  }
  return { version, find: (action) => checks.get(action), actions: [...checks.keys()] }
}

const VALID: readonly SchemaError[] = Object.freeze([])

function check(compiled: CompiledCheck): Check {
  return (payload) => (compiled(payload) ? VALID : (compiled.errors ?? []).map(toSchemaError))
}

/** A path holds property names of the sender's choosing, and ends up in logs and in answers. */
const PATH_MAX_CHARS = 200

function toSchemaError(error: CompiledError): SchemaError {
  const property = error.params.missingProperty ?? error.params.additionalProperty
  const path = property === undefined ? error.instancePath : `${error.instancePath}/${property}`
  const { keyword } = error
  const { allowedValues } = error.params
  return {
    path: path.slice(0, PATH_MAX_CHARS),
    keyword,
    message: expectation(error),
    ...(keyword === 'enum' && Array.isArray(allowedValues) ? { allowed: allowedValues as string[] } : {}),
  }
}

function expectation({ keyword, params }: CompiledError): string {
  switch (keyword) {
    case 'required':
      return 'is missing'
    case 'additionalProperties':
      return 'is not a property here'
    case 'type':
      return `must be ${article(String(params.type))}`
    case 'enum':
      return 'is none of the values that are allowed'
    case 'format':
      return `must have the format ${params.format}`
    case 'maxLength':
      return `must be at most ${params.limit} characters long`
    case 'minItems':
      return `must have at least ${params.limit} elements`
    case 'maxItems':
      return `must have at most ${params.limit} elements`
    case 'minimum':
    case 'maximum':
      return `must be ${params.comparison} ${params.limit}`
    case 'multipleOf':
      return `must be a multiple of ${params.multipleOf}`
    default:
      return `violates ${keyword}`
  }
}

function article(type: string): string {
  return /^[aeio]/.test(type) ? `an ${type}` : `a ${type}`
}
