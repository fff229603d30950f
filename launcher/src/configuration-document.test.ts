/** docs/configuration.md names every setting of the two programs, with type, default and meaning. `UPDATE_DOCS=1` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { settings as cloud, SECRETS } from '../../cloud/src/platform/settings.ts'
import { settings as controller } from '../../edge-controller/src/config.ts'

const FILE = fileURLToPath(new URL('../../docs/configuration.md', import.meta.url))
/** Settings that each service has stand in one line, with the defaults in the order of the services. */
const OF_A_SERVICE =
  /^(API_GATEWAY|STATION_SERVICE|DRIVER_SERVICE|BILLING_SERVICE|MONITORING_SERVICE|OCPP_GATEWAY|SITE_GATEWAY)_(?=(BIND_ADDRESS|PORT|URL|POOL_SIZE|REPLICAS)$)/
/** As much of a JSON schema as settings use. */
type Property = {
  type?: string
  enum?: string[]
  anyOf?: Property[]
  format?: string
  minimum?: number
  maximum?: number
  minLength?: number
  default?: unknown
  description?: string
}

test.each([
  { program: 'cloud', shape: cloud, secrets: SECRETS as readonly string[] },
  { program: 'edge-controller', shape: controller, secrets: ['MQTT_PASSWORD'] },
])('the settings of $program stand in docs/configuration.md', ({ program, shape, secrets }) => {
  const { properties = {}, required = [] } = shape.toJSONSchema({
    io: 'input',
    unrepresentable: 'any',
  }) as { properties?: Record<string, Property>; required?: string[] }
  const rows = new Map<string, { defaults: string[]; notes: string[] }>()
  for (const [name, it] of Object.entries(properties)) {
    expect(it.description, `${name} says what it means`).toBeTruthy()
    const shown = name.replace(OF_A_SERVICE, '*_')
    const value = required.includes(name) ? '**needed**' : it.default === undefined ? '' : `\`${it.default}\``
    const row = rows.get(shown) ?? {
      defaults: [],
      notes: [typeOf(it), `${it.description}${secrets.includes(name) ? ' Secret.' : ''}`],
    }
    row.defaults.push(value)
    rows.set(shown, row)
  }
  const lines = [...rows].map(
    ([name, { defaults, notes }]) => `| \`${name}\` | ${[shownOnce(defaults), ...notes].join(' | ')} |`,
  )
  const now = `\n| Name | Default | Value | Meaning |\n|---|---|---|---|\n${lines.join('\n')}\n`
  const [begin, end] = [`<!-- settings of ${program}: begin -->\n`, `<!-- settings of ${program}: end -->`]
  const [before, rest] = readFileSync(FILE, 'utf8').split(begin) as [string, string]
  const [told, after] = rest.split(end) as [string, string]
  if (process.env.UPDATE_DOCS) writeFileSync(FILE, `${before}${begin}${now}${end}${after}`)
  else expect(told, 'UPDATE_DOCS=1 writes it anew').toBe(now)
})

/** One default where all have it, else each service's, so that they can be counted off. */
function shownOnce(defaults: readonly string[]): string {
  return new Set(defaults).size === 1 ? defaults[0]! : defaults.join(', ')
}

function typeOf(it: Property): string {
  const type = it.anyOf?.find((one) => one.enum) ?? it
  if (type.enum?.includes('true')) return 'true, false'
  if (type.enum) return type.enum.join(', ')
  if (type.type === 'integer') {
    const most = type.maximum === Number.MAX_SAFE_INTEGER ? undefined : type.maximum
    return `${type.minimum ?? ''} to ${most ?? ''}`.trim()
  }
  if (type.format) return type.format
  return type.minLength !== undefined && type.minLength > 1 ? `text, at least ${type.minLength}` : 'text'
}
