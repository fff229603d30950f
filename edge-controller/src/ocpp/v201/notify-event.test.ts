import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { JournalFull } from '../../journal/port.ts'
import { MAX_CONNECTORS } from '../../station/station.ts'
import { type ChargePoint, connect, connectRaw } from '../../testing/charge-point.ts'
import { TestController } from '../../testing/test-controller.ts'

const BOOT = { reason: 'PowerUp', chargingStation: { vendorName: 'Example Power', model: 'EP-22G2' } }
const NOW = '2026-11-23T12:00:00Z'

let site: TestController
let station: ChargePoint

beforeEach(async () => {
  site = await TestController.start()
  station = await connect(site.url, 'CS1', 'ocpp2.0.1')
  await station.call('BootNotification', BOOT)
})
afterEach(async () => {
  await station.close()
  await site.stop()
})

function availability(evse: JsonObject | undefined, actualValue: string, more: JsonObject = {}): JsonObject {
  return {
    eventId: 1,
    timestamp: NOW,
    trigger: 'Delta',
    actualValue,
    eventNotificationType: 'HardWiredNotification',
    component: { name: 'Connector', ...(evse ? { evse } : {}) },
    variable: { name: 'AvailabilityState' },
    ...more,
  }
}
const notify = (...eventData: JsonObject[]) =>
  station.call('NotifyEvent', { generatedAt: NOW, seqNo: 0, eventData })
const connectors = () => site.controller.live()[0]?.connectors
const statuses = async () => (await site.factsOf('connector.status')).map((it) => it.data)
const place = (id: number, connectorId?: number) => ({
  id,
  ...(connectorId === undefined ? {} : { connectorId }),
})

describe('the availability of a connector among events', () => {
  it('is its status, and kept as an event too', async () => {
    expect(await notify(availability(place(1, 2), 'Occupied'))).toEqual({})
    expect(connectors()).toMatchObject([{ evseId: 1, connectorId: 2, status: 'Occupied' }])
    expect(await statuses()).toEqual([
      { evseId: 1, connectorId: 2, status: 'Occupied', at: '2026-11-23T12:00:00.000Z' },
    ])
    expect(await site.factsOf('station.event')).toHaveLength(1)
  })

  it('is told once, however often a monitor repeats it', async () => {
    const again = { trigger: 'Periodic' }
    await notify(availability(place(1), 'Occupied'))
    await notify(availability(place(1), 'Occupied', again))
    expect(await statuses()).toHaveLength(1)
    await notify(availability(place(1), 'Available', again))
    expect((await statuses()).map((it) => it.status)).toEqual(['Occupied', 'Available'])
    expect(await site.factsOf('station.event')).toHaveLength(3)
  })

  it('is its status in 2.1 as well', async () => {
    const socket = await connectRaw(site.url, 'CS2', ['ocpp2.1'])
    const ask = async (action: string, payload: object) => {
      socket.send(JSON.stringify([2, 'm', action, payload]))
      return await socket.next()
    }
    await ask('BootNotification', BOOT)
    const said = { generatedAt: NOW, seqNo: 0, eventData: [availability(place(1, 1), 'Occupied')] }
    expect(await ask('NotifyEvent', said)).toEqual([3, 'm', {}])
    expect(await statuses()).toMatchObject([{ evseId: 1, connectorId: 1, status: 'Occupied' }])
    socket.close()
  })

  it('is taken in the order of the batch, at the time of each, of connector 1 where none is named', async () => {
    await notify(
      availability(place(2), 'Faulted', { timestamp: '2026-11-23T11:00:00Z' }),
      availability(place(1), 'Occupied', { timestamp: '2026-11-23T11:58:00Z' }),
      availability(place(1), 'Available', {
        component: { name: 'connector', evse: { id: 1 } },
        variable: { name: 'availabilitystate' },
      }),
    )
    expect((await statuses()).map(({ evseId, status, at }) => [evseId, status, at])).toEqual([
      [2, 'Faulted', '2026-11-23T11:00:00.000Z'],
      [1, 'Occupied', '2026-11-23T11:58:00.000Z'],
      [1, 'Available', '2026-11-23T12:00:00.000Z'],
    ])
    expect(connectors()).toMatchObject([
      { evseId: 1, connectorId: 1, status: 'Available' },
      { evseId: 2, connectorId: 1, status: 'Faulted' },
    ])
  })

  it('ends a session whose connector is free and whose end does not come', async () => {
    await station.call('TransactionEvent', {
      eventType: 'Started',
      timestamp: NOW,
      triggerReason: 'CablePluggedIn',
      seqNo: 0,
      transactionInfo: { transactionId: 'tx-1' },
      evse: { id: 1, connectorId: 1 },
    })
    site.clock.advance(60_000)
    // What comes out of a queue tells of a time before the session.
    await notify(availability(place(1, 1), 'Available', { timestamp: '2026-11-23T11:00:00Z' }))
    await notify(availability(place(1, 1), 'Occupied'))
    site.clock.advance(60_000)
    expect(await site.factsOf('session.ended')).toEqual([])
    await notify(availability(place(1, 1), 'Available', { timestamp: '2026-11-23T12:02:00Z' }))
    site.clock.advance(5_000)
    site.clock.advance(30_000)
    const ended = await site.until(async () => (await site.factsOf('session.ended'))[0])
    expect(ended.data).toMatchObject({ presumed: true, reason: 'ConnectorAvailable' })
  })

  it('is an event like others where it tells no status, or of no connector', async () => {
    await notify(
      availability(undefined, 'Occupied'),
      availability(place(0, 0), 'Occupied'),
      availability(place(1, 1), 'Charging'),
      availability(place(1, 1), 'Occupied', { component: { name: 'EVSE', evse: { id: 1 } } }),
      availability(place(1, 1), 'Occupied', { variable: { name: 'Problem' } }),
      availability(place(70_000, 1), 'Occupied'),
      availability(place(1, -1), 'Occupied'),
    )
    expect(await statuses()).toEqual([])
    expect((await site.factsOf('station.event'))[0]?.data.events).toHaveLength(7)
  })

  it('of more connectors than a station has costs none of the other events', async () => {
    const all = Array.from({ length: MAX_CONNECTORS + 1 }, (_, i) =>
      availability(place(i + 1, 1), 'Available'),
    )
    expect(await notify(...all, availability(place(1, 1), 'Occupied'))).toEqual({})
    expect(connectors()).toHaveLength(MAX_CONNECTORS)
    expect(connectors()?.[0]).toMatchObject({ evseId: 1, status: 'Occupied' })
    expect(
      (await site.factsOf('station.event')).flatMap((it) => it.data.events as JsonObject[]),
    ).toHaveLength(MAX_CONNECTORS + 2)
  })

  it('is asked for once there is room on the disk again', async () => {
    await notify(availability(place(1, 1), 'Occupied'))
    const asked: JsonObject[] = []
    station.handle('TriggerMessage', (payload) => {
      asked.push(payload)
      return { status: 'Accepted' }
    })
    site.failCommits(new JournalFull('full'))
    await expect(notify(availability(place(1, 1), 'Available'))).rejects.toThrow('the disk is full')
    site.failCommits(undefined)
    site.clock.advance(5_000)
    await site.until(() => asked.length > 0)
    expect(asked).toEqual([{ requestedMessage: 'StatusNotification', evse: { id: 1, connectorId: 1 } }])
  })
})
