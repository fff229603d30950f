import { describe, expect, it } from 'vitest'
import { pass, passDuring } from '../../testing/passing-time.ts'
import {
  central,
  charger,
  clock,
  faults,
  hatchback,
  online,
  startSession,
  until,
} from '../../testing/station-bench.ts'

describe('a session on OCPP 1.6', () => {
  it('runs from plug to stop, metered exactly, every message valid', async () => {
    await online('1.6')
    await startSession(500)
    await until(() => charger.connector().status === 'SuspendedEV', 'the car has what it wanted')
    charger.endSession()
    await until(() => charger.queued === 0, 'everything is delivered')
    const [start] = central.of('StartTransaction')
    const [stop] = central.of('StopTransaction')
    expect(start).toMatchObject({ connectorId: 1, idTag: 'SIM-0001' })
    expect(stop).toMatchObject({ transactionId: 1001, reason: 'Local' })
    // 500 Wh were asked for; the register counts whole Wh, so the difference is off by one at most.
    expect(stop.meterStop - start.meterStart).toBeGreaterThanOrEqual(500)
    expect(stop.meterStop - start.meterStart).toBeLessThanOrEqual(501)
    const samples = central.of('MeterValues')
    expect(samples.length).toBeGreaterThanOrEqual(5)
    expect(samples.every((it) => it.transactionId === 1001)).toBe(true)
    const values = samples[2].meterValue[0].sampledValue
    expect(values).toContainEqual(
      expect.objectContaining({ measurand: 'Power.Active.Import', value: '22080', unit: 'W' }),
    )
    expect(values).toContainEqual(
      expect.objectContaining({ measurand: 'Current.Import', phase: 'L3', value: '32', unit: 'A' }),
    )
    await until(() => central.of('StatusNotification').length === 6, 'the last status is told')
    expect(central.of('StatusNotification').map((it) => it.status)).toEqual([
      'Available',
      'Available',
      'Preparing',
      'Charging',
      'SuspendedEV',
      'Finishing',
    ])
    charger.unplug()
    await until(() => central.of('StatusNotification').length === 7, 'it is available again')
    expect(central.violations).toEqual([])
    expect(faults).toEqual([])
  })

  it('ends a session whose token the start finds invalid', async () => {
    await online('1.6')
    central.answer('StartTransaction', () => ({ transactionId: 7, idTagInfo: { status: 'Blocked' } }))
    charger.plugIn(hatchback())
    await passDuring(clock, charger.authorise('SIM-0001'))
    await until(() => central.of('StopTransaction').length === 1, 'the session is ended')
    expect(central.of('StopTransaction')[0]).toMatchObject({ transactionId: 7, reason: 'DeAuthorized' })
  })

  it('starts and stops from afar', async () => {
    await online('1.6')
    charger.plugIn(hatchback())
    const start = central.call('RemoteStartTransaction', { idTag: 'SIM-0002', connectorId: 1 })
    expect(await passDuring(clock, start)).toEqual({ status: 'Accepted' })
    await until(() => charger.connector().session?.transactionId === '1001', 'the session runs')
    const stop = central.call('RemoteStopTransaction', { transactionId: 1001 })
    expect(await passDuring(clock, stop)).toEqual({ status: 'Accepted' })
    await until(() => central.of('StopTransaction').length === 1, 'it is stopped')
    expect(central.of('StopTransaction')[0]).toMatchObject({ transactionId: 1001, reason: 'Remote' })
    const again = central.call('RemoteStopTransaction', { transactionId: 1001 })
    expect(await passDuring(clock, again)).toEqual({ status: 'Rejected' })
  })

  it('does what its configuration says: sampling interval, measurands, transaction data', async () => {
    await online('1.6')
    const change = (key: string, value: string) =>
      passDuring(clock, central.call('ChangeConfiguration', { key, value }))
    expect(await change('MeterValueSampleInterval', '60')).toEqual({ status: 'Accepted' })
    expect(await change('MeterValuesSampledData', 'Energy.Active.Import.Register,Current.Import.L2')).toEqual(
      {
        status: 'Accepted',
      },
    )
    expect(await change('StopTxnSampledData', 'Energy.Active.Import.Register')).toEqual({
      status: 'Accepted',
    })
    expect(await change('MeterValuesSampledData', 'Temperature')).toEqual({ status: 'Rejected' })
    expect(await change('NumberOfConnectors', '3')).toEqual({ status: 'Rejected' })
    expect(await change('NoSuchKey', 'x')).toEqual({ status: 'NotSupported' })
    const read = central.call('GetConfiguration', { key: ['MeterValueSampleInterval', 'NoSuchKey'] })
    expect(await passDuring(clock, read)).toEqual({
      configurationKey: [{ key: 'MeterValueSampleInterval', readonly: false, value: '60' }],
      unknownKey: ['NoSuchKey'],
    })
    await startSession()
    await pass(clock, 185_000)
    charger.endSession()
    await until(() => charger.queued === 0, 'everything is delivered')
    const samples = central.of('MeterValues')
    expect(samples).toHaveLength(3)
    expect(
      samples[0].meterValue[0].sampledValue.map((it: { measurand: string; phase?: string }) => [
        it.measurand,
        it.phase,
      ]),
    ).toEqual([
      ['Energy.Active.Import.Register', undefined],
      ['Current.Import', 'L2'],
    ])
    expect(central.of('StopTransaction')[0].transactionData).toHaveLength(1)
  })
})
