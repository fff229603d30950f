import { expect, it } from 'vitest'
import { shares } from './shares.ts'

const session = (sessionId: string, more: object = {}) => ({
  sessionId,
  reservedMa: 10_000,
  reachable: true,
  heeds: true,
  ...more,
})

it('who listens shares what the others and the idle connectors leave', () => {
  const away = session('away', { reachable: false, reservedMa: 20_000 })
  const given = shares(60_000, 12_000, [session('a'), away, session('b')])
  expect([...given]).toEqual([
    ['a', 14_000],
    ['b', 14_000],
  ])
})

it('who does not listen keeps what it reserves, and is told what it would have if it alone began to', () => {
  const deaf = (id: string) => session(id, { heeds: false, reservedMa: 32_000 })
  expect(shares(63_000, 0, [deaf('x'), session('a'), session('b')])).toEqual(
    new Map([
      ['a', 15_500],
      ['b', 15_500],
      ['x', 21_000],
    ]),
  )
  // With two of them there is nothing left for either.
  expect([...shares(32_000, 0, [deaf('x'), deaf('y')]).values()]).toEqual([0, 0])
})
