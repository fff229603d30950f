import { expect, test } from 'vitest'
import { type StatusOfStation, statusText } from './status-text.ts'

const NOW = new Date('2026-11-23T15:00:00Z')
const at = (time: string) => new Date(`2026-11-23T${time}:00Z`)
const connector = (
  evseId: number,
  status: string,
  detail: string | null = null,
  errorCode: string | null = null,
  since = at('13:30'),
) => ({
  ...{ evseId, connectorId: evseId === 0 ? 0 : 1, status, detail, errorCode, since },
})
const sentence = (over: Partial<StatusOfStation>) =>
  statusText(
    {
      approved: true,
      rejected: false,
      connected: true,
      connectedSince: at('08:00'),
      siteOnline: true,
      siteLastHeardAt: at('14:59'),
      timeZone: 'Europe/Berlin',
      connectors: [connector(1, 'Available')],
      running: [],
      ...over,
    },
    NOW,
  )
const running = (powerW: number | null, startedAt = at('13:05'), chargingState: string | null = null) => ({
  ...{ evseId: 1, connectorId: 1, startedAt, powerW, chargingState },
})
const busy = (detail: string | null = 'Charging') => [connector(1, 'Occupied', detail)]
const two = [connector(1, 'Occupied', 'Charging'), connector(2, 'Occupied', 'Charging')]

test.each<[string, Partial<StatusOfStation>]>([
  ['Available', {}],
  ['Available, 1 of 2 connectors', { connectors: [connector(1, 'Available'), connector(2, 'Reserved')] }],
  ['Charging since 14:05 CET, 7.2 kW', { running: [running(7_290)], connectors: busy() }],
  ['Charging since 14:05 CET', { running: [running(null)], connectors: busy() }],
  ['Charging since 14:05 CET, 7.2 kW', { running: [running(7_290)], connectors: [] }],
  ['Session since 14:05 CET, no power flows', { running: [running(0)], connectors: busy() }],
  [
    'Charging since 2026-11-22 13:00 CET, 900 W',
    { running: [running(900, new Date('2026-11-22T12:00:00Z'))], connectors: busy() },
  ],
  [
    'Charging at 2 connectors, 11 kW',
    { running: [running(5_500), { ...running(5_500), evseId: 2 }], connectors: two },
  ],
  // What was read before the pause is no power of now.
  [
    'Paused by the car, session since 14:05 CET',
    { running: [running(7_290)], connectors: busy('SuspendedEV') },
  ],
  [
    'Paused by the station, session since 14:05 CET',
    { running: [running(7_290)], connectors: busy('SuspendedEVSE') },
  ],
  [
    'Paused by the car, session since 14:05 CET',
    { running: [running(7_290, at('13:05'), 'SuspendedEV')], connectors: busy(null) },
  ],
  [
    'Session since 14:05 CET, not charging yet',
    { running: [running(null, at('13:05'), 'EVConnected')], connectors: busy(null) },
  ],
  [
    'Session since 14:05 CET, charging has ended',
    { running: [running(7_290)], connectors: busy('Finishing') },
  ],
  ['Free again; session since 14:05 CET has not ended', { running: [running(7_290)] }],
  // Told before the start: nothing about the session.
  [
    'Charging since 14:05 CET, 7.2 kW',
    { running: [running(7_290)], connectors: [connector(1, 'Available', null, null, at('12:00'))] },
  ],
  [
    'Session since 14:05 CET, not charging yet',
    { running: [running(null)], connectors: [connector(1, 'Occupied', 'Preparing', null, at('13:00'))] },
  ],
  [
    'Faulted: GroundFailure; session since 14:05 CET has not ended',
    { running: [running(7_290)], connectors: [connector(1, 'Faulted', null, 'GroundFailure')] },
  ],
  [
    'Charging at 1 of 2 connectors in use, 5.5 kW',
    {
      running: [running(5_500), { ...running(5_500, at('13:05'), 'SuspendedEV'), evseId: 2 }],
      connectors: two,
    },
  ],
  ['Paused by the car', { connectors: [connector(1, 'Occupied', 'SuspendedEV')] }],
  ['Faulted: GroundFailure', { connectors: [connector(1, 'Faulted', null, 'GroundFailure')] }],
  ['Faulted (connector 2 of 2)', { connectors: [connector(1, 'Available'), connector(2, 'Faulted')] }],
  ['Not in service', { connectors: [connector(0, 'Unavailable'), connector(1, 'Available')] }],
  ['Waiting for approval', { approved: false }],
  ['Not connected since 09:00 CET', { connected: false }],
  ['Never connected', { connected: false, connectedSince: null }],
  ['Connected; has not told the state of its connectors', { connectors: [] }],
  ['Site not heard from since 15:59 CET; before: available', { siteOnline: false }],
  ['Its site has not connected yet', { siteOnline: false, siteLastHeardAt: null }],
])('%s', (text, over) => {
  expect(sentence(over)).toBe(text)
})
