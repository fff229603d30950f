import { describe, expect, it } from 'vitest'
import { pass, passDuring } from '../testing/passing-time.ts'
import {
  central,
  charger,
  clock,
  make,
  online,
  openCentral,
  startSession,
  until,
  VERSIONS,
} from '../testing/station-bench.ts'

describe.each(VERSIONS)('a station of OCPP %s', (version) => {
  it('boots again at the interval while it is pending, and refuses remote starts until accepted', async () => {
    await openCentral()
    let boots = 0
    central.answer('BootNotification', () =>
      ++boots < 3
        ? {
            status: boots === 1 ? 'Pending' : 'Rejected',
            currentTime: new Date(clock.now()).toISOString(),
            interval: 40,
          }
        : undefined,
    )
    await make(version)
    charger.start()
    await until(() => boots === 1, 'the first boot')
    const pendingMs = clock.now()
    const start =
      version === '1.6'
        ? central.call('RemoteStartTransaction', { idTag: 'SIM-0001' })
        : central.call('RequestStartTransaction', {
            idToken: { idToken: 'SIM-0001', type: 'ISO14443' },
            remoteStartId: 1,
          })
    expect(await passDuring(clock, start)).toEqual({ status: 'Rejected' })
    await until(() => charger.online, 'the station is accepted')
    expect(boots).toBe(3)
    expect(clock.now() - pendingMs).toBeGreaterThanOrEqual(80_000)
    expect(central.received.slice(0, 3).map((it) => it.action)).toEqual(Array(3).fill('BootNotification'))
  })

  it('follows charging profiles, pauses below 6 A, and goes back when they are cleared', async () => {
    await online(version)
    await startSession()
    const profile = (id: number, limit: number, purpose: string, stackLevel: number) =>
      version === '1.6'
        ? {
            connectorId: 1,
            csChargingProfiles: {
              chargingProfileId: id,
              stackLevel,
              chargingProfilePurpose: purpose,
              chargingProfileKind: 'Relative',
              chargingSchedule: {
                chargingRateUnit: 'A',
                chargingSchedulePeriod: [{ startPeriod: 0, limit }],
              },
            },
          }
        : {
            evseId: 1,
            chargingProfile: {
              id,
              stackLevel,
              chargingProfilePurpose: purpose,
              chargingProfileKind: 'Relative',
              ...(purpose === 'TxProfile'
                ? { transactionId: charger.connector().session?.transactionId }
                : {}),
              chargingSchedule: [
                {
                  id,
                  chargingRateUnit: 'A',
                  chargingSchedulePeriod: [{ startPeriod: 0, limit }],
                },
              ],
            },
          }
    const set = (...args: Parameters<typeof profile>) =>
      passDuring(clock, central.call('SetChargingProfile', profile(...args)))
    expect(await set(1, 16, 'TxDefaultProfile', 0)).toEqual({ status: 'Accepted' })
    expect(charger.connector().currentMa).toBe(16_000)
    expect(await set(2, 8.1, 'TxProfile', 1)).toEqual({ status: 'Accepted' })
    expect(charger.connector().currentMa).toBe(8_100)
    const composite = await passDuring(
      clock,
      central.call('GetCompositeSchedule', {
        [version === '1.6' ? 'connectorId' : 'evseId']: 1,
        duration: 60,
        chargingRateUnit: 'A',
      }),
    )
    const schedule = version === '1.6' ? composite.chargingSchedule : composite.schedule
    expect(schedule.chargingSchedulePeriod).toEqual([{ startPeriod: 0, limit: 8.1, numberPhases: 3 }])
    expect(await set(2, 0, 'TxProfile', 1)).toEqual({ status: 'Accepted' })
    expect(charger.connector()).toMatchObject({ currentMa: 0, status: 'SuspendedEVSE' })
    const clear = version === '1.6' ? { id: 2 } : { chargingProfileId: 2 }
    expect(await passDuring(clock, central.call('ClearChargingProfile', clear))).toEqual({
      status: 'Accepted',
    })
    await until(() => charger.connector().currentMa === 16_000, 'it goes on under the default profile')
    expect(await passDuring(clock, central.call('ClearChargingProfile', clear))).toEqual({
      status: 'Unknown',
    })
    expect(central.violations).toEqual([])
  })

  it('answers what it does not support, what it does not know, and what is malformed, and stays', async () => {
    await online(version)
    await expect(passDuring(clock, central.call('GetLocalListVersion', {}))).rejects.toMatchObject({
      rpcErrorCode: 'NotSupported',
    })
    expect(charger.online).toBe(true)
  })

  it('makes a connector unavailable once its session has ended', async () => {
    await online(version)
    await startSession()
    const change =
      version === '1.6'
        ? { connectorId: 1, type: 'Inoperative' }
        : { evse: { id: 1 }, operationalStatus: 'Inoperative' }
    expect(await passDuring(clock, central.call('ChangeAvailability', change))).toEqual({
      status: 'Scheduled',
    })
    expect(charger.connector().status).toBe('Charging')
    charger.unplug()
    expect(charger.connector().status).toBe('Unavailable')
    await until(
      () =>
        central.of('StatusNotification').some((it) => (it.status ?? it.connectorStatus) === 'Unavailable'),
      'it is told',
    )
  })

  it('sends what it is asked to send', async () => {
    await online(version)
    const trigger = (requestedMessage: string) =>
      passDuring(clock, central.call('TriggerMessage', { requestedMessage }))
    expect(await trigger('Heartbeat')).toEqual({ status: 'Accepted' })
    expect(await trigger('StatusNotification')).toEqual({ status: 'Accepted' })
    expect(await trigger('MeterValues')).toEqual({ status: 'Accepted' })
    expect(await trigger('FirmwareStatusNotification')).toEqual({ status: 'NotImplemented' })
    await until(
      () => central.of('Heartbeat').length === 1 && central.of('MeterValues').length === 1,
      'the messages come',
    )
    expect(central.violations).toEqual([])
  })

  it('lets an authorization lapse when no car is plugged in', async () => {
    await online(version)
    expect(await passDuring(clock, charger.authorise('SIM-0001'))).toBe('Accepted')
    expect(charger.connector().status).toBe('Preparing')
    await pass(clock, 61_000)
    expect(charger.connector().status).toBe('Available')
  })

  it('is refused a wrong password, says so, and keeps trying', async () => {
    const reasons: string[] = []
    await openCentral({ password: 'right' })
    await make(version, { password: 'wrong' })
    charger.events.on('disconnected', (reason) => reasons.push(reason))
    charger.start()
    await until(() => reasons.length === 2, 'it was refused twice')
    expect(reasons[0]).toContain('401')
    charger.kill()
    await make(version, { password: 'right' })
    charger.start()
    await until(() => charger.online, 'the right one is accepted')
  })

  it('sets its clock by the central system', async () => {
    await openCentral()
    const ahead = 3_600_000
    central.answer('BootNotification', () => ({
      status: 'Accepted',
      currentTime: new Date(clock.now() + ahead).toISOString(),
      interval: 300,
    }))
    await make(version)
    charger.start()
    await until(() => central.of('StatusNotification').length > 0, 'a status is told')
    const told = Date.parse(central.of('StatusNotification')[0].timestamp)
    expect(Math.abs(told - clock.now() - ahead)).toBeLessThan(5_000)
  })
})
