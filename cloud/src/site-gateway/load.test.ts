import { STREAMS } from '@switchyard/protocol/site/fact.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  backoffMs,
  EASY_HELLOS,
  EASY_SHARE,
  isShed,
  type Load,
  MAX_BACKOFF_MS,
  MAX_QUEUED_BATCHES,
  MAX_QUEUED_BYTES,
  retryAfterMs,
  SHED_RETRY_MS,
  TELEMETRY_SHARE,
} from './load.ts'

const loads = fc.record({
  batches: fc.integer({ min: 0, max: MAX_QUEUED_BATCHES * 2 }),
  bytes: fc.integer({ min: 0, max: MAX_QUEUED_BYTES * 2 }),
})
const filled = (share: number): Load => ({ batches: Math.ceil(MAX_QUEUED_BATCHES * share), bytes: 0 })
const HALF = 0.5

describe('a gateway', () => {
  it('at ease slows nobody', () => {
    for (const stream of STREAMS) expect(retryAfterMs(stream, filled(EASY_SHARE), HALF)).toBe(0)
    expect(backoffMs(EASY_HELLOS, filled(0))).toBe(0)
  })

  it('sheds telemetry while the ledger still has room', () => {
    expect(isShed('telemetry', filled(TELEMETRY_SHARE))).toBe(true)
    expect(isShed('ledger', filled(TELEMETRY_SHARE))).toBe(false)
    expect(isShed('ledger', filled(1))).toBe(true)
    expect(isShed('ledger', { batches: 1, bytes: MAX_QUEUED_BYTES })).toBe(true)
  })

  it('lets whom it took wait as long as whom it sheds, when it is full', () => {
    expect(retryAfterMs('ledger', filled(1), HALF)).toBe(SHED_RETRY_MS)
    expect(retryAfterMs('telemetry', filled(TELEMETRY_SHARE), HALF)).toBe(SHED_RETRY_MS)
  })

  it('never asks for less wait under more load, nor of the ledger more than of telemetry, nor beyond the bounds', () => {
    fc.assert(
      fc.property(loads, loads, fc.double({ min: 0, max: 0.999, noNaN: true }), (a, b, fraction) => {
        const more = { batches: Math.max(a.batches, b.batches), bytes: Math.max(a.bytes, b.bytes) }
        for (const stream of STREAMS) {
          expect(retryAfterMs(stream, more, fraction)).toBeGreaterThanOrEqual(
            retryAfterMs(stream, a, fraction),
          )
          expect(retryAfterMs(stream, more, fraction)).toBeLessThanOrEqual(1.5 * SHED_RETRY_MS)
        }
        expect(retryAfterMs('ledger', a, fraction)).toBeLessThanOrEqual(
          retryAfterMs('telemetry', a, fraction),
        )
        expect(backoffMs(10_000, a)).toBe(MAX_BACKOFF_MS)
      }),
    )
  })
})
