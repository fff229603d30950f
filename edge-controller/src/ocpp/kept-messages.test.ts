import { describe, expect, it } from 'vitest'
import { KeptMessages } from './kept-messages.ts'

/** Texts of every length around a block's, with characters of one to four bytes. */
const textOf = (n: number) => `${n} ${['a', 'é', '€', '🔌'][n % 4]!.repeat((n * 397) % 9_000)}`

describe('messages of a station as bytes', () => {
  it('come back as they were, oldest first, while the oldest go', () => {
    const kept = new KeptMessages()
    const expected: object[] = []
    for (let n = 0; n < 400; n++) {
      const message = {
        seq: n,
        atMs: 1_795_000_000_000 + n,
        dir: n % 3 === 0 ? 'in' : 'out',
        text: textOf(n),
      } as const
      kept.push(message.seq, message.atMs, message.dir, message.text)
      expected.push(message)
      if (n % 5 > 0 && n > 20) {
        kept.shift()
        expected.shift()
      }
      expect(kept.count).toBe(expected.length)
    }
    expect([...kept]).toEqual(expected)
    while (kept.count > 0) kept.shift()
    expect(kept.bytes).toBe(0)
    expect([...kept]).toEqual([])
    kept.push(1, 2, 'in', '[]')
    expect([...kept]).toEqual([{ seq: 1, atMs: 2, dir: 'in', text: '[]' }])
  })
})
