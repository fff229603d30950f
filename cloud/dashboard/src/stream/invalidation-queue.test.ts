import type { StreamFact } from '@switchyard/protocol/api/shapes.ts'
import type { QueryKey } from '@tanstack/react-query'
import { expect, test } from 'vitest'
import { VirtualClock } from '../testing.ts'
import { InvalidationQueue, MAX_KEYS, MAX_WAIT_MS, QUIET_MS } from './invalidation-queue.ts'
import { touchedBy } from './touched.ts'

function setUp() {
  const clock = new VirtualClock()
  const invalidated: QueryKey[] = []
  const queue = new InvalidationQueue({
    nowMs: clock.nowMs,
    after: clock.after,
    invalidate: (key) => invalidated.push(key),
  })
  return { clock, queue, invalidated }
}

function fact(kind: string, part: Partial<StreamFact> = {}): StreamFact {
  return {
    kind,
    siteId: 'yard',
    stationId: null,
    sessionId: null,
    stream: 'ledger',
    seq: 1,
    receivedAt: '2026-11-23T15:00:00.000Z',
    ...part,
  }
}

test('a burst of facts becomes one round of reads, each resource once', () => {
  const { clock, queue, invalidated } = setUp()
  for (let n = 0; n < 50; n++) queue.add(touchedBy(fact('connector.status', { stationId: 'CP-1' })))
  expect(invalidated).toEqual([])
  clock.advance(QUIET_MS)
  expect(invalidated).toEqual([['sites'], ['stations', 'list'], ['stations', 'one', 'CP-1']])
})

test('a steady stream of facts does not put the reads off for ever', () => {
  const { clock, queue, invalidated } = setUp()
  for (let ms = 0; ms < MAX_WAIT_MS; ms += QUIET_MS / 2) {
    queue.add([['sites']])
    clock.advance(QUIET_MS / 2)
  }
  expect(invalidated).toEqual([['sites']])
})

test('too many different resources are read as everything', () => {
  const { clock, queue, invalidated } = setUp()
  for (let n = 0; n <= MAX_KEYS; n++) queue.add([['stations', 'one', `CP-${n}`]])
  clock.advance(QUIET_MS)
  expect(invalidated).toEqual([[]])
})

test('the end of a session and its bill touch the session, its lists and the invoices', () => {
  expect(touchedBy(fact('session.ended', { stationId: 'CP-1', sessionId: 's' }))).toEqual([
    ['sites'],
    ['sessions', 'list'],
    ['sessions', 'one', 's'],
    ['stations', 'list'],
    ['stations', 'one', 'CP-1'],
  ])
  expect(touchedBy(fact('cdr.issued', { sessionId: 's' }))).toContainEqual(['invoices'])
  expect(touchedBy(fact('command.outcome'))).toContainEqual(['commands'])
  expect(touchedBy(fact('alert.raised', { stream: null }))).toContainEqual(['alerts'])
})
