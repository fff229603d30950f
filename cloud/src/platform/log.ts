/** Structured log lines on standard output, without secrets. */
import { type DestinationStream, type Logger, pino } from 'pino'
import { isTransient } from './postgres.ts'

/** Never in a log line, at the top or one level down. */
export const REDACTED_FIELDS = [
  'password',
  'passwordHash',
  'apiKey',
  'serviceKey',
  'secret',
  'token',
  'idToken',
  'authorization',
  'cookie',
  'set-cookie',
  'x-switchyard-service-key',
  'databaseUrl',
  'redisUrl',
] as const

/** A fault for a log line: what passes by itself (the database is away) by its reason, a bug with its stack. */
export function faultOf(error: unknown): { reason: string } | { err: unknown } {
  return isTransient(error) ? { reason: (error as Error).message } : { err: error }
}

export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: redactedPaths(), censor: '[redacted]' },
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return destination ? pino(options, destination) : pino(options)
}

function redactedPaths(): string[] {
  return REDACTED_FIELDS.flatMap((it) => {
    const key = /^\w+$/.test(it) ? it : `["${it}"]`
    const nested = key.startsWith('[') ? key : `.${key}`
    return [key, `*${nested}`, `headers${nested}`, `*.headers${nested}`]
  })
}
