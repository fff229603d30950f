import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { instant } from '../instant.ts'
import { REVIEW_REASONS, type ReviewReason } from '../site/fact.ts'
import { Books } from './books.fixture.ts'
import type { Decision } from './decide.ts'
import { creditIdOf, type Ended, overlap } from './settle.ts'
import { endedByStop, hasEnergy, sessionIdOfStop } from './unmatched.ts'

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
    idToken: { value: 'TAG', type: 'ISO14443' },
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
    authorization: fc.constantFrom('Accepted', 'Accepted', 'ConcurrentTx', 'Invalid'),
    idToken: fc.constantFrom(ended().idToken, ended().idToken, undefined),
    presumed: fc.boolean(),
    review: fc.oneof(
      { weight: 3, arbitrary: fc.constant<ReviewReason[]>([]) },
      fc.subarray<ReviewReason>([...REVIEW_REASONS]),
    ),
    startedAt: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, fc.constantFrom('noon', '')),
  })
  .map(({ fromHour, hours, startedAt, ...rest }): Ended => {
    const from = NOON + fromHour * HOUR
    return { ...ended(rest), startedAt: startedAt ?? instant(from), endedAt: instant(from + hours * HOUR) }
  })

type Told =
  | { sessionId: string; ended: Ended; decision?: undefined }
  | { sessionId: string; decision: Decision; bill: Ended | undefined }

/** Revisions of some sessions of one connector and what persons decide of them, in the order in which it happened. */
const story: fc.Arbitrary<Told[]> = fc
  .array(
    fc.record({
      session: fc.integer({ min: 0, max: 4 }),
      ended: anyEnded,
      action: fc.constantFrom('accept' as const, 'correct' as const, 'waive' as const, undefined),
    }),
    { maxLength: 24 },
  )
  .map((all) => {
    const newest = new Map<number, Ended>()
    const decisions = new Map<number, number>()
    return all.map(({ session, ended: it, action }): Told => {
      const sessionId = `S-${session}`
      const before = newest.get(session)
      if (action === undefined || before === undefined) {
        const next = { ...it, revision: (before?.revision ?? 0) + 1 }
        newest.set(session, next)
        return { sessionId, ended: next }
      }
      const settlement = (decisions.get(session) ?? 0) + 1
      decisions.set(session, settlement)
      const { revision } = before
      const bill = action === 'waive' ? undefined : action === 'accept' ? before : { ...it, revision }
      return { sessionId, decision: { revision, settlement, action }, bill }
    })
  })
/** The story, and the order in which it is heard: each fact once or more. */
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

function hear(books: Books, told: readonly Told[]): Books {
  for (const it of told) {
    if (it.decision === undefined) books.take(it.sessionId, it.ended)
    else books.decide(it.sessionId, it.decision, it.bill)
  }
  return books
}

function isNothing({ energyMilliWh, authorization }: Ended): boolean {
  return energyMilliWh === 0 && authorization !== 'Accepted'
}

describe('sessions of a connector, in any order and more than once', () => {
  test('have at most one payable CDR each, none of them negative, none over another (I4, I12)', () => {
    fc.assert(
      fc.property(deliveries, ([, delivered]) => {
        const payable = hear(new Books(), delivered).payable()
        expect(new Set(payable.map((cdr) => cdr.sessionId)).size).toBe(payable.length)
        for (const [index, { bill }] of payable.entries()) {
          expect(bill.energyMilliWh).toBeGreaterThanOrEqual(0)
          expect(Date.parse(bill.endedAt)).toBeGreaterThanOrEqual(Date.parse(bill.startedAt))
          expect(payable.slice(index + 1).some((other) => overlap(bill, other.bill))).toBe(false)
        }
      }),
    )
  })

  test('are issued no id twice, and every CDR but the payable one has its credit', () => {
    fc.assert(
      fc.property(deliveries, ([, delivered]) => {
        const books = hear(new Books(), delivered)
        expect(new Set(books.issued).size).toBe(books.issued.length)
        const ids = books.issued.filter((id) => !id.endsWith(':credit'))
        const payable = new Set(books.payable().map((cdr) => cdr.cdrId))
        for (const id of ids) expect(books.issued.includes(creditIdOf(id))).toBe(!payable.has(id))
      }),
    )
  })

  test('end by their newest revision as a CDR, held, or waived by a person, if any energy flowed (I13)', () => {
    fc.assert(
      fc.property(deliveries, ([told, delivered]) => {
        const books = hear(new Books(), delivered)
        const newest = new Map<string, Ended>()
        for (const it of told) if (it.decision === undefined) newest.set(it.sessionId, it.ended)
        for (const [sessionId, last] of newest) {
          if (isNothing(last)) continue
          const session = books.sessions.get(sessionId)
          const payable = session?.cdrs.find((cdr) => !cdr.credited)
          const waived = session?.decided?.action === 'waive' ? session.decided.revision : undefined
          expect([payable?.revision, session?.held?.revision, waived]).toContain(last.revision)
        }
      }),
    )
  })

  test('that a person waived last are not to be paid, unless a person is asked again', () => {
    fc.assert(
      fc.property(deliveries, ([, delivered]) => {
        for (const { decided, held, cdrs } of hear(new Books(), delivered).sessions.values()) {
          if (decided?.action !== 'waive' || held !== undefined) continue
          expect(cdrs.filter((cdr) => !cdr.credited)).toEqual([])
        }
      }),
    )
  })

  test('are not billed for energy that nobody identified for, unless their site is free or a person said so', () => {
    const billedByRule = (books: Books) => books.payable().filter((cdr) => !cdr.cdrId.includes('.'))
    fc.assert(
      fc.property(deliveries, ([, delivered]) => {
        for (const { bill } of billedByRule(hear(new Books(), delivered)))
          expect(bill.energyMilliWh === 0 || bill.idToken !== undefined).toBe(true)
      }),
    )
    const books = hear(new Books(true), [{ sessionId: 'S-1', ended: ended({ authorization: 'Invalid' }) }])
    expect(books.issued).toEqual(['S-1:1'])
  })

  test('are not changed by being told again', () => {
    fc.assert(
      fc.property(deliveries, ([told, delivered]) => {
        const books = hear(new Books(), delivered)
        const issued = [...books.issued]
        const sessions = structuredClone(books.sessions)
        // Of a revision that took nothing nothing is kept: it is looked at anew, and may find a bill to correct.
        const tookNothing = new Set(
          told.filter((it) => it.decision === undefined && isNothing(it.ended)).map((it) => it.sessionId),
        )
        hear(
          books,
          delivered.filter((it) => !tookNothing.has(it.sessionId)),
        )
        expect(books.issued).toEqual(issued)
        for (const [sessionId, session] of sessions)
          if (!tookNothing.has(sessionId)) expect(books.sessions.get(sessionId)).toEqual(session)
      }),
    )
  })
})

