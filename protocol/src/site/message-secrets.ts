/** Secrets in OCPP frames: what is shown of a station's messages is shown without them. */
import { REDACTED, withoutSecrets } from '../command/secrets.ts'
import type { Json, JsonObject } from '../json.ts'

const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/
/** The password in a URL (GetDiagnostics, UpdateFirmware, GetLog). */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s/:@?#"]*):[^\s/@"]+@/gi
/** What lets whoever has the URL upload: a place of our own (`/upload/{token}`), a signed one in its query. */
const URL_TOKEN = /(\/upload\/|[?&][\w-]*(?:token|sig|signature)=)[^\s/&?#"]+/gi
/** What may be a secret in a text whose structure is not known. */
const SUSPECT = /passw|authorizationkey|private key|secret/i
/** 2.x settings whose value a report tells in `variableAttribute`. */
const SECRET_VARIABLE = /^(BasicAuthPassword|AuthorizationKey)$/i

/** A frame's array with `[redacted]` for passwords, tokens in URLs, keys of a VPN and private keys. Certificates are no secrets. */
export function frameWithoutSecrets(frame: Json[]): Json[] {
  return walk(withoutSecrets(frame)) as Json[]
}

/** A text that was no frame: it is shown only if nothing in it can be a secret. */
export function textWithoutSecrets(text: string): string {
  return SUSPECT.test(text)
    ? `(left out: ${text.length} characters, which may hold a secret)`
    : withoutUrlSecrets(text)
}

function walk(value: Json): Json {
  if (typeof value === 'string') return PRIVATE_KEY.test(value) ? REDACTED : withoutUrlSecrets(value)
  if (Array.isArray(value)) return value.map(walk)
  if (typeof value !== 'object' || value === null) return value
  const secretNames = secretsOf(value)
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, secretNames.has(name) ? hide(field) : walk(field)]),
  )
}

/** The fields of an object that are secrets because of what stands beside them. */
function secretsOf(value: JsonObject): Set<string> {
  const { variable, data } = value
  const found = new Set<string>()
  // 2.x NetworkConnectionProfile: the pre-shared key of its VPN.
  if ('server' in value && 'key' in value) found.add('key')
  if (isObject(variable) && typeof variable.name === 'string' && SECRET_VARIABLE.test(variable.name))
    found.add('variableAttribute')
  // DataTransfer: often JSON in a string, of which nobody knows the names.
  if (typeof data === 'string' && SUSPECT.test(data)) found.add('data')
  return found
}

function hide(value: Json): Json {
  if (!Array.isArray(value)) return REDACTED
  return value.map((it) => (isObject(it) && 'value' in it ? { ...it, value: REDACTED } : it))
}

function withoutUrlSecrets(text: string): string {
  if (!text.includes('://')) return text
  return text.replace(URL_PASSWORD, `$1:${REDACTED}@`).replace(URL_TOKEN, `$1${REDACTED}`)
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
