import { expect, test } from 'vitest'
import { type StatusOfStation, statusText } from './status-text.ts'

const NOW = new Date('2026-11-23T15:00:00Z')
const at = (time: string) => new Date(`2026-11-23T${time}:00Z`)
const connector = (
  evseId: number,
  status: string,
  detail: string | null = null,
  errorCode: string | null = null,
) => ({
  ...{ evseId, connectorId: evseId === 0 ? 0 : 1, status, detail, errorCode },
})
const sentence = (over: Partial<StatusOfStation>) =>
  statusText(
    {
      approved: true,
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
const running = (powerW: number | null, startedAt = at('13:05')) => ({ evseId: 1, startedAt, powerW })

test.each<[string, Partial<StatusOfStation>]>([
  ['Available', {}],
  ['Available, 1 of 2 connectors', { connectors: [connector(1, 'Available'), connector(2, 'Reserved')] }],
  ['Charging since 14:05, 7.2 kW', { running: [running(7_290)] }],
  ['Charging since 14:05', { running: [running(null)] }],
  ['Session since 14:05, no power flows', { running: [running(0)] }],
  ['Charging since 2026-11-22 13:00, 900 W', { running: [running(900, new Date('2026-11-22T12:00:00Z'))] }],
  ['Charging at 2 connectors, 11 kW', { running: [running(5_500), { ...running(5_500), evseId: 2 }] }],
  ['Paused by the car', { connectors: [connector(1, 'Occupied', 'SuspendedEV')] }],
  ['Faulted: GroundFailure', { connectors: [connector(1, 'Faulted', null, 'GroundFailure')] }],
  ['Faulted (connector 2 of 2)', { connectors: [connector(1, 'Available'), connector(2, 'Faulted')] }],
  ['Not in service', { connectors: [connector(0, 'Unavailable'), connector(1, 'Available')] }],
  ['Waiting for approval', { approved: false }],
  ['Not connected since 09:00', { connected: false }],
  ['Never connected', { connected: false, connectedSince: null }],
  ['Connected; has not told the state of its connectors', { connectors: [] }],
  ['Site not heard from since 15:59; before: available', { siteOnline: false }],
  ['Its site has not connected yet', { siteOnline: false, siteLastHeardAt: null }],
])('%s', (text, over) => {
  expect(sentence(over)).toBe(text)
})
