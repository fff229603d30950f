/** What a user may say to `npm run load`: read strictly, everything wrong named. */
import { parseArgs } from 'node:util'

export interface LoadOptions {
  /** Sites with a controller of their own, as the cloud sees them. */
  sites: number
  /** Stations of each. */
  stations: number
  minutes: number
  /** How many minutes of a site pass in one: a station tells a reading each minute of its site. */
  speed: number
  /** Between two live pictures of a site. */
  pictureMs: number
  /** Stations at a real controller, and as many again that connect to ocpp-gateway directly. */
  ocpp: number
  http: { connections: number; perSecond: number }
  /** Instead of a load: how fast the log is read by 1, 2 and 4 replicas of its consumers. */
  scaling: { facts: number } | undefined
}

/** Every number: its flag, bounds, default and what it is. */
const NUMBERS = {
  sites: { from: 1, to: 2_000, otherwise: 200, what: 'simulated site controllers, over MQTT' },
  stations: { from: 1, to: 50, otherwise: 10, what: 'stations of each site' },
  minutes: { from: 0.1, to: 60, otherwise: 2, what: 'how long' },
  speed: { from: 1, to: 600, otherwise: 30, what: 'readings of each station per minute' },
  'picture-seconds': { from: 1, to: 60, otherwise: 10, what: 'between two live pictures of a site' },
  ocpp: {
    from: 1,
    to: 500,
    otherwise: 20,
    what: 'stations over OCPP at a real controller, and as many again at ocpp-gateway',
  },
  'http-connections': { from: 1, to: 200, otherwise: 10, what: 'connections to the API (autocannon)' },
  'http-rate': { from: 1, to: 20_000, otherwise: 50, what: 'requests a second over all of them' },
  facts: { from: 1_000, to: 2_000_000, otherwise: 200_000, what: 'with --scaling: facts that are read' },
} as const
type Name = keyof typeof NUMBERS

export const LOAD_HELP = [
  'npm run load -- [flags]     sites, stations and requests at once, against a cloud of one process per service',
  '',
  ...Object.entries(NUMBERS).map(
    ([name, { from, to, otherwise, what }]) =>
      `  --${`${name} N`.padEnd(20)} ${what} (${from} to ${to}; ${otherwise})`,
  ),
  '  --scaling              instead of a load: facts per second with 1, 2 and 4 replicas of the consumers on one database',
  '  --help                 this text',
  '',
  'All on loopback. Postgres is one of its own, or that of DATABASE_URL, where it makes a database and drops it again; Redis is one of its',
  'own (redis-server), or that of REDIS_URL; the broker is Mosquitto where it is installed, else the embedded one.',
].join('\n')

/** Throws an Error that names all that is wrong. Undefined: the help is asked for. */
export function readOptions(args: readonly string[]): LoadOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      ...(Object.fromEntries(Object.keys(NUMBERS).map((it) => [it, { type: 'string' }])) as Record<
        Name,
        { type: 'string' }
      >),
      scaling: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return undefined
  const wrong: string[] = []
  const number = (name: Name): number => {
    const { from, to, otherwise } = NUMBERS[name]
    const text = values[name]
    if (text === undefined) return otherwise
    const value = (name === 'minutes' ? /^\d+(\.\d+)?$/ : /^\d+$/).test(text) ? Number(text) : Number.NaN
    if (value >= from && value <= to) return value
    const kind = name === 'minutes' ? 'number' : 'whole number'
    wrong.push(`--${name} must be a ${kind} from ${from} to ${to}, not "${text}"`)
    return otherwise
  }
  const options: LoadOptions = {
    sites: number('sites'),
    stations: number('stations'),
    minutes: number('minutes'),
    speed: number('speed'),
    pictureMs: number('picture-seconds') * 1_000,
    ocpp: number('ocpp'),
    http: { connections: number('http-connections'), perSecond: number('http-rate') },
    scaling: values.scaling ? { facts: number('facts') } : undefined,
  }
  if (values.facts !== undefined && !values.scaling) wrong.push('--facts is for --scaling')
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
  return options
}
