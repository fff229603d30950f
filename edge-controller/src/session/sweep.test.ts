import { expect, it } from 'vitest'
import type { Session } from './session.ts'
import { AVAILABLE_GRACE_MS, OVERTAKEN_MS, SessionSweep, SILENCE_MS } from './sweep.ts'

const session = { sessionId: 's1' } as Session
const free = { session: { ...session, connectorFree: 'now' as const }, connected: true, overtaken: false }

it('a session whose connector is free is over when its stop does not come', () => {
  const sweep = new SessionSweep()
  expect(sweep.overdue([free], 0)).toEqual([])
  expect(sweep.overdue([free], AVAILABLE_GRACE_MS - 1)).toEqual([])
  expect(sweep.overdue([free], AVAILABLE_GRACE_MS)).toMatchObject([{ reason: 'ConnectorAvailable' }])
})

it('a suspicion that passes begins anew', () => {
  const sweep = new SessionSweep()
  sweep.overdue([free], 0)
  sweep.overdue([{ session, connected: true, overtaken: false }], AVAILABLE_GRACE_MS - 1)
  expect(sweep.overdue([free], AVAILABLE_GRACE_MS + 1)).toEqual([])
})

it('a station that is away for hours leaves its session behind, one that is there does not', () => {
  const sweep = new SessionSweep()
  sweep.overdue([{ session, connected: false, overtaken: false }], 0)
  expect(sweep.overdue([{ session, connected: true, overtaken: false }], SILENCE_MS)).toEqual([])
  sweep.overdue([{ session, connected: false, overtaken: false }], SILENCE_MS)
  expect(sweep.overdue([{ session, connected: false, overtaken: false }], 2 * SILENCE_MS)).toMatchObject([
    { reason: 'Silence' },
  ])
})

it('a session whose connector has gone to another is over when its stop does not come out of the queue', () => {
  const sweep = new SessionSweep()
  const beside = { session, connected: true, overtaken: true }
  sweep.overdue([beside], 0)
  expect(sweep.overdue([beside], OVERTAKEN_MS - 1)).toEqual([])
  expect(sweep.overdue([beside], OVERTAKEN_MS)).toMatchObject([{ reason: 'NewSession' }])
})

it('a connector that stays free by a status dated before the session has a station whose clock has stepped: the session is over', () => {
  const sweep = new SessionSweep()
  const watched = { ...free, session: { ...session, connectorFree: 'dated-before' as const } }
  sweep.overdue([watched], 0)
  expect(sweep.overdue([watched], OVERTAKEN_MS - 1)).toEqual([])
  expect(sweep.overdue([watched], OVERTAKEN_MS)).toMatchObject([{ reason: 'ConnectorAvailable' }])
  // Away from the line nothing is known of it.
  sweep.overdue([{ ...watched, connected: false }], OVERTAKEN_MS)
  expect(sweep.overdue([{ ...watched, connected: false }], 2 * OVERTAKEN_MS)).toEqual([])
})
