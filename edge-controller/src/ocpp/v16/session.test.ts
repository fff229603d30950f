import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { JournalFull } from '../../journal/port.ts'
import { type ChargePoint, connect } from '../../testing/charge-point.ts'
import { TestController } from '../../testing/test-controller.ts'

const BOOT = { chargePointVendor: 'Example Power', chargePointModel: 'EP-22' }

describe('a 1.6 session over a real socket, with a charge point that is not ours', () => {
  let site: TestController
  let station: ChargePoint

  beforeEach(async () => {
    site = await TestController.start()
    await site.apply('tokens', { tokens: [{ idToken: 'TAG-1', type: 'RFID', status: 'Accepted' }] })
    station = await connect(site.url, 'CP 1')
  })
  afterEach(async () => {
    await station.close()
    await site.stop()
  })

  const start = (more: JsonObject = {}) =>
    station.call('StartTransaction', {
      connectorId: 1,
      idTag: 'TAG-1',
      meterStart: 1000,
      timestamp: '2026-11-23T12:00:00Z',
      ...more,
    })
  const stop = (transactionId: unknown, more: JsonObject = {}) =>
    station.call('StopTransaction', {
      transactionId,
      meterStop: 3000,
      timestamp: '2026-11-23T12:15:00Z',
      ...more,
    })

  it('goes on undisturbed when the journal forks, and what starts after it has an id that the lost history never gave', async () => {
    await station.call('BootNotification', BOOT)
    const first = await start()
    const { ledger, telemetry } = site.state.heads
    const started = (await site.factsOf('session.started'))[0]!
    await site.state.fork({ ledger: ledger.seq - 1, telemetry: telemetry.seq }, 'lost')
    expect(site.state.journalId).not.toBe('test-journal')
    await stop(first.transactionId)
    const second = await start({ meterStart: 3000, timestamp: '2026-11-23T12:20:00Z' })
    await site.restart()
    station = await connect(site.url, 'CP 1')
    await station.call('BootNotification', BOOT)
    await stop(second.transactionId, { timestamp: '2026-11-23T12:30:00Z', meterStop: 4000 })
    const third = await start({ meterStart: 4000, timestamp: '2026-11-23T12:40:00Z' })
    const kinds = (await site.facts()).map((fact) => fact.kind)
    expect(kinds.slice(0, 3)).toEqual(['token.decided', 'journal.forked', 'session.ended'])
    const ends = await site.factsOf('session.ended')
    expect(ends[0]).toMatchObject({ sessionId: started.sessionId, data: { energyMilliWh: 2_000_000 } })
    // The history that was lost may have started a million sessions.
    expect(second.transactionId).toBeGreaterThan(Number(first.transactionId) + 2 ** 20)
    // Another box may go on from the same card at the same time.
    expect(third.transactionId).toBeGreaterThan(Number(second.transactionId) + 1)
  })

  it('runs live: boot, authorize, start, meter, stop', async () => {
    expect(await station.call('BootNotification', BOOT)).toEqual({
      status: 'Accepted',
      currentTime: '2026-11-23T12:00:00.000Z',
      interval: 300,
    })
    await station.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Preparing' })
    expect(await station.call('Authorize', { idTag: 'tag-1' })).toEqual({ idTagInfo: { status: 'Accepted' } })
    const { transactionId, idTagInfo } = await start()
    expect(idTagInfo).toEqual({ status: 'Accepted' })
    site.clock.advance(60_000)
    await station.call('MeterValues', {
      connectorId: 1,
      transactionId,
      meterValue: [
        {
          timestamp: '2026-11-23T12:01:00Z',
          sampledValue: [
            { value: '1.150', unit: 'kWh' },
            { value: '9000', measurand: 'Power.Active.Import', unit: 'W' },
          ],
        },
      ],
    })
    const [live] = site.controller.live()
    expect(live?.connected).toBe(true)
    expect(live?.connectors[0]?.session).toMatchObject({
      energyMilliWh: 150_000,
      powerW: 9000,
      idToken: 'TAG-1',
    })
    site.clock.advance(14 * 60_000)
    await stop(transactionId)

    const [ended] = await site.factsOf('session.ended')
    expect(ended?.data).toMatchObject({
      evseId: 1,
      revision: 1,
      durationMs: 900_000,
      startRegisterMilliWh: 1_000_000,
      energyMilliWh: 2_000_000,
      idToken: { value: 'TAG-1' },
      authorization: 'Accepted',
      review: [],
    })
    expect(await site.factsOf('session.meter', 'telemetry')).toHaveLength(1)
  })

  it('is exact to the watt-hour when it comes out of an offline queue after the boot', async () => {
    await station.call('BootNotification', BOOT)
    const { transactionId } = await start({ timestamp: '2026-11-23T08:00:00Z', meterStart: 500_000 })
    await stop(transactionId, { timestamp: '2026-11-23T10:00:00Z', meterStop: 520_000 })
    const [started] = await site.factsOf('session.started')
    expect(started?.data).toMatchObject({ startedAt: '2026-11-23T08:00:00.000Z', offline: true })
    const [ended] = await site.factsOf('session.ended')
    expect(ended?.data).toMatchObject({
      durationMs: 7_200_000,
      energyMilliWh: 20_000_000,
      startedAt: '2026-11-23T08:00:00.000Z',
      review: [],
    })
  })

  it('goes on across a restart of the controller', async () => {
    await station.call('BootNotification', BOOT)
    const { transactionId } = await start()
    await site.restart()
    station = await connect(site.url, 'CP 1')
    site.clock.advance(15 * 60_000)
    await stop(transactionId)
    const [ended] = await site.factsOf('session.ended')
    expect(ended?.data).toMatchObject({ energyMilliWh: 2_000_000, durationMs: 900_000, review: [] })
    const next = await start({ timestamp: '2026-11-23T12:20:00Z', meterStart: 3000 })
    expect(next.transactionId).toBeGreaterThan(Number(transactionId))
  })

  it('is one session when its start is sent again, and ends once when its stop is', async () => {
    await station.call('BootNotification', BOOT)
    const first = await start()
    expect(await start()).toEqual(first)
    await stop(first.transactionId)
    await stop(first.transactionId)
    expect(await start()).toEqual(first)
    expect(await site.factsOf('session.started')).toHaveLength(1)
    expect(await site.factsOf('session.ended')).toHaveLength(1)
  })

  it('does not count readings that name a transaction of another controller', async () => {
    await station.call('BootNotification', BOOT)
    const { transactionId } = await start()
    const read = (register: string, named: JsonObject) =>
      station.call('MeterValues', {
        connectorId: 1,
        ...named,
        meterValue: [{ timestamp: '2026-11-23T12:05:00Z', sampledValue: [{ value: register }] }],
      })
    await read('1500', { transactionId: Number(transactionId) })
    await read('9000', { transactionId: Number(transactionId) + 7 })
    // Ids that name nothing are left out by many stations, or sent as these.
    await read('1800', { transactionId: -1 })
    site.clock.advance(300_000)
    await station.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Available' })
    site.clock.advance(60_000)
    const [end] = await site.until(async () => {
      const ends = await site.factsOf('session.ended')
      return ends.length > 0 && ends
    })
    expect(end?.data).toMatchObject({ presumed: true, energyMilliWh: 800_000 })
  })

  it('keeps a stop that belongs to no session', async () => {
    await station.call('BootNotification', BOOT)
    await stop(4711)
    const [unmatched] = await site.factsOf('session.stop-unmatched')
    expect(unmatched?.data).toMatchObject({ transactionId: '4711', registerMilliWh: 3_000_000 })
  })

  it('records energy though the token was refused', async () => {
    await site.apply('tokens', { tokens: [{ idToken: 'TAG-1', type: 'RFID', status: 'Blocked' }] })
    await station.call('BootNotification', BOOT)
    const { transactionId, idTagInfo } = await start()
    expect(idTagInfo).toEqual({ status: 'Blocked' })
    site.clock.advance(900_000)
    await stop(transactionId, { reason: 'DeAuthorized' })
    const [ended] = await site.factsOf('session.ended')
    expect(ended?.data).toMatchObject({ authorization: 'Blocked', energyMilliWh: 2_000_000 })
  })

  it('ends as presumed when its connector is free and no stop comes; the late stop corrects it', async () => {
    await station.call('BootNotification', BOOT)
    const { transactionId } = await start()
    site.clock.advance(300_000)
    await station.call('MeterValues', {
      connectorId: 1,
      meterValue: [{ timestamp: '2026-11-23T12:05:00Z', sampledValue: [{ value: '2000' }] }],
    })
    await station.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Available' })
    site.clock.advance(60_000)
    const [presumed] = await site.until(async () => {
      const ended = await site.factsOf('session.ended')
      return ended.length > 0 && ended
    })
    expect(presumed?.data).toMatchObject({
      presumed: true,
      reason: 'ConnectorAvailable',
      energyMilliWh: 1_000_000,
      durationMs: 300_000,
      review: [],
    })
    site.clock.advance(540_000)
    await stop(transactionId)
    const [, corrected] = await site.factsOf('session.ended')
    expect(corrected).toMatchObject({
      sessionId: presumed?.sessionId,
      data: { revision: 2, presumed: false, energyMilliWh: 2_000_000, durationMs: 900_000 },
    })
  })

  it('ends as presumed when another one starts on its connector', async () => {
    await station.call('BootNotification', BOOT)
    await start()
    await start({ timestamp: '2026-11-23T12:30:00Z', meterStart: 9000 })
    const [ended] = await site.factsOf('session.ended')
    expect(ended?.data).toMatchObject({ presumed: true, reason: 'NewSession', review: ['register-missing'] })
    expect(site.controller.live()[0]?.connectors[0]?.session?.startedAt).toBe('2026-11-23T12:30:00.000Z')
  })

  it('ends as presumed though the disk was full when its connector became available: the status is asked for', async () => {
    await station.call('BootNotification', BOOT)
    await start()
    const status = { connectorId: 1, errorCode: 'NoError', status: 'Available' }
    const asked: JsonObject[] = []
    station.handle('TriggerMessage', (payload) => {
      asked.push(payload)
      return { status: 'Accepted' }
    })
    site.failCommits(new JournalFull('full'))
    await expect(station.call('StatusNotification', status)).rejects.toThrow('the disk is full')
    site.failCommits(undefined)
    site.clock.advance(5_000)
    await site.until(() => asked.length > 0)
    expect(asked).toEqual([{ requestedMessage: 'StatusNotification', connectorId: 1 }])
    await station.call('StatusNotification', status)
    site.clock.advance(5_000)
    site.clock.advance(30_000)
    const ended = await site.until(async () => (await site.factsOf('session.ended'))[0])
    expect(ended.data).toMatchObject({ presumed: true, reason: 'ConnectorAvailable' })
    expect(asked).toHaveLength(1)
  })

  it('ends as presumed after hours of silence of its station', async () => {
    await station.call('BootNotification', BOOT)
    await start()
    await station.close()
    await site.until(() => site.controller.live()[0]?.connected === false)
    site.clock.advance(5 * 3_600_000)
    expect(await site.factsOf('session.ended')).toHaveLength(0)
    site.clock.advance(2 * 3_600_000)
    const ended = await site.until(async () => (await site.factsOf('session.ended'))[0])
    expect(ended.data).toMatchObject({ presumed: true, reason: 'Silence' })
  })
})
