import { expect, it } from 'vitest'
import type { Session } from './session.ts'
import { AVAILABLE_GRACE_MS, SessionSweep, SILENCE_MS } from './sweep.ts'

const session = { sessionId: 's1' } as Session
const free = { ...session, connectorAvailable: true }

it('a session whose connector is free is over when its stop does not come', () => {
  const sweep = new SessionSweep()
  expect(sweep.overdue([{ session: free, connected: true }], 0)).toEqual([])
  expect(sweep.overdue([{ session: free, connected: true }], AVAILABLE_GRACE_MS - 1)).toEqual([])
  expect(sweep.overdue([{ session: free, connected: true }], AVAILABLE_GRACE_MS)).toMatchObject([
    { reason: 'ConnectorAvailable' },
  ])
})

it('a suspicion that passes begins anew', () => {
  const sweep = new SessionSweep()
  sweep.overdue([{ session: free, connected: true }], 0)
  sweep.overdue([{ session, connected: true }], AVAILABLE_GRACE_MS - 1)
  expect(sweep.overdue([{ session: free, connected: true }], AVAILABLE_GRACE_MS + 1)).toEqual([])
})

it('a station that is away for hours leaves its session behind, one that is there does not', () => {
  const sweep = new SessionSweep()
  sweep.overdue([{ session, connected: false }], 0)
  expect(sweep.overdue([{ session, connected: true }], SILENCE_MS)).toEqual([])
  sweep.overdue([{ session, connected: false }], SILENCE_MS)
  expect(sweep.overdue([{ session, connected: false }], 2 * SILENCE_MS)).toMatchObject([
    { reason: 'Silence' },
  ])
})
