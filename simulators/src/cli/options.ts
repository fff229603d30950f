/** Command-line options: read strictly, everything wrong named. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

/** The command line is wrong; the message says how. */
export class UsageError extends Error {}

export interface OptionHelp {
  /** Absent: a switch. */
  value?: string
  what: string
}

export type OptionTable = Readonly<Record<string, OptionHelp>>

/** Options by name; throws UsageError naming what is unknown, lacks its value, or has one too many. */
export function readOptions(table: OptionTable, args: readonly string[]): Map<string, string> {
  const options = Object.fromEntries(
    Object.entries({ ...table, help: {} as OptionHelp }).map(([name, { value }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  )
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false })
    return new Map(Object.entries(values).map(([name, value]) => [name, String(value)]))
  } catch (error) {
    // Node's own sentences name the option; what follows them is advice on its API.
    throw new UsageError((error as Error).message.split('. ')[0])
  }
}

export function required(options: Map<string, string>, name: string): string {
  const value = options.get(name)
  if (value === undefined || value === '') throw new UsageError(`--${name} is needed`)
  return value
}

/** A number between bounds, both included; whole unless told otherwise. */
export function numberOption(
  options: Map<string, string>,
  name: string,
  bounds: { min: number; max: number; fallback: number; fraction?: boolean },
): number {
  const text = options.get(name)
  if (text === undefined) return bounds.fallback
  const value = (bounds.fraction ? /^\d+(\.\d+)?$/ : /^\d+$/).test(text) ? Number(text) : Number.NaN
  if (value >= bounds.min && value <= bounds.max) return value
  const kind = bounds.fraction ? 'number' : 'whole number'
  throw new UsageError(`--${name} must be a ${kind} from ${bounds.min} to ${bounds.max}, not "${text}"`)
}

/** A WebSocket address without credentials, query or fragment. */
export function urlOption(options: Map<string, string>): string {
  const text = required(options, 'url')
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new UsageError(`--url is no address: "${text}"`)
  }
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw new UsageError(`--url must begin with ws:// or wss://, not "${text}"`)
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new UsageError('--url takes neither credentials nor a query; passwords go in --password-file')
  }
  return text
}

/**
 * Passwords by station: a JSON object of identity -> password ("*" for all others), or one password on a line of its
 * own for every station.
 */
export function readPasswords(file: string): (stationId: string) => string | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new UsageError(`--password-file: ${(error as Error).message}`)
  }
  if (!text.startsWith('{')) {
    if (text === '' || text.includes('\n')) {
      throw new UsageError(`--password-file ${file}: a JSON object or one line is needed`)
    }
    return () => text
  }
  let passwords: unknown
  try {
    passwords = JSON.parse(text)
  } catch {
    throw new UsageError(`--password-file ${file}: it begins like JSON and is none`)
  }
  const table = new Map(Object.entries(passwords as Record<string, unknown>))
  for (const [id, password] of table) {
    if (typeof password !== 'string') throw new UsageError(`--password-file ${file}: "${id}" has no text`)
  }
  return (id) => (table.get(id) ?? table.get('*')) as string | undefined
}

/** The lines of a `--help`. */
export function describeOptions(table: OptionTable): string {
  return Object.entries(table)
    .map(([name, { value, what }]) => `  ${`--${name}${value ? ` ${value}` : ''}`.padEnd(28)} ${what}`)
    .join('\n')
}
