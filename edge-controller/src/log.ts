/** Structured log lines on standard output, without secrets or drivers' tokens. */
import { pino } from 'pino'
import type { Log } from './ports.ts'

/** Never in a log line, at the top or one level down. */
const REDACTED_FIELDS = ['password', 'passwordHash', 'authorization', 'idToken', 'secret', 'token']

export function createLog(level: string): Log {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { error: pino.stdSerializers.err },
    redact: { paths: REDACTED_FIELDS.flatMap((it) => [it, `*.${it}`]), censor: '[redacted]' },
    formatters: { level: (label) => ({ level: label }) },
  })
}