describe('a decision', () => {
  const zeroStart = ended({ review: ['register-zero-start'], energyMilliWh: 910_083_000 })
  const right = { ...zeroStart, energyMilliWh: 83_000 }
  const first = (action: Decision['action']): Decision => ({ revision: 1, settlement: 1, action })

  test('to correct bills the corrected, under an id of its own', () => {
    const books = hear(new Books(), [{ sessionId: 'S', ended: zeroStart }])
    expect(books.issued).toEqual([])
    books.decide('S', first('correct'), right)
    expect(books.issued).toEqual(['S:1.1'])
    expect(books.payable()).toMatchObject([{ bill: { energyMilliWh: 83_000 } }])
  })

  test('is followed by a later revision of the site as any bill is, and a waiver is not', () => {
    const late: Told = { sessionId: 'S', ended: ended({ revision: 2 }) }
    const corrected = new Books()
    hear(corrected, [
      { sessionId: 'S', ended: zeroStart },
      { sessionId: 'S', decision: first('correct'), bill: right },
      late,
    ])
    expect(corrected.issued).toEqual(['S:1.1', 'S:1.1:credit', 'S:2'])
    const waived = new Books()
    hear(waived, [
      { sessionId: 'S', ended: zeroStart },
      { sessionId: 'S', decision: first('waive'), bill: undefined },
      late,
    ])
    expect(waived.issued).toEqual([])
    expect(waived.sessions.get('S')?.held).toEqual({ revision: 2, reasons: ['waived-before'] })
  })

  test('that was overtaken by a revision that is billed puts a waiver before a person, and leaves that bill', () => {
    const books = hear(new Books(), [
      { sessionId: 'S', ended: zeroStart },
      { sessionId: 'S', ended: ended({ revision: 2 }) },
      { sessionId: 'S', decision: first('waive'), bill: undefined },
    ])
    expect(books.issued).toEqual(['S:2'])
    expect(books.sessions.get('S')?.held).toEqual({
      does: 'reopen',
      revision: 2,
      reasons: ['waived-before'],
    })
    const waivedAgain = structuredClone(books.sessions)
    books.decide('S', { revision: 2, settlement: 2, action: 'accept' }, ended({ revision: 2 }))
    expect([books.issued, books.sessions.get('S')?.held]).toEqual([['S:2'], undefined])
    for (const [sessionId, session] of waivedAgain) books.sessions.set(sessionId, session)
    books.decide('S', { revision: 2, settlement: 2, action: 'waive' }, undefined)
    expect(books.issued).toEqual(['S:2', 'S:2:credit'])
  })

  test('cannot bill what is impossible, nor what overlaps a bill: it is held again', () => {
    const books = hear(new Books(), [
      { sessionId: 'S', ended: zeroStart },
      { sessionId: 'T', ended: ended() },
    ])
    books.decide('S', first('accept'), { ...right, energyMilliWh: -1 })
    expect(books.sessions.get('S')?.held?.reasons).toEqual(['register-falling'])
    books.decide('S', { revision: 1, settlement: 2, action: 'accept' }, zeroStart)
    expect(books.sessions.get('S')?.held?.reasons).toEqual(['overlaps-another-session'])
    expect(books.issued).toEqual(['T:1'])
  })
})

describe('a stop that fits no session', () => {
  const stop = { transactionId: '99', at: instant(NOON), registerMilliWh: 20_000_000 }

  test('is held as a session of which only the end is known, once however often it comes', () => {
    const id = sessionIdOfStop('site', 'CS-1', stop)
    expect(sessionIdOfStop('site', 'CS-1', { ...stop })).toBe(id)
    expect(sessionIdOfStop('site', 'CS-1', { ...stop, registerMilliWh: 21_000_000 })).not.toBe(id)
    const books = hear(new Books(), [
      { sessionId: id, ended: endedByStop(stop) },
      { sessionId: id, ended: endedByStop(stop) },
    ])
    expect(books.sessions.get(id)?.held).toEqual({
      revision: 1,
      reasons: ['unknown-start', 'register-missing', 'no-identity'],
    })
  })

  test('took nothing where its meter stands at zero', () => {
    expect([hasEnergy(stop), hasEnergy({ ...stop, registerMilliWh: 0 })]).toEqual([true, false])
    const { registerMilliWh: _, ...untold } = stop
    expect(hasEnergy(untold)).toBe(true)
  })
})
