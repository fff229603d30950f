/**
 * What compose files with these variables would run, and should not: what no service can see, as it is about ports, images,
 * files of secrets and memory. Each problem is one line that names the variable or file; no value of a secret is in it.
 */
import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { closest, distance } from 'fastest-levenshtein'
import type { Compose, ComposeService } from './compose-files.ts'

/** So many letters wrong, and a name is taken for a known one written wrongly. */
const MISSPELT = 3
/** Compose and its engine read these themselves; the last is read by this check alone (docs/deployment.md). */
const READ_ELSEWHERE = /^(COMPOSE_\w+|DOCKER_\w+|BUILDKIT_\w+|ALLOW_PLAIN_PORTS)$/
/** Where something speaks in the clear, and which file adds the same with TLS. */
const PLAIN_PORTS: Readonly<Record<string, string>> = {
  '1883': 'passwords of sites',
  '3000': 'passwords of operators and API keys',
  '4000': 'passwords of stations',
  '4001': 'passwords of sites',
  '8083': 'passwords of sites',
}
/** Other services of the cloud: for each other alone. */
const INNER_PORTS = new Set(['3001', '3002', '3003', '3004', '5432', '6379', '6432'])
const SECRET_NAME = /(PASSWORD|SECRET|TOKEN|API_KEY|SERVICE_KEY|PRIVATE_KEY)$/
/** postgres://user:password@..., whatever the scheme. */
const PASSWORD_IN_URL = /^[a-z+]+:\/\/[^/@:]*:([^/@]+)@/i
/** Whose password stands in whose URL. */
const URLS_WITH_PASSWORD = [
  ['database_url', 'postgres_password'],
  ['redis_url', 'redis_password'],
] as const

export interface Deployment {
  readonly compose: Compose
  readonly values: ReadonlyMap<string, string>
  /** The folder of the first compose file, from which paths count. */
  readonly folder: string
}

/** What runs without a profile being asked for. */
export const standing = (compose: Compose): ComposeService[] =>
  compose.services.filter((it) => it.profiles.length === 0)

export function isProduction({ compose }: Deployment): boolean {
  return standing(compose).some((it) => targetOf(it) && it.environment.NODE_ENV === 'production')
}

/** Which of the cloud's targets a service runs; undefined: none. */
export function targetOf({ command }: ComposeService): string | undefined {
  return command.map((it) => /^--target=(.+)$/.exec(it)?.[1]).find((it) => it !== undefined)
}

/** Everything, in the order in which an operator meets it. */
export function composeProblems(deployment: Deployment): string[] {
  const always = [...unknownVariables(deployment), ...deployment.compose.problems, ...secretFiles(deployment)]
  return isProduction(deployment)
    ? [
        ...always,
        ...secretsInVariables(deployment),
        ...openPorts(deployment),
        ...plainBroker(deployment),
        ...looseImages(deployment),
        ...tightMemory(deployment),
      ]
    : always
}

/** A name that no file asks for changes nothing, so whoever wrote it meant something else. */
function* unknownVariables({ compose, values }: Deployment): Generator<string> {
  for (const name of values.keys()) {
    if (compose.asked.has(name) || READ_ELSEWHERE.test(name)) continue
    const near = closest(name, [...compose.asked])
    const meant = distance(near, name) <= MISSPELT ? `; ${near} is meant?` : ''
    yield `${name}: no compose file asks for it${meant}`
  }
}

