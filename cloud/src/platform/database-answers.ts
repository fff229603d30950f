/** Whether the database answers a pool in time: what readiness and metrics ask. */
import type { Sql } from 'postgres'
import type { Clock } from './clock.ts'

/** Longest that is waited for it. */
export const DATABASE_ANSWER_MS = 2_000

/** Undefined when it does; else what is wrong, in words that name neither hosts nor accounts. `failed` gets what the client said. */
export function answers(
  sql: Sql,
  clock: Clock,
  failed: (reason: string) => void = () => {},
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const cancel = clock.after(DATABASE_ANSWER_MS, () => resolve('the database does not answer in time'))
    sql`select 1`
      .then(() => resolve(undefined))
      .catch((error: Error) => {
        failed(error.message)
        resolve('the database does not answer')
      })
      .finally(cancel)
  })
}
