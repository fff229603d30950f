/** Cursors of lists as clients see them: `<generation>~<cursor of the service>`. After a restore a list begins anew. */
import { ProblemError } from '../platform/http/problem.ts'

/** At the end of a list, as services write it (`{items, next}`). */
const NEXT = /"next":"([\w-]+)"\}$/
/** So much of a generation's id tells it apart. */
const SHOWN_CHARS = 8

/** The query for the service. Throws 410 for a cursor of another life of the log: what it points into may never have been. */
export function ofService(search: string, generation: string): string {
  const query = new URLSearchParams(search)
  const [given, inner] = query.get('cursor')?.split('~') ?? []
  if (given === undefined || inner === undefined) return search
  if (given !== shown(generation))
    throw new ProblemError(
      410,
      'The cloud was restored from a backup after this cursor was given; read the list from its beginning again',
    )
  query.set('cursor', inner)
  return `?${query}`
}

/** The service's answer for the client. */
export function ofClient(body: string, generation: string): string {
  return body.replace(NEXT, (_, cursor: string) => `"next":"${shown(generation)}~${cursor}"}`)
}

function shown(generation: string): string {
  return generation.slice(0, SHOWN_CHARS)
}
