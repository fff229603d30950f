/**
 * What a configuration says that is allowed and still harms: secrets that everybody knows, passwords in the clear on a network,
 * more connections than the server has. Works on the texts that were given, so that it also finds what is beside a wrong value.
 */
import { TARGETS } from './service.ts'
import { DEFAULT_POOL_SIZES, envName, settings } from './settings.ts'

type Given = Readonly<Record<string, string>>

/** Connections that Postgres keeps for its superuser (superuser_reserved_connections), and one for migrations. */
export const RESERVED_CONNECTIONS = 4
/** A secret with fewer different characters is a key held down. */
const FEWEST_CHARACTERS = 5
/** What examples, images and manuals set. */
const KNOWN_SECRETS =
  /^(admin|cloud|guest|mosquitto|mqtt|operator|pass(word|wd)?|postgres|qwerty|redis|root|secret|switchyard|test|user|welcome)?[0-9!]*$/
const PLACEHOLDERS =
  /change.?me|development|example|placeholder|replace.?me|your.?(secret|password|key)|default/
const PLAIN_MQTT = /^(mqtt|tcp|ws):$/

/** One line for each; without any value. Empty for development and tests. */
export function unsafeValues(given: Given): string[] {
  if (given.NODE_ENV === 'development' || given.NODE_ENV === 'test') return []
  return [...knownSecrets(given), ...sharedSecrets(given), ...plainMqtt(given), ...tooManyConnections(given)]
}

function* knownSecrets(given: Given): Generator<string> {
  const secrets = [
    ...[
      'SERVICE_KEY',
      'BOOTSTRAP_API_KEY',
      'BOOTSTRAP_OPERATOR_PASSWORD',
      'MQTT_PASSWORD',
      'MQTT_ADMIN_PASSWORD',
    ].map((name) => ({ name, value: given[name], is: 'it' })),
    ...['DATABASE_URL', 'DATABASE_DIRECT_URL', 'DATABASE_REPLICA_URL', 'REDIS_URL', 'MQTT_URL'].map(
      (name) => ({
        name,
        value: passwordIn(given[name]),
        is: 'the password in it',
      }),
    ),
  ]
  for (const { name, value, is } of secrets)
    if (value && isKnown(value)) yield `${name}: ${is} is one that everybody knows; make a random one`
}

function isKnown(secret: string): boolean {
  const small = secret.toLowerCase()
  return KNOWN_SECRETS.test(small) || PLACEHOLDERS.test(small) || new Set(small).size < FEWEST_CHARACTERS
}

/** Undefined too where there is no URL, or none that can be read (which is told elsewhere). */
function passwordIn(url: string | undefined): string | undefined {
  if (!url) return undefined
  const user = /^[a-z+]+:\/\/[^/@:]*:([^/@]*)@/i.exec(url)?.[1]
  if (!user) return undefined
  try {
    return decodeURIComponent(user)
  } catch {
    return user
  }
}

/** Who knows one of two knows the other. */
function* sharedSecrets(given: Given): Generator<string> {
  const pairs = [
    ['SERVICE_KEY', 'BOOTSTRAP_API_KEY'],
    ['SERVICE_KEY', 'MQTT_PASSWORD'],
    ['MQTT_PASSWORD', 'MQTT_ADMIN_PASSWORD'],
  ] as const
  for (const [one, other] of pairs)
    if (given[one] && given[one] === given[other]) yield `${other}: is the same as ${one}; give each its own`
}

function* plainMqtt(given: Given): Generator<string> {
  const allowed = given.ALLOW_PLAIN_MQTT === 'true' || given.ALLOW_PLAIN_MQTT === '1'
  if (allowed) return
  const url = given.MQTT_URL
  if (url && URL.canParse(url)) {
    const { protocol, hostname } = new URL(url)
    if (PLAIN_MQTT.test(protocol) && !isLoopback(hostname))
      yield 'MQTT_URL: passwords of sites would cross a network in the clear; use mqtts:, or say ALLOW_PLAIN_MQTT=true for a network of your own'
  }
  if (!url && given.BROKER_BIND_ADDRESS && !isLoopback(given.BROKER_BIND_ADDRESS))
    yield 'BROKER_BIND_ADDRESS: the embedded broker knows no TLS; keep it on loopback, or say ALLOW_PLAIN_MQTT=true for a network of your own'
}

export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(host)
}

function* tooManyConnections(given: Given): Generator<string> {
  const limit = Number(given.DATABASE_MAX_CONNECTIONS)
  if (!(limit > 0)) return
  const needed = connectionsNeeded(given)
  const free = limit - RESERVED_CONNECTIONS
  if (needed > free)
    yield `DATABASE_MAX_CONNECTIONS: all replicas together may ask for ${needed} connections (*_POOL_SIZE times *_REPLICAS), and the server has ${free} for them (${limit} less ${RESERVED_CONNECTIONS} kept back)`
}

/** Pools of all replicas of all targets together. A value that is no number counts as its default: it is told elsewhere. */
export function connectionsNeeded(given: Given): number {
  const number = (name: string, otherwise: number): number => {
    const value = Number(given[name] ?? otherwise)
    return Number.isInteger(value) && value >= 0 ? value : otherwise
  }
  return TARGETS.reduce(
    (sum, it) =>
      sum + number(envName(it, 'POOL_SIZE'), DEFAULT_POOL_SIZES[it]) * number(envName(it, 'REPLICAS'), 1),
    0,
  )
}

/** What containers and clusters put into the environment by themselves, for each service that they know. */
const SERVICE_LINKS = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)$/
/** Whatever begins like this is meant for us. */
const OURS =
  /^(API_GATEWAY|STATION_SERVICE|DRIVER_SERVICE|BILLING_SERVICE|MONITORING_SERVICE|OCPP_GATEWAY|SITE_GATEWAY|BOOTSTRAP|BROKER)_/
/** So many letters wrong, and a name is taken for a known one written wrongly. */
const MISSPELT = 2

/**
 * Names that are no settings and look as if they were meant to be: they begin like ours, or are one or two letters off.
 * With `all`, every name that is none, as in a file that holds nothing else.
 */
export function unknownNames(names: Iterable<string>, all = false): string[] {
  const known = Object.keys(settings.shape)
  const problems: string[] = []
  for (const name of names) {
    const bare = name.replace(/_FILE$/, '')
    if (known.includes(bare) || SERVICE_LINKS.test(name)) continue
    const meant = known.find((it) => it.length > 2 * MISSPELT && distance(it, bare) <= MISSPELT)
    if (all || meant || OURS.test(name))
      problems.push(`${name}: there is no such setting${meant ? `; ${meant} is meant?` : ''}`)
  }
  return problems
}

/** Levenshtein's distance, given up beyond MISSPELT by the difference in length alone. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MISSPELT) return Number.POSITIVE_INFINITY
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(
        (row[j] as number) + 1,
        (next[j - 1] as number) + 1,
        (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1),
      )
    row = next
  }
  return row[b.length] as number
}