function* secretFiles({ compose, folder }: Deployment): Generator<string> {
  const asked = new Set(standing(compose).flatMap((it) => it.secrets))
  const read = new Map<string, string>()
  const open = new Set<string>()
  for (const [name, path] of compose.secretFiles) {
    if (!asked.has(name)) continue
    const file = resolve(folder, path)
    try {
      const text = readFileSync(file, 'utf8').trim()
      if (text === '') yield `secret ${name}: ${path} is empty`
      read.set(name, text)
      // Mounts carry the file's own bits to programs of other users: the folder is what keeps others of this machine out.
      if (statSync(dirname(file)).mode & 0o077) open.add(dirname(path))
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code
      const maker = name.startsWith('tls_') ? 'make-tls.sh' : 'make-secrets.sh'
      yield `secret ${name}: ${path} ${why === 'ENOENT' ? `is not there; deploy/compose/${maker} makes it` : `cannot be read (${why})`}`
    }
  }
  for (const it of open) yield `${it}: is open to other users of this machine; chmod 0700`
  for (const [url, password] of URLS_WITH_PASSWORD) {
    const held = PASSWORD_IN_URL.exec(read.get(url) ?? '')?.[1]
    const own = read.get(password)
    if (held !== undefined && own && decoded(held) !== own)
      yield `secret ${url}: the password in it is not that of ${password}`
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function* secretsInVariables({ values }: Deployment): Generator<string> {
  for (const [name, value] of values)
    if (value !== '' && (SECRET_NAME.test(name) || PASSWORD_IN_URL.test(value)))
      yield `${name}: a secret stands in the file of variables, where backups and other users find it; make it a file in SECRETS_DIR`
}

function* openPorts({ compose, values }: Deployment): Generator<string> {
  const allowed = values.get('ALLOW_PLAIN_PORTS') === 'true'
  for (const { name, ports } of standing(compose))
    for (const port of ports) {
      const [, address = '0.0.0.0', inner = ''] =
        /^(?:(\[[\da-f:]+\]|[\d.]+):)?(?:[\d-]*:)?(\d+)(?:\/\w+)?$/i.exec(port) ?? []
      if (/^(127\.|\[::1\])/.test(address)) continue
      if (INNER_PORTS.has(inner))
        yield `port ${inner} of ${name}: is published on ${address}, and meant for the services alone; keep it on loopback`
      else if (PLAIN_PORTS[inner] && !allowed)
        yield `port ${inner} of ${name}: is published on ${address} without TLS, and ${PLAIN_PORTS[inner]} would cross a network in the clear; use deploy/compose/tls.yml, or say ALLOW_PLAIN_PORTS=true behind a proxy of your own`
    }
}

/** docker-compose.yml lets MQTT go without TLS on its own network; a broker elsewhere is beyond it. */
function* plainBroker({ compose }: Deployment): Generator<string> {
  for (const { name, environment } of standing(compose)) {
    const url = environment.MQTT_URL
    if (!url || !URL.canParse(url)) continue
    const { protocol, hostname } = new URL(url)
    if (/^(mqtt|tcp|ws):$/.test(protocol) && !compose.services.some((it) => it.name === hostname))
      yield `MQTT_URL of ${name}: leads to ${hostname} without TLS, and passwords of sites would cross a network in the clear; use mqtts:`
  }
}

/** What is run must not change by itself, and must be there to go back to. */
function* looseImages({ compose }: Deployment): Generator<string> {
  const images = new Set(standing(compose).flatMap((it) => it.image ?? []))
  for (const image of images) {
    const tag = /:([^/:]+)$/.exec(image)?.[1]
    if (!image.includes('@sha256:') && (tag === undefined || tag === 'latest'))
      yield `image ${image}: names no version, so that nothing says what runs and what to go back to`
  }
}

function* tightMemory({ compose, values }: Deployment): Generator<string> {
  const shared = bytes(values.get('POSTGRES_SHARED_BUFFERS'))
  const limit = bytes(compose.services.find((it) => it.name === 'postgres')?.memory)
  if (shared !== undefined && limit !== undefined && shared * 2 > limit)
    yield 'POSTGRES_SHARED_BUFFERS: is more than half of POSTGRES_MEMORY; Postgres needs the other half to work in'
}

/** 512m, 1g, 128MB as bytes; undefined where it is nothing of the kind. */
function bytes(text: string | undefined): number | undefined {
  const [, number, unit = ''] = /^(\d+)\s*([kmgt]?)b?$/i.exec(text ?? '') ?? []
  if (number === undefined) return undefined
  return Number(number) * 1024 ** ['', 'k', 'm', 'g', 't'].indexOf(unit.toLowerCase())
}
