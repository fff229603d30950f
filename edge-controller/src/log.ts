/** Structured log lines on standard output, without secrets or drivers' tokens. */
import { pino } from 'pino'
import type { Log } from './ports.ts'

/** Never in a log line, at the top or one level down. */
const REDACTED_FIELDS = ['password', 'passwordHash', 'authorization', 'idToken', 'secret', 'token']

export function createLog(level: string): Log {
  return pino({
    level,
    base: { service: 'edge-controller' },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACTED_FIELDS.flatMap((it) => [it, `*.${it}`]), censor: '[redacted]' },
    formatters: {
      level: (label) => ({ level: label }),
      // Under the name that faults have in every program's lines.
      log: ({ error, ...fields }) =>
        error === undefined
          ? fields
          : { ...fields, err: error instanceof Error ? pino.stdSerializers.err(error) : error },
    },
  })
}
