/**
 * A database may be restored under running processes. They hold the generation that they began in; what follows from another is
 * begun anew as a whole: the process stops, and its supervisor starts it again.
 */
import type { Logger } from 'pino'
import type { Sql } from 'postgres'
import type { Clock } from './clock.ts'
import { changedSince } from './event-log/generation.ts'
import { createLoop, type Loop } from './event-log/loop.ts'

/** How often is looked: so long may a process live on in a life of the log that is over. Its consumers stop at once. */
const LOOK_MS = 5_000

export interface GenerationWatch {
  sql: Sql
  clock: Clock
  log: Logger
  generation: string
  changed(): void
}

export function watchGeneration({ sql, clock, log, generation, changed }: GenerationWatch): Loop {
  let told = false
  return createLoop({
    clock,
    log,
    name: 'generation of the log',
    pollMs: LOOK_MS,
    work: async () => {
      const reason = told ? undefined : await changedSince(sql, generation)
      if (reason === undefined) return false
      told = true
      log.error({ reason, generation }, 'the database is a restored one: this process ends, to begin anew')
      changed()
      return false
    },
  })
}
