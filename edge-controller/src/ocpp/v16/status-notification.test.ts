import { expect, it } from 'vitest'
import { Decisions } from '../../testing/decide.ts'
import { statusNotification } from './status-notification.ts'

it('the words of 1.6 become those of 2.x, and stay beside them', () => {
  const d = new Decisions()
  const { reply, facts } = d.take(statusNotification, {
    connectorId: 2,
    errorCode: 'GroundFailure',
    status: 'SuspendedEVSE',
    info: 'paused',
    vendorErrorCode: 'E7',
    timestamp: '2026-11-23T11:59:00Z',
  })
  expect(reply).toEqual({})
  expect(facts).toEqual([
    {
      kind: 'connector.status',
      stationId: 'CP1',
      data: {
        evseId: 2,
        connectorId: 1,
        status: 'Occupied',
        detail: 'SuspendedEVSE',
        errorCode: 'GroundFailure',
        info: 'paused',
        vendorErrorCode: 'E7',
        at: '2026-11-23T11:59:00.000Z',
      },
    },
  ])
  expect(d.station.connectors).toEqual([
    { evseId: 2, connectorId: 1, status: 'Occupied', detail: 'SuspendedEVSE', errorCode: 'GroundFailure' },
  ])
})

it('connector 0 is the station; a status without a time is of now; what is over is not kept', () => {
  const d = new Decisions()
  d.take(statusNotification, { connectorId: 1, errorCode: 'OtherError', status: 'Faulted' })
  const { facts } = d.take(statusNotification, { connectorId: 1, errorCode: 'NoError', status: 'Available' })
  expect(facts[0]?.data).toEqual({
    evseId: 1,
    connectorId: 1,
    status: 'Available',
    at: '2026-11-23T12:00:00.000Z',
  })
  expect(d.station.connectors).toEqual([{ evseId: 1, connectorId: 1, status: 'Available' }])
  d.take(statusNotification, { connectorId: 0, errorCode: 'NoError', status: 'Available' })
  expect(d.station.connectors[0]).toEqual({ evseId: 0, connectorId: 0, status: 'Available' })
})
