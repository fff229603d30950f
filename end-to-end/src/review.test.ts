/**
 * Sessions that must not be billed blindly, from a charger's socket to the invoice: a start register reported as 0 on a meter at
 * 910 kWh (each of the three decisions), and a stop for a transaction that nobody knows.
 */
import type { Review, ReviewDetail } from '@switchyard/protocol/api/reviews.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiError } from './api.ts'
import { eventually } from './process.ts'
import { boot, type Connected, connect, tellSession } from './stations.ts'
import { type System, startSystem } from './system.ts'

const TOKEN = 'TOKEN-1'
const HOUR = 3_600_000
/** What the meter of the station has counted in its life, and what the car took of it. */
const LIFETIME_WH = 910_000
const TAKEN_WH = 83

describe('sessions that must not be billed blindly', () => {
  let system: System
  let station: Connected
  let began: number
  beforeAll(async () => {
    system = await startSystem({ broker: 'embedded' })
    await system.api.post('/api/v1/tokens', { idToken: TOKEN, type: 'ISO14443', valid: true })
    await system.api.post('/api/v1/tariffs', {
      id: 'energy',
      currency: 'EUR',
      elements: [{ price_components: [{ type: 'ENERGY', price: '0.50' }] }],
      appliesTo: { default: true },
    })
    station = await connect(system.ocppUrl, 'ZERO-START', '1.6')
    await boot(station)
    began = Date.now() - 10 * HOUR
    // The meter is seen above zero, as it has stood for years.
    await tell(0, LIFETIME_WH - 1_000, 1_000)
  }, 120_000)
  afterAll(async () => {
    await station?.client.close()
    await system?.stop()
  }, 60_000)

  const tell = (hour: number, startWh: number, energyWh: number) =>
    tellSession(station, {
      stationId: station.stationId,
      idToken: TOKEN,
      startMs: began + hour * HOUR,
      endMs: began + (hour + 1) * HOUR,
      startWh,
      energyWh,
      readings: 0,
    })
  const open = () => system.api.all<Review>('/api/v1/reviews?status=open')
  const waiting = (transactionId: string) =>
    eventually(`transaction ${transactionId} in review`, async () =>
      (await open()).find((review) => review.transactionId === transactionId),
    )
  const decide = (reviewId: string, action: string, body: object, key = `${action}-${reviewId}`) =>
    system.api.request<ReviewDetail>(
      'POST',
      `/api/v1/reviews/${encodeURIComponent(reviewId)}/${action}`,
      body,
      { 'idempotency-key': key },
    )
  const cdrsOf = async (sessionId: string) =>
    (await system.api.cdrs()).filter((cdr) => cdr.sessionId === sessionId)
  const billed = (sessionId: string) =>
    eventually(`a CDR of ${sessionId}`, async () => {
      const cdrs = await cdrsOf(sessionId)
      return cdrs.length > 0 ? cdrs : undefined
    })
  const linesOf = async (sessionId: string) =>
    (await system.api.invoices())
      .flatMap((invoice) => invoice.lines)
      .filter((line) => line.sessionId === sessionId)
      .map((line) => [line.cdrId, line.inclTax])

  it('a start at zero is not billed, and is billed as told when that is accepted', async () => {
    const { transactionId } = await tell(2, 0, LIFETIME_WH + TAKEN_WH)
    const { reviewId, reasons, told } = await waiting(transactionId)
    expect(reasons.map((it) => it.reason)).toEqual(['register-zero-start', 'register-implausible-power'])
    expect(told).toMatchObject({ startRegisterWh: 0, energyWh: LIFETIME_WH + TAKEN_WH })
    expect(await cdrsOf(reviewId)).toEqual([])
    const { evidence } = await system.api.get<ReviewDetail>(`/api/v1/reviews/${reviewId}`)
    expect(evidence.previous).toMatchObject({ startRegisterWh: LIFETIME_WH - 1_000, energyWh: 1_000 })
    expect(evidence.facts.map((fact) => fact.kind)).toEqual(
      expect.arrayContaining(['session.started', 'session.ended', 'session.held']),
    )
    expect(evidence.proposed).toMatchObject({ cost: { amount: '455.04', currency: 'EUR' }, against: [] })

    const settled = await decide(reviewId, 'accept', { note: 'the meter was new' })
    expect(settled.decision).toMatchObject({ action: 'accept', by: { name: 'bootstrap' } })
    // The same request again is the same answer; another is told who was first.
    expect((await decide(reviewId, 'accept', { note: 'the meter was new' })).settlements).toHaveLength(1)
    const second = await decide(reviewId, 'waive', { note: 'no' }).catch((error: unknown) => error)
    expect(second).toMatchObject({ status: 409 })
    expect(String((second as ApiError).message)).toContain('settled by bootstrap')
    const cdrs = await billed(reviewId)
    expect(cdrs.map((cdr) => [cdr.cdrId, cdr.energyWh])).toEqual([
      [`${reviewId}:1.1`, LIFETIME_WH + TAKEN_WH],
    ])
    expect(await linesOf(reviewId)).toEqual([[`${reviewId}:1.1`, '455.04']])
  })

  it('is billed by the corrected register: 0.083 kWh and not 910', async () => {
    const { transactionId } = await tell(4, 0, LIFETIME_WH + 2 * TAKEN_WH)
    const { reviewId } = await waiting(transactionId)
    await decide(reviewId, 'correct', { startRegisterWh: LIFETIME_WH + TAKEN_WH, note: 'as it stood before' })
    expect((await billed(reviewId)).map((cdr) => [cdr.cdrId, cdr.energyWh, cdr.cost.amount])).toEqual([
      [`${reviewId}:1.1`, TAKEN_WH, '0.04'],
    ])
    const session = await eventually('the session to show its cost', async () =>
      (await system.api.sessions()).find((it) => it.sessionId === reviewId && it.cost !== null),
    )
    expect(session).toMatchObject({ status: 'ended', energyWh: TAKEN_WH })
    expect(await linesOf(reviewId)).toEqual([[`${reviewId}:1.1`, '0.04']])
  })

  it('is billed nothing when it is waived', async () => {
    const { transactionId } = await tell(6, 0, LIFETIME_WH + 3 * TAKEN_WH)
    const { reviewId } = await waiting(transactionId)
    await decide(reviewId, 'waive', { note: 'goodwill' })
    await eventually('the session to be waived', async () =>
      (await system.api.sessions()).find((it) => it.sessionId === reviewId && it.status === 'waived'),
    )
    // What comes after the waiver has been billed, so that it has been heard of as well.
    const { transactionId: next } = await tell(8, LIFETIME_WH + 3 * TAKEN_WH, TAKEN_WH)
    await eventually('the session after it to be billed', async () =>
      (await system.api.sessions()).find((it) => it.transactionId === next && it.cost !== null),
    )
    expect([await cdrsOf(reviewId), await linesOf(reviewId)]).toEqual([[], []])
  })

  it('a stop for a transaction that nobody knows waits, and is billed when somebody says what it was', async () => {
    const at = new Date(began + 9.5 * HOUR).toISOString()
    const meterStop = LIFETIME_WH + 4 * TAKEN_WH + 5_000
    await station.client.call('StopTransaction', { transactionId: 999, meterStop, timestamp: at })
    const review = await waiting('999')
    expect(review.reasons.map((it) => it.reason)).toEqual([
      'unknown-start',
      'register-missing',
      'no-identity',
    ])
    const refused = await decide(review.reviewId, 'accept', {}, 'accept-unknown').catch((e: unknown) => e)
    expect(refused).toBeInstanceOf(ApiError)
    await decide(review.reviewId, 'correct', {
      startedAt: new Date(began + 9.2 * HOUR).toISOString(),
      startRegisterWh: LIFETIME_WH + 4 * TAKEN_WH,
      idToken: { value: TOKEN },
    })
    expect(await billed(review.reviewId)).toMatchObject([{ energyWh: 5_000, idToken: TOKEN }])
  })
})
