/** The main job: a session from a charger's socket to an invoice line, told by a station that is not ours. */
import type { Session } from '@switchyard/protocol/api/shapes.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from './process.ts'
import { boot, connect, status, tellSession, type Version } from './stations.ts'
import { type System, startSystem } from './system.ts'

const TOKEN = 'TOKEN-1'

describe.each(['1.6', '2.0.1'] as Version[])('OCPP %s, from the socket to the invoice line', (version) => {
  let system: System
  beforeAll(async () => {
    system = await startSystem({ broker: 'embedded' })
    await system.api.post('/api/v1/tokens', { idToken: TOKEN, type: 'ISO14443', valid: true })
    await system.api.post('/api/v1/tariffs', {
      id: 'main-job',
      currency: 'EUR',
      elements: [
        {
          price_components: [
            { type: 'ENERGY', price: 0.25, vat: 10, step_size: 1 },
            { type: 'TIME', price: 1, vat: 20, step_size: 60 },
            { type: 'FLAT', price: 0.5, vat: 20, step_size: 1 },
          ],
        },
      ],
      appliesTo: { default: true },
    })
  }, 120_000)
  afterAll(() => system?.stop(), 60_000)

  const sessionOf = (transactionId: string, done: (s: Session) => boolean) =>
    eventually(`session ${transactionId}`, async () =>
      (await system.api.sessions()).find((s) => s.transactionId === transactionId && done(s)),
    )

  it('bills an offline queue of 20 kWh over two hours to the Wh and the cent, and explains it', async () => {
    const station = await connect(system.ocppUrl, `OFF-${version}`, version)
    await boot(station)
    const endMs = Date.now() - 600_000
    const told = await tellSession(station, {
      stationId: station.stationId,
      idToken: TOKEN,
      startMs: endMs - 7_200_000,
      endMs,
      startWh: 1_234_567,
      energyWh: 20_000,
      readings: 8,
    })
    const session = await sessionOf(told.transactionId, (s) => s.cost !== null)
    expect(session).toMatchObject({
      energyWh: 20_000,
      durationMs: 7_200_000,
      status: 'ended',
      presumed: false,
      revision: 1,
      startedAt: told.startedAt,
      endedAt: told.endedAt,
      // 20 kWh at 0.25 and 10 % + 2 h at 1.00 and 20 % + 0.50 and 20 %
      cost: { amount: '8.50', currency: 'EUR' },
      idToken: { value: TOKEN },
    })
    expect(session.costDetails).toMatchObject({ tariffId: 'main-job', exclTax: '7.50', inclTax: '8.50' })
    expect(session.costDetails!.parts.map((p) => [p.type, p.quantity, p.exclTax, p.inclTax])).toEqual([
      ['ENERGY', '20', '5.00', '5.50'],
      ['TIME', '2', '2.00', '2.40'],
      ['FLAT', '1', '0.50', '0.60'],
    ])

    const cdrs = (await system.api.cdrs()).filter((c) => c.sessionId === session.sessionId)
    expect(cdrs).toHaveLength(1)
    const lines = (await system.api.invoices())
      .flatMap((i) => i.lines)
      .filter((l) => l.sessionId === session.sessionId)
    expect(lines).toMatchObject([{ cdrId: cdrs[0]!.cdrId, inclTax: '8.50' }])
    await station.client.close()
  })

  it('shows a live session while it runs and bills it when it stops', async () => {
    const station = await connect(system.ocppUrl, `LIVE-${version}`, version)
    await boot(station)
    await status(station, version === '1.6' ? 'Preparing' : 'Occupied', new Date().toISOString())
    const auth =
      version === '1.6'
        ? (await station.client.call('Authorize', { idTag: TOKEN })).idTagInfo
        : (await station.client.call('Authorize', { idToken: { idToken: TOKEN, type: 'ISO14443' } }))
            .idTokenInfo
    expect(auth).toMatchObject({ status: 'Accepted' })
    let seenRunning = false
    const startMs = Date.now()
    const told = await tellSession(
      station,
      {
        stationId: station.stationId,
        idToken: TOKEN,
        startMs,
        endMs: startMs + 6_000,
        startWh: 5_000,
        energyWh: 12,
        readings: 2,
      },
      async () => {
        if (seenRunning) return
        await eventually('the session to be seen running', async () =>
          (await system.api.sessions()).some(
            (s) => s.stationId === station.stationId && s.status === 'running',
          ),
        )
        seenRunning = true
      },
    )
    const session = await sessionOf(told.transactionId, (s) => s.cost !== null)
    expect(session).toMatchObject({ energyWh: 12, status: 'ended', review: [] })
    await station.client.close()
  })

  it('holds a session with an implausible register for review and bills nothing for it', async () => {
    const station = await connect(system.ocppUrl, `ODD-${version}`, version)
    await boot(station)
    const endMs = Date.now() - 60_000
    const told = await tellSession(station, {
      stationId: station.stationId,
      idToken: TOKEN,
      startMs: endMs - 3_600_000,
      endMs,
      startWh: 0,
      energyWh: 910_000,
      readings: 0,
    })
    const session = await sessionOf(told.transactionId, (s) => s.status === 'review')
    expect(session.review.length).toBeGreaterThan(0)
    expect((await system.api.cdrs()).filter((c) => c.sessionId === session.sessionId)).toEqual([])
    await station.client.close()
  })

  it('starts and stops a session by command and returns the reply of a raw call', async () => {
    const station = await connect(system.ocppUrl, `CMD-${version}`, version)
    const asked: string[] = []
    const names =
      version === '1.6' ? ['RemoteStartTransaction', 'ClearCache'] : ['RequestStartTransaction', 'ClearCache']
    for (const name of names) {
      station.client.handle(name, () => {
        asked.push(name)
        return { status: 'Accepted' }
      })
    }
    await boot(station)
    await eventually('the station to be known', async () =>
      (await system.api.stations()).some((s) => s.stationId === station.stationId && s.connected),
    )
    const reply = await system.api.post(`/api/v1/stations/${station.stationId}/calls`, {
      action: 'ClearCache',
      payload: {},
    })
    expect(reply).toMatchObject({ status: 'Accepted' })
    const { commandId } = await system.api.post<{ commandId: string }>(
      `/api/v1/stations/${station.stationId}/commands`,
      {
        kind: 'RemoteStart',
        args: { idToken: { value: TOKEN, type: 'ISO14443' }, evseId: 1 },
      },
    )
    const command = await eventually('the outcome', async () => {
      const c = await system.api.get<{ status: string }>(`/api/v1/commands/${commandId}`)
      return c.status !== 'pending' && c
    })
    expect(command.status).toBe('accepted')
    expect(asked.filter((a) => a === names[0])).toHaveLength(1)
    await expect(
      system.api.post(`/api/v1/stations/${station.stationId}/calls`, {
        action: 'ClearCache',
        payload: { no: 1 },
      }),
    ).rejects.toMatchObject({ status: expect.any(Number) })
    await station.client.close()
  })
})
