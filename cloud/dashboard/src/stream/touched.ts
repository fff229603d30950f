/** Which cached resources a fact changes. A kind that is not known here touches everything it names. */
import type { StreamFact } from '@switchyard/protocol/api/shapes.ts'
import type { QueryKey } from '@tanstack/react-query'
import { keys } from '../api/keys.ts'

/** What opens or settles an item of the review queue. */
const REVIEW_KINDS: ReadonlySet<string> = new Set(['session.held', 'session.reviewed'])

/** Keys to invalidate, as prefixes. */
export function touchedBy(fact: StreamFact): QueryKey[] {
  // Every ledger row moves the site's journal position and backlog.
  const touched: QueryKey[] = fact.stream === 'telemetry' ? [] : [keys.sites]
  const [family] = fact.kind.split('.')
  switch (family) {
    case 'session':
      touched.push([...keys.sessions, 'list'], ...one(fact.sessionId, keys.session), ...stationKeys(fact))
      if (REVIEW_KINDS.has(fact.kind)) touched.push(keys.reviews)
      break
    case 'cdr':
      touched.push([...keys.sessions, 'list'], ...one(fact.sessionId, keys.session), keys.invoices)
      touched.push(keys.reviews)
      break
    case 'command':
      touched.push(keys.commands)
      break
    case 'alert':
      touched.push(keys.alerts)
      break
    case 'token':
      // Decisions at a site (token.decided) change no list; a change of the token itself does.
      if (fact.kind === 'token.changed') touched.push(keys.tokens)
      break
    case 'document':
    case 'clock':
    case 'stream':
    case 'load':
      break
    case 'journal':
      touched.push(keys.lanes)
      break
    case 'site':
    case 'controller':
      touched.push(keys.stations, keys.lanes)
      break
    default:
      touched.push(...stationKeys(fact), ...one(fact.sessionId, keys.session))
  }
  return touched
}

function one(id: string | null, key: (id: string) => QueryKey): QueryKey[] {
  return id === null ? [] : [key(id)]
}

function stationKeys(fact: StreamFact): QueryKey[] {
  return [[...keys.stations, 'list'], ...one(fact.stationId, keys.station)]
}
