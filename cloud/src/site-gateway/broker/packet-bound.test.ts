import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PacketBound } from './packet-bound.ts'

/** An MQTT packet with a body of that many bytes. */
function packet(bodyBytes: number): Buffer {
  const length: number[] = []
  let left = bodyBytes
  do {
    length.push((left % 128) | (left >= 128 ? 0x80 : 0))
    left = Math.floor(left / 128)
  } while (left > 0)
  return Buffer.concat([Buffer.from([0x30, ...length]), Buffer.alloc(bodyBytes, 0xff)])
}

describe('the bound of packets', () => {
  it('passes packets up to it, however they are cut into reads, and stops at the first beyond', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 }),
        (sizes, cuts) => {
          const bytes = Buffer.concat(sizes.map(packet))
          const bound = new PacketBound(200)
          let passed = true
          for (let at = 0, i = 0; at < bytes.length && passed; i++) {
            const to = Math.min(bytes.length, at + (cuts[i % cuts.length] ?? 1))
            passed = bound.take(bytes.subarray(at, to))
            at = to
          }
          expect(passed).toBe(sizes.every((it) => it <= 200))
        },
      ),
    )
  })

  it('stops at a length that is none', () => {
    expect(new PacketBound(1e9).take(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff]))).toBe(false)
  })
})
