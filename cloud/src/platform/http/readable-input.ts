/**
 * What no table could keep is refused before a route sees it: a NUL or half of a surrogate pair in any text (Postgres takes neither),
 * and JSON nested without end.
 */
import type { Context, MiddlewareHandler } from 'hono'
import { isStorable } from '../event-log/storable.ts'
import { invalid, notFound } from './problem.ts'

/** Deepest nesting of a body; OCPP's messages have less than ten levels. */
export const MAX_JSON_DEPTH = 64
const UNKEEPABLE = 'holds a character that cannot be kept (U+0000, or half of a surrogate pair)'
/** The ways in which JSON says such a character. Most bodies hold none, and are not walked. */
const SUSPICIOUS = /\\u(?:0000|[dD][89a-fA-F])/

export const readableInput: MiddlewareHandler = async (c, next) => {
  const { pathname, searchParams } = new URL(c.req.url)
  // No id has one: whatever is meant is not there.
  if (/%00/.test(pathname)) throw notFound('There is nothing at this path')
  for (const [name, value] of searchParams) {
    if (!isStorable(name) || !isStorable(value)) throw invalid([{ path: name, message: UNKEEPABLE }])
  }
  await checkBody(c)
  await next()
}

async function checkBody(c: Context): Promise<void> {
  if (!c.req.header('content-type')?.includes('json')) return
  const text = await c.req.text()
  if (depthOf(text) > MAX_JSON_DEPTH)
    throw invalid([{ path: '', message: `is nested deeper than ${MAX_JSON_DEPTH} levels` }])
  const found = SUSPICIOUS.test(text) ? unkeepable(parse(text)) : undefined
  if (found !== undefined) throw invalid([{ path: found, message: UNKEEPABLE }])
}

/** Deepest nesting of brackets outside of strings; right for JSON, harmless for anything else. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (inString) {
      if (char === '\\') i++
      else if (char === '"') inString = false
    } else if (char === '"') inString = true
    else if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth)
    else if (char === '}' || char === ']') depth--
  }
  return deepest
}

/** What is no JSON is told by whoever reads it. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Path of the first text that cannot be kept; its depth is bounded already. */
function unkeepable(value: unknown, path: readonly string[] = []): string | undefined {
  if (typeof value === 'string') return isStorable(value) ? undefined : path.join('.')
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, held] of Object.entries(value)) {
    if (!isStorable(key)) return path.join('.')
    const found = unkeepable(held, [...path, key])
    if (found !== undefined) return found
  }
  return undefined
}
