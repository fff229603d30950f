// What a user may say to `npm start`. Plain JavaScript: a wrong flag must be named before minutes are spent on installing.
import { BLOCKED_PORTS } from './blocked-ports.mjs'

/** Every port: flag name, default, and what listens there. */
export const PORTS = [
  ['api', 3000, 'api-gateway: dashboard and public API'],
  ['station', 3001, 'station-service'],
  ['driver', 3002, 'driver-service'],
  ['billing', 3003, 'billing-service'],
  ['monitoring', 3004, 'monitoring-service'],
  ['ocpp-gateway', 4000, 'ocpp-gateway'],
  ['site-gateway', 4001, 'site-gateway'],
  ['ocpp', 9000, 'site controller: OCPP, where chargers connect'],
  ['controller', 8080, 'site controller: local status page'],
  ['broker', 18830, 'embedded MQTT broker'],
  ['postgres', 54329, 'embedded Postgres'],
].map(([name, port, what]) => ({ name, flag: `--${name}-port`, port, what }))

/** These two speak no HTTP, so that the ports which browsers refuse are good enough for them. */
const NO_HTTP = ['broker', 'postgres']

const SWITCHES = [
  ['--no-simulator', 'no simulated site: only your own chargers'],
  ['--fresh', 'wipe the data of this home first, after saying what'],
  ['--lan', 'accept chargers and browsers from the network, not only from this machine'],
  ['--help', 'this text'],
].map(([flag, what]) => ({ flag, what }))

const VALUES = [
  ['--speed', 'N', 'shorten waits and the energy that cars ask for N times (1 to 1000)'],
  ['--replay', 'FILE', 'cars come and ask as in a session file'],
  ['--home', 'DIR', 'where data, secrets and logs lie (default .switchyard/ in the project)'],
  ['--port-offset', 'N', 'add N to every port that is not given itself'],
].map(([flag, value, what]) => ({ flag, value, what }))

const MAX_SPEED = 1000
const MAX_PORT = 65535

/** The environment twin of a flag: `--api-port` is `SWITCHYARD_API_PORT`. */
export function environmentName(flag) {
  return `SWITCHYARD_${flag.slice(2).replaceAll('-', '_').toUpperCase()}`
}

/**
 * Reads flags and their environment twins; a flag wins over its twin.
 * Everything wrong is collected in `errors`, so that a user hears of all of it at once.
 */
export function readFlags(args, environment) {
  const errors = []
  const given = new Map()
  const known = new Map([
    ...SWITCHES.map((it) => [it.flag, false]),
    ...VALUES.map((it) => [it.flag, true]),
    ...PORTS.map((it) => [it.flag, true]),
  ])
  for (const [flag, takesValue] of known) {
    const twin = environment[environmentName(flag)]
    if (twin === undefined || twin === '') continue
    if (takesValue) given.set(flag, twin)
    else if (['1', 'true', 'yes'].includes(twin.toLowerCase())) given.set(flag, 'true')
    else if (!['0', 'false', 'no'].includes(twin.toLowerCase()))
      errors.push(`${environmentName(flag)} must be true or false, not "${twin}".`)
  }
  for (const flag of known.keys()) {
    // `npm start --speed 2` without the second `--` makes npm keep the flag for itself; starting without it would be a surprise.
    const kept = flag === '--no-simulator' ? 'simulator' : flag.slice(2).replaceAll('-', '_')
    if (
      environment.npm_lifecycle_event === 'start' &&
      environment[`npm_config_${kept}`] !== undefined &&
      flag !== '--help'
    )
      errors.push(
        `npm kept ${flag} for itself. Flags go after "--": npm start -- ${flag}${known.get(flag) ? ' ...' : ''}`,
      )
  }
  for (let at = 0; at < args.length; at++) {
    const [flag, inline] = args[at].split(/=(.*)/s, 2)
    const takesValue = known.get(flag)
    if (flag === '-h') given.set('--help', 'true')
    else if (takesValue === undefined)
      errors.push(`Unknown flag ${args[at]}. "npm start -- --help" lists all of them.`)
    else if (!takesValue && inline !== undefined) errors.push(`${flag} takes no value, but got "${inline}".`)
    else if (!takesValue) given.set(flag, 'true')
    else {
      const value = inline ?? args[++at]
      if (value === undefined || value === '' || value.startsWith('--')) {
        errors.push(`${flag} needs a value.`)
        if (value?.startsWith('--')) at--
      } else given.set(flag, value)
    }
  }
  const number = (flag, from, to, fallback, whole) => {
    const text = given.get(flag)
    if (text === undefined) return fallback
    const value = Number(text)
    if ((whole ? /^\d+$/ : /^\d+(\.\d+)?$/).test(text) && value >= from && value <= to) return value
    errors.push(`${flag} must be a ${whole ? 'whole ' : ''}number from ${from} to ${to}, not "${text}".`)
    return fallback
  }
  const offset = number('--port-offset', 0, MAX_PORT, 0, true)
  const ports = {}
  for (const { name, flag, port, what } of PORTS) {
    ports[name] = number(flag, 1, MAX_PORT, port + offset, true)
    if (ports[name] > MAX_PORT) errors.push(`--port-offset ${offset} puts ${flag} past ${MAX_PORT}.`)
    else if (BLOCKED_PORTS.has(ports[name]) && !NO_HTTP.includes(name))
      errors.push(
        `Port ${ports[name]} (${what}) is one that browsers refuse to open. Choose another with ${flag} N` +
          `${offset > 0 && !given.has(flag) ? ', or another --port-offset' : ''}.`,
      )
  }
  for (const [at, one] of PORTS.entries())
    for (const other of PORTS.slice(at + 1))
      if (ports[one.name] === ports[other.name])
        errors.push(
          `${one.flag} and ${other.flag} are both ${ports[one.name]}; each needs a port of its own.`,
        )
  return {
    errors,
    help: given.has('--help'),
    simulator: !given.has('--no-simulator'),
    fresh: given.has('--fresh'),
    lan: given.has('--lan'),
    speed: number('--speed', 1, MAX_SPEED, 1, false),
    replay: given.get('--replay'),
    home: given.get('--home'),
    ports,
  }
}

/** The text of `--help`: every flag, its default and its environment twin. */
export function helpText() {
  const line = (left, what) => `  ${left.padEnd(28)} ${what}`
  return [
    'npm start -- [flags]        Switchyard on this machine, with embedded Postgres and broker',
    '',
    ...SWITCHES.map((it) => line(it.flag, it.what)),
    ...VALUES.map((it) => line(`${it.flag} ${it.value}`, it.what)),
    '',
    'Ports',
    ...PORTS.map((it) => line(`${it.flag} N`, `${it.what} (${it.port})`)),
    '',
    `Each flag has an environment twin: --api-port is ${environmentName('--api-port')}, --lan is ${environmentName('--lan')}=true.`,
    'DATABASE_URL, MQTT_URL and REDIS_URL in the environment replace the embedded parts.',
  ].join('\n')
}
