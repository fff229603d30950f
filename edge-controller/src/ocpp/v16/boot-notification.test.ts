import { expect, it } from 'vitest'
import { PENDING_INTERVAL_S } from '../../station/boot.ts'
import { Decisions } from '../../testing/decide.ts'
import { bootNotification } from './boot-notification.ts'

const BOOT = {
  chargePointVendor: 'Example Power',
  chargePointModel: 'EP-22',
  chargeBoxSerialNumber: 'S1',
  firmwareVersion: '1.2',
}

it('an approved station is accepted, and what it is is kept', () => {
  const d = new Decisions()
  const { reply, facts } = d.take(bootNotification, BOOT)
  expect(reply).toEqual({ status: 'Accepted', currentTime: '2026-11-23T12:00:00.000Z', interval: 300 })
  const about = { vendor: 'Example Power', model: 'EP-22', serial: 'S1', firmware: '1.2' }
  expect(facts).toMatchObject([
    { kind: 'station.booted', data: { ocpp: '1.6', ...about, status: 'Accepted' } },
  ])
  expect(d.station.boot).toMatchObject({ ...about, status: 'Accepted' })
})

it('a station that nobody has approved is Pending, and boots again soon', () => {
  const d = new Decisions()
  d.approved = false
  expect(d.take(bootNotification, BOOT).reply).toMatchObject({
    status: 'Pending',
    interval: PENDING_INTERVAL_S,
  })
})
