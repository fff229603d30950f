import fc from 'fast-check'
import { expect, it } from 'vitest'
import { chunksOf } from './chunks.ts'

it('a text is cut within the bound, never within a character, and joins to the same', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.integer({ min: 4, max: 50 }),
      (text, maxBytes) => {
        const pieces = chunksOf(text, maxBytes)
        expect(pieces.join('')).toBe(text)
        expect(pieces.length).toBeGreaterThan(0)
        for (const it of pieces) expect(Buffer.byteLength(it)).toBeLessThanOrEqual(maxBytes)
      },
    ),
  )
})
