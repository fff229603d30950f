import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { instant } from '../instant.ts'
import { REVIEW_REASONS, type ReviewReason } from '../site/fact.ts'
import { Books } from './books.fixture.ts'
import { creditIdOf, type Ended, overlap } from './settle.ts'

const NOON = Date.parse('2026-11-23T12:00:00.000Z')
const HOUR = 3_600_000

function ended(over: Partial<Ended> = {}): Ended {
  return {
    evseId: 1,
    connectorId: 1,
    revision: 1,
    startedAt: instant(NOON),
    endedAt: instant(NOON + HOUR),
    durationMs: HOUR,
    energyMilliWh: 7_000_000,
    authorization: 'Accepted',
    reason: 'Local',
    presumed: false,
    review: [],
    profile: [],
    transactionId: '1',
    ...over,
  }
}

/** Any end that a site may tell, impossible ones among them. */
const anyEnded = fc
  .record({
    fromHour: fc.integer({ min: -3, max: 12 }),
    hours: fc.integer({ min: -1, max: 6 }),
    energyMilliWh: fc.option(fc.integer({ min: -5, max: 90_000_000 }), { nil: undefined }),
    authorization: fc.constantFrom('Accepted', 'Invalid'),
    presumed: fc.boolean(),
    review: fc.oneof(
      { weight: 3, arbitrary: fc.constant<ReviewReason[]>([]) },
      fc.subarray<ReviewReason>([...REVIEW_REASONS]),
    ),
    startedAt: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, fc.constantFrom('noon', '')),
  })
  .map(({ fromHour, hours, energyMilliWh, startedAt, ...rest }): Ended => {
    const from = NOON + fromHour * HOUR
    return {
      ...ended(rest),
      startedAt: startedAt ?? instant(from),
      endedAt: instant(from + hours * HOUR),
      ...(energyMilliWh === undefined ? { energyMilliWh: undefined } : { energyMilliWh }),
    }
  })

interface Told {
  sessionId: string
  ended: Ended
}
/** Revisions of some sessions of one connector, in the order in which their site told them. */
const story: fc.Arbitrary<Told[]> = fc
  .array(fc.record({ session: fc.integer({ min: 0, max: 4 }), ended: anyEnded }), { maxLength: 24 })
  .map((all) =>
    all.map(({ session, ended: it }, index) => {
      const revision = all.slice(0, index + 1).filter((other) => other.session === session).length
      return { sessionId: `S-${session}`, ended: { ...it, revision } }
    }),
  )
/** Told by the site in some order, each fact once or more. */
const deliveries = story.chain((told) =>
  fc.tuple(
    fc.constant(told),
    told.length === 0
      ? fc.constant([])
      : fc.array(fc.nat({ max: told.length - 1 }), { maxLength: 60 }).map((order) =>
          // Whatever was drawn, each comes at least once.
          [...order, ...told.keys()].map((index) => told[index]!),
        ),
  ),
)

function bookAll(told: readonly Told[]): Books {
  const books = new Books()
  for (const it of told) books.take(it.sessionId, it.ended)
  return books
}

function isNothing({ energyMilliWh, authorization }: Ended): boolean {
  return energyMilliWh === 0 && authorization !== 'Accepted'
}

describe('sessions of a connector, in any order and more than once', () => {
  test('have at most one payable CDR each, none of them negative, none over another (I4, I12)', () => {
    fc.assert(
      fc.property(deliveries, ([, delivered]) => {
        const payable = bookAll(delivered).payable()
        expect(new Set(payable.map((cdr) => cdr.sessionId)).size).toBe(payable.length)
        for (const [index, cdr] of payable.entries()) {
          expect(cdr.ended.energyMilliWh).toBeGreaterThanOrEqual(0)
          expect(Date.parse(cdr.ended.endedAt)).toBeGreaterThanOrEqual(Date.parse(cdr.ended.startedAt))
          expect(payable.slice(index + 1).some((other) => overlap(cdr.ended, other.ended))).toBe(false)
        }
      }),
    )
  })

  test('are issued no id twice, and every CDR but the payable one has its credit', () => {
    fc.assert(
      fc.property(deliveries, ([, delivered]) => {
        const books = bookAll(delivered)
        expect(new Set(books.issued).size).toBe(books.issued.length)
        const ids = books.issued.filter((id) => !id.endsWith(':credit'))
        const payable = new Set(books.payable().map((cdr) => cdr.cdrId))
        for (const id of ids) expect(books.issued.includes(creditIdOf(id))).toBe(!payable.has(id))
      }),
    )
  })

  test('end by their newest revision as a CDR or held, if any energy flowed (I13)', () => {
    fc.assert(
      fc.property(deliveries, ([told, delivered]) => {
        const books = bookAll(delivered)
        const newest = new Map(told.map((it) => [it.sessionId, it.ended]))
        for (const [sessionId, last] of newest) {
          if (isNothing(last)) continue
          const session = books.sessions.get(sessionId)
          const payable = session?.cdrs.find((cdr) => !cdr.credited)
          expect([payable?.revision, session?.held?.revision]).toContain(last.revision)
        }
      }),
    )
  })

  test('are not changed by being told again', () => {
    fc.assert(
      fc.property(deliveries, ([told, delivered]) => {
        const books = bookAll(delivered)
        const issued = [...books.issued]
        const sessions = structuredClone(books.sessions)
        // Of a revision that took nothing nothing is kept: it is looked at anew, and may find a bill to correct.
        const tookNothing = new Set(told.filter((it) => isNothing(it.ended)).map((it) => it.sessionId))
        for (const it of delivered) if (!tookNothing.has(it.sessionId)) books.take(it.sessionId, it.ended)
        expect(books.issued).toEqual(issued)
        expect(books.sessions).toEqual(sessions)
      }),
    )
  })
})
