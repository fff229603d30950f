/** docker-compose.yml with its overlays, as compose puts them together: variables filled in, services merged, secrets named. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'yaml'

export interface ComposeService {
  readonly name: string
  readonly image: string | undefined
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Names of the secrets that it sees as /run/secrets/NAME. */
  readonly secrets: readonly string[]
  /** As they stand: "127.0.0.1:3000:3000". */
  readonly ports: readonly string[]
  /** Absent: 1. */
  readonly replicas: number
  /** It starts only when one of them is asked for. */
  readonly profiles: readonly string[]
  readonly memory: string | undefined
}

export interface Compose {
  readonly services: readonly ComposeService[]
  /** File of each secret, relative to the first compose file; secrets that come from elsewhere are not here. */
  readonly secretFiles: ReadonlyMap<string, string>
  /** Every variable that one of the files asks for. */
  readonly asked: ReadonlySet<string>
  readonly problems: readonly string[]
}

/** The file's, under those of the shell: compose lets the shell win. */
export type Variables = Readonly<Record<string, string | undefined>>
type Tree = { [name: string]: unknown }

/** Anchors within anchors count often; the files are our own. */
const MAX_ALIASES = 10_000

/** Throws when a file cannot be read or is no YAML, naming it. */
export function readCompose(folder: string, files: readonly string[], values: Variables): Compose {
  const asked = new Set<string>()
  const problems = new Set<string>()
  let whole: Tree = {}
  for (const file of files) {
    const tree = parsed(resolve(folder, file), file)
    const filled = filledIn(tree, (text) => interpolated(text, file, values, asked, problems)) as Tree
    whole = merged(whole, filled, [])
  }
  const secretFiles = new Map<string, string>()
  for (const [name, it] of Object.entries((whole.secrets ?? {}) as Record<string, Tree>))
    if (typeof it?.file === 'string') secretFiles.set(name, it.file)
  const services = Object.entries((whole.services ?? {}) as Record<string, Tree>).map(([name, it]) =>
    serviceOf(name, it),
  )
  return { services, secretFiles, asked, problems: [...problems] }
}

function parsed(path: string, file: string): Tree {
  try {
    return (parse(readFileSync(path, 'utf8'), { merge: true, maxAliasCount: MAX_ALIASES }) ?? {}) as Tree
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`)
  }
}

function filledIn(it: unknown, fill: (text: string) => string): unknown {
  if (typeof it === 'string') return fill(it)
  if (Array.isArray(it)) return it.map((one) => filledIn(one, fill))
  if (it === null || typeof it !== 'object') return it
  return Object.fromEntries(Object.entries(it).map(([name, value]) => [name, filledIn(value, fill)]))
}

/** `$$`, `$NAME`, `${NAME}`, and `${NAME` with `:-` `-` `:?` `?` and a text behind it `}`. */
const VARIABLE = /\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-?])([^}]*))?\})/g

function interpolated(
  text: string,
  file: string,
  values: Variables,
  asked: Set<string>,
  problems: Set<string>,
): string {
  return text.replace(VARIABLE, (whole, bare?: string, braced?: string, operator?: string, rest = '') => {
    const name = bare ?? braced
    if (name === undefined) return whole === '$$' ? '$' : whole
    asked.add(name)
    const value = values[name]
    if (value !== undefined && (value !== '' || !operator?.startsWith(':'))) return value
    if (operator?.endsWith('-')) return rest
    problems.add(`${name}: is needed by ${file}${rest ? ` (${rest})` : ''}`)
    return ''
  })
}

/** Where an overlay adds to a list instead of taking its place. */
const ADDED = new Set(['ports', 'volumes', 'secrets', 'expose', 'tmpfs', 'configs', 'profiles'])

function merged(one: Tree, other: Tree, path: readonly string[]): Tree {
  const result: Tree = { ...one }
  for (const [name, value] of Object.entries(other)) {
    const before = result[name]
    if (name === 'environment' && path.length === 2)
      result[name] = { ...variables(before), ...variables(value) }
    else if (Array.isArray(before) && Array.isArray(value) && ADDED.has(name))
      result[name] = [...new Set([...before, ...value])]
    else if (isTree(before) && isTree(value)) result[name] = merged(before, value, [...path, name])
    else result[name] = value
  }
  return result
}

const isTree = (it: unknown): it is Tree => it !== null && typeof it === 'object' && !Array.isArray(it)

/** A map, or a list of NAME=value. */
function variables(it: unknown): Record<string, string> {
  if (Array.isArray(it))
    return Object.fromEntries(
      it.map(String).map((line) => [line.split('=', 1)[0] as string, line.slice(line.indexOf('=') + 1)]),
    )
  return isTree(it)
    ? Object.fromEntries(
        Object.entries(it).map(([name, value]) => [name, value === null ? '' : String(value)]),
      )
    : {}
}

const texts = (it: unknown): string[] => (Array.isArray(it) ? it.map(String) : [])

function serviceOf(name: string, it: Tree): ComposeService {
  const deploy = isTree(it.deploy) ? it.deploy : {}
  return {
    name,
    image: typeof it.image === 'string' ? it.image : undefined,
    command: typeof it.command === 'string' ? it.command.split(/\s+/) : texts(it.command),
    environment: variables(it.environment),
    secrets: (Array.isArray(it.secrets) ? it.secrets : []).map((one) =>
      isTree(one) ? String(one.source) : String(one),
    ),
    ports: texts(it.ports),
    replicas: Number(it.scale ?? deploy.replicas ?? 1),
    profiles: texts(it.profiles),
    memory: it.mem_limit === undefined ? undefined : String(it.mem_limit),
  }
}
