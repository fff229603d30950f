import { describe, expect, it } from 'vitest'
import { pass, passDuring } from '../../testing/passing-time.ts'
import {
  central,
  charger,
  clock,
  faults,
  hatchback,
  online,
  register,
  startSession,
  until,
} from '../../testing/station-bench.ts'

describe('a session on OCPP 2.0.1', () => {
  it('runs from plug to end, its events in sequence, every message valid', async () => {
    await online('2.0.1')
    await startSession(500)
    await until(() => charger.connector().status === 'SuspendedEV', 'the car has what it wanted')
    await passDuring(clock, charger.authorise('SIM-0001'))
    await until(() => charger.queued === 0, 'everything is delivered')
    const events = central.of('TransactionEvent')
    expect(events.map((it) => it.seqNo)).toEqual(events.map((_, index) => index))
    expect(events[0]).toMatchObject({
      eventType: 'Started',
      triggerReason: 'Authorized',
      offline: false,
      evse: { id: 1, connectorId: 1 },
      idToken: { idToken: 'SIM-0001', type: 'ISO14443' },
    })
    expect(events.at(-1)).toMatchObject({
      eventType: 'Ended',
      triggerReason: 'StopAuthorized',
      transactionInfo: { stoppedReason: 'Local' },
      idToken: { idToken: 'SIM-0001' },
    })
    const energyMilliWh = Math.round((register(events.at(-1)) - register(events[0])) * 1000)
    expect(energyMilliWh).toBeGreaterThanOrEqual(500_000)
    expect(energyMilliWh).toBeLessThan(500_010)
    const periodic = events.filter((it) => it.triggerReason === 'MeterValuePeriodic')
    const values = periodic[2].meterValue[0].sampledValue
    expect(values.map((it: { measurand: string }) => it.measurand)).toContain('SoC')
    expect(values).toContainEqual(
      expect.objectContaining({
        measurand: 'Power.Active.Import',
        value: 22080,
        unitOfMeasure: { unit: 'W' },
      }),
    )
    expect(central.violations).toEqual([])
    expect(faults).toEqual([])
  })

  it('starts and stops from afar, with a profile that came with the start', async () => {
    await online('2.0.1')
    charger.plugIn(hatchback())
    const start = central.call('RequestStartTransaction', {
      idToken: { idToken: 'APP-0002', type: 'Central' },
      remoteStartId: 77,
      evseId: 1,
      chargingProfile: {
        id: 5,
        stackLevel: 0,
        chargingProfilePurpose: 'TxProfile',
        chargingProfileKind: 'Relative',
        chargingSchedule: [
          { id: 1, chargingRateUnit: 'A', chargingSchedulePeriod: [{ startPeriod: 0, limit: 8 }] },
        ],
      },
    })
    expect(await passDuring(clock, start)).toEqual({ status: 'Accepted' })
    await until(() => charger.connector().currentMa === 8_000, 'it charges at 8 A')
    const started = central.of('TransactionEvent')[0]
    expect(central.of('Authorize')).toEqual([{ idToken: { idToken: 'APP-0002', type: 'Central' } }])
    expect(started).toMatchObject({
      triggerReason: 'RemoteStart',
      idToken: { idToken: 'APP-0002', type: 'Central' },
      transactionInfo: { remoteStartId: 77 },
    })
    const { transactionId } = started.transactionInfo
    const stop = central.call('RequestStopTransaction', { transactionId })
    expect(await passDuring(clock, stop)).toEqual({ status: 'Accepted' })
    await until(() => charger.queued === 0, 'everything is delivered')
    expect(central.of('TransactionEvent').at(-1)).toMatchObject({
      eventType: 'Ended',
      triggerReason: 'RemoteStop',
      transactionInfo: { stoppedReason: 'Remote' },
    })
  })

  it('does what its variables say, and reports them', async () => {
    await online('2.0.1')
    const set = central.call('SetVariables', {
      setVariableData: [
        {
          component: { name: 'SampledDataCtrlr' },
          variable: { name: 'TxUpdatedInterval' },
          attributeValue: '60',
        },
        {
          component: { name: 'SampledDataCtrlr' },
          variable: { name: 'TxUpdatedInterval' },
          attributeValue: '-1',
        },
        { component: { name: 'TxCtrlr' }, variable: { name: 'TxStartPoint' }, attributeValue: 'DataSigned' },
        { component: { name: 'TxCtrlr' }, variable: { name: 'Nothing' }, attributeValue: '1' },
        { component: { name: 'Nothing' }, variable: { name: 'Nothing' }, attributeValue: '1' },
      ],
    })
    const { setVariableResult } = await passDuring(clock, set)
    expect(setVariableResult.map((it: { attributeStatus: string }) => it.attributeStatus)).toEqual([
      'Accepted',
      'Rejected',
      'Rejected',
      'UnknownVariable',
      'UnknownComponent',
    ])
    const get = central.call('GetVariables', {
      getVariableData: [{ component: { name: 'SampledDataCtrlr' }, variable: { name: 'TxUpdatedInterval' } }],
    })
    expect((await passDuring(clock, get)).getVariableResult[0]).toMatchObject({
      attributeStatus: 'Accepted',
      attributeValue: '60',
    })
    const report = central.call('GetBaseReport', { requestId: 9, reportBase: 'FullInventory' })
    expect(await passDuring(clock, report)).toEqual({ status: 'Accepted' })
    await until(() => central.of('NotifyReport').at(-1)?.tbc === false, 'the whole report is there')
    await startSession()
    await pass(clock, 185_000)
    const periodic = central.of('TransactionEvent').filter((it) => it.triggerReason === 'MeterValuePeriodic')
    expect(periodic).toHaveLength(3)
    expect(central.violations).toEqual([])
  })
})
