/**
 * Secrets in the arguments of commands, and in what stations tell of their settings: passwords that a station is given. They go to the
 * station, and are shown and kept nowhere else.
 */
import type { Json, JsonObject } from '../json.ts'

export const REDACTED = '[redacted]'

/** Settings whose value is a secret: 1.6's key and 2.x's variable, alone or behind a component's name. */
const SECRET_SETTING = /(^|\.)(AuthorizationKey|BasicAuthPassword)$/i
/** Fields that are secrets themselves (2.x SetNetworkProfile). */
const SECRET_FIELD = /^(basicAuthPassword|password|apnPassword)$/
/** Whether the value of a setting of this name is a secret. */
export function isSecretSetting(name: string): boolean {
  return SECRET_SETTING.test(name)
}
const VALUES = ['value', 'attributeValue']
const ATTRIBUTES = 'variableAttribute'

/** The arguments, a reply or a report with `[redacted]` for every secret; the same object where there is none. */
export function withoutSecrets<T extends Json>(args: T): T {
  return redact(args) as T
}

/** `inSecret`: it is part of what is told of a secret setting, as the attributes of a variable in a report. */
function redact(value: Json, inSecret = false): Json {
  if (Array.isArray(value)) {
    const items = value.map((it) => redact(it, inSecret))
    return items.every((it, i) => it === value[i]) ? value : items
  }
  if (typeof value !== 'object' || value === null) return value
  const isSecret = inSecret || namesSecret(value)
  const entries = Object.entries(value).map(([name, field]): [string, Json] => {
    const hides =
      typeof field === 'string' && ((isSecret && VALUES.includes(name)) || SECRET_FIELD.test(name))
    return [name, hides ? REDACTED : redact(field as Json, isSecret && name === ATTRIBUTES)]
  })
  return entries.every(([name, field]) => field === value[name]) ? value : Object.fromEntries(entries)
}

function namesSecret(value: JsonObject): boolean {
  const { variable } = value
  const names = [value.name, value.key, isObject(variable) ? variable.name : undefined]
  return names.some((it) => typeof it === 'string' && SECRET_SETTING.test(it))
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
