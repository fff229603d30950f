import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { arrivingCar, type CarSpec } from '../car/car.ts'
import { VirtualClock } from '../clock.ts'
import { createTcpProxy } from '../faults/tcp-proxy.ts'
import { memoryLedger, openLedger, readLedger, readStarts } from '../ledger.ts'
import { seededRandom } from '../random.ts'
import { type CentralSystem, callError, startCentralSystem } from '../testing/central-system.ts'
import { pass, passDuring, passUntil } from '../testing/passing-time.ts'
import { type Charger, type ChargerOptions, createCharger } from './charger.ts'
import type { ChargerVersion } from './dialect.ts'

const HATCHBACK: CarSpec = { name: 'hatchback', capacityMilliWh: 52_000_000, maxCurrentMa: 32_000, phases: 3 }
const VERSIONS: ChargerVersion[] = ['1.6', '2.0.1']

let clock: VirtualClock
let central: CentralSystem
let folder: string
let charger: Charger
const chargers: Charger[] = []
const faults: string[] = []

beforeEach(() => {
  clock = new VirtualClock(Date.UTC(2026, 5, 1, 8))
  folder = mkdtempSync(join(tmpdir(), 'switchyard-charger-'))
  faults.length = 0
})

afterEach(async () => {
  for (const it of chargers.splice(0)) it.kill()
  await central.close()
  rmSync(folder, { recursive: true, force: true })
})

async function make(version: ChargerVersion, options: Partial<ChargerOptions> = {}): Promise<Charger> {
  const made = await createCharger({
    url: central.url,
    id: 'CP 1',
    version,
    clock,
    random: seededRandom(chargers.length),
    ledger: memoryLedger(),
    ...options,
  })
  made.events.on('fault', (fault) => faults.push(fault))
  chargers.push(made)
  return made
}

async function online(version: ChargerVersion, options: Partial<ChargerOptions> = {}): Promise<Charger> {
  central = await startCentralSystem(clock)
  charger = await make(version, options)
  charger.start()
  await until(() => charger.online, 'the station is online')
  return charger
}

const until = (condition: () => boolean, what: string) => passUntil(clock, condition, what)

function hatchback(targetWh?: number) {
  return arrivingCar(HATCHBACK, {
    socPermille: 300,
    ...(targetWh === undefined ? {} : { targetMilliWh: targetWh * 1000 }),
  })
}

async function startSession(targetWh?: number): Promise<void> {
  charger.plugIn(hatchback(targetWh))
  expect(await passDuring(clock, charger.authorise('SIM-0001'))).toBe('Accepted')
  await until(() => charger.connector().powerMw > 22_000_000, 'it charges at full power')
}

/** The registers that a message carries, in Wh. */
function register(payload: {
  meterValue?: { sampledValue: { measurand: string; value: unknown }[] }[]
}): number {
  const value = payload.meterValue?.[0]?.sampledValue.find(
    (it) => it.measurand === 'Energy.Active.Import.Register',
  )
  return Number(value?.value)
}

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
      idToken: { idToken: 'SIM-0002', type: 'ISO14443' },
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
    expect(started).toMatchObject({ triggerReason: 'RemoteStart', transactionInfo: { remoteStartId: 77 } })
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

describe.each(VERSIONS)('a station of OCPP %s', (version) => {
  it('boots again at the interval while it is pending, and refuses remote starts until accepted', async () => {
    central = await startCentralSystem(clock)
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
    charger = await make(version)
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

  it('queues while it is offline, and delivers in order with the old timestamps', async () => {
    const file = join(folder, 'ledger.jsonl')
    const ledger = openLedger(file)
    await online(version, { ledger })
    await startSession()
    await pass(clock, 30_000)
    await central.goDown()
    await until(() => !charger.online, 'the station is offline')
    const offlineMs = clock.now()
    await pass(clock, 120_000)
    charger.endSession()
    const endedMs = clock.now()
    charger.unplug()
    charger.plugIn(hatchback())
    expect(await passDuring(clock, charger.authorise('SIM-0001'))).toBe('Accepted')
    await pass(clock, 60_000)
    charger.unplug()
    expect(charger.queued).toBeGreaterThan(15)
    const before = central.received.length
    await central.comeUp()
    await until(() => charger.queued === 0, 'everything is delivered')
    const late = central.received
      .slice(before)
      .filter((it) =>
        ['StartTransaction', 'MeterValues', 'StopTransaction', 'TransactionEvent'].includes(it.action),
      )
    const times = late.map(({ payload }) => Date.parse(payload.timestamp ?? payload.meterValue[0].timestamp))
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(times[0]).toBeLessThan(offlineMs + 15_000)
    const stops = late.filter(
      ({ action, payload }) => action === 'StopTransaction' || payload.eventType === 'Ended',
    )
    expect(Date.parse(stops[0]!.payload.timestamp)).toBe(endedMs)
    expect(stops).toHaveLength(2)
    if (version === '1.6') {
      expect(stops.map((it) => it.payload.transactionId)).toEqual([1001, 1002])
      const metered = late.filter((it) => it.action === 'MeterValues').map((it) => it.payload.transactionId)
      expect(new Set(metered)).toEqual(new Set([1001, 1002]))
    } else {
      expect(late.filter((it) => it.payload.offline).length).toBeGreaterThan(15)
    }
    const entries = readLedger(file)
    expect(entries.map((it) => it.reason)).toEqual(['Local', 'EVDisconnected'])
    expect(readStarts(file).map((it) => it.sessionKey)).toEqual(entries.map((it) => it.sessionKey))
    ledger.close()
    expect(central.violations).toEqual([])
  })

  it('repeats a message that is answered by an error, then gives it up and goes on', async () => {
    await online(version)
    let errors = 0
    const failing = version === '1.6' ? 'StartTransaction' : 'TransactionEvent'
    central.answer(failing, () => {
      if (errors++ < 2) throw callError('InternalError', 'not now')
      return undefined
    })
    await startSession()
    await until(() => errors >= 3, 'it is sent a third time')
    charger.endSession()
    await until(() => charger.queued === 0, 'everything is delivered')
    expect(central.of(failing)[0]).toEqual(central.of(failing)[2])
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

  it('resets: ends the session, goes away, boots, and delivers the end', async () => {
    await online(version)
    await startSession()
    const type = version === '1.6' ? 'Hard' : 'Immediate'
    expect(await passDuring(clock, central.call('Reset', { type }))).toEqual({ status: 'Accepted' })
    await until(() => central.of('BootNotification').length === 2 && charger.queued === 0, 'it is back')
    const ends = central.received.filter(
      ({ action, payload }) => action === 'StopTransaction' || payload.eventType === 'Ended',
    )
    expect(ends).toHaveLength(1)
    expect(ends[0]!.payload.reason ?? ends[0]!.payload.transactionInfo.stoppedReason).toBe(
      version === '1.6' ? 'HardReset' : 'ImmediateReset',
    )
    expect(charger.connector().status).toBe('Finishing')
  })

  it('goes on with its session after a restart, the register never lower', async () => {
    const stateFile = join(folder, 'CP1.json')
    const ledgerFile = join(folder, 'ledger.jsonl')
    const first = openLedger(ledgerFile)
    await online(version, { stateFile, ledger: first })
    await startSession()
    await pass(clock, 60_000)
    await until(() => charger.queued === 0, 'everything is delivered')
    const before = charger.connector()
    await passDuring(clock, charger.stop())
    first.close()
    await pass(clock, 600_000, 60_000)
    const second = openLedger(ledgerFile)
    charger = await make(version, { stateFile, ledger: second })
    expect(charger.connector()).toMatchObject({
      registerMilliWh: before.registerMilliWh,
      session: { key: before.session?.key, transactionId: before.session?.transactionId },
    })
    charger.start()
    await until(() => charger.online, 'the station is back')
    await until(() => charger.connector().powerMw > 22_000_000, 'it charges again')
    charger.endSession()
    await until(() => charger.queued === 0, 'everything is delivered')
    expect(readLedger(ledgerFile)).toHaveLength(1)
    const [entry] = readLedger(ledgerFile)
    expect(entry?.transactionId).toBe(before.session?.transactionId)
    if (version === '1.6') {
      const [start] = central.of('StartTransaction')
      const [stop] = central.of('StopTransaction')
      expect(central.of('StartTransaction')).toHaveLength(1)
      expect(String(stop.meterStop - start.meterStart)).toBe(entry?.energyWh)
    } else {
      const events = central.of('TransactionEvent')
      expect(events.map((it) => it.seqNo)).toEqual(events.map((_, index) => index))
      expect(String(register(events.at(-1)))).toBe(entry?.endRegisterWh)
    }
    second.close()
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

  it('comes back after a lost connection without a new boot', async () => {
    await online(version)
    await central.drop()
    await until(() => central.connections === 2 && charger.online, 'it is connected again')
    expect(central.of('BootNotification')).toHaveLength(1)
  })

  it('notices a connection that is only half open, and loses nothing by it', async () => {
    central = await startCentralSystem(clock)
    const proxy = await createTcpProxy({
      target: { host: '127.0.0.1', port: Number(new URL(central.url).port) },
    })
    try {
      charger = await make(version, { url: `ws://127.0.0.1:${proxy.port}/ocpp` })
      charger.start()
      await until(() => charger.online, 'the station is online')
      await startSession()
      proxy.blackHole()
      await until(() => !charger.online, 'it takes the connection for dead')
      charger.endSession()
      proxy.heal()
      await until(() => charger.queued === 0, 'everything is delivered')
    } finally {
      await proxy.close()
    }
    const ends = central.received.filter(
      ({ action, payload }) => action === 'StopTransaction' || payload.eventType === 'Ended',
    )
    expect(ends.length).toBeGreaterThanOrEqual(1)
  })

  it('ends a session as its ledger says, when power failed before anything else was kept or told', async () => {
    const stateFile = join(folder, 'CP1.json')
    const ledger = openLedger(join(folder, 'ledger.jsonl'))
    await online(version, { stateFile, ledger })
    await startSession()
    await until(() => charger.queued === 0, 'everything is delivered')
    charger.goOffline()
    // The state before the end, put back after it: as if power had failed between the ledger's write and the state's.
    const before = readFileSync(stateFile)
    await pass(clock, 7_000)
    charger.endSession()
    charger.kill()
    writeFileSync(stateFile, before)
    const [entry] = readLedger(join(folder, 'ledger.jsonl'))
    await pass(clock, 60_000)
    charger = await make(version, { stateFile, ledger })
    charger.start()
    await until(() => charger.online && charger.queued === 0, 'the end is told')
    expect(readLedger(join(folder, 'ledger.jsonl'))).toEqual([entry])
    const ends = central.received.filter(
      ({ action, payload }) => action === 'StopTransaction' || payload.eventType === 'Ended',
    )
    expect(ends).toHaveLength(1)
    expect(ends[0]?.payload.timestamp).toBe(entry?.endedAt)
    const told = version === '1.6' ? ends[0]?.payload.meterStop : register(ends[0]?.payload)
    expect(String(told)).toBe(entry?.endRegisterWh)
    expect(charger.connector().session).toBeUndefined()
    expect(charger.connector().registerMilliWh).toBeGreaterThanOrEqual(Number(entry?.endRegisterWh) * 1000)
    ledger.close()
  })

  it('is refused a wrong password, says so, and keeps trying', async () => {
    const reasons: string[] = []
    central = await startCentralSystem(clock, { password: 'right' })
    charger = await make(version, { password: 'wrong' })
    charger.events.on('disconnected', (reason) => reasons.push(reason))
    charger.start()
    await until(() => reasons.length === 2, 'it was refused twice')
    expect(reasons[0]).toContain('401')
    charger.kill()
    charger = await make(version, { password: 'right' })
    charger.start()
    await until(() => charger.online, 'the right one is accepted')
  })

  it('charges a driver whom it knows, and nobody else, while it is offline', async () => {
    await online(version)
    expect(await passDuring(clock, charger.authorise('SIM-0001'))).toBe('Accepted')
    await pass(clock, 61_000)
    charger.goOffline()
    charger.plugIn(hatchback())
    expect(await passDuring(clock, charger.authorise('SIM-0002'))).toBe('Offline')
    expect(await passDuring(clock, charger.authorise('SIM-0001'))).toBe('Accepted')
    await until(() => charger.connector().powerMw > 0, 'it charges')
    charger.unplug()
    charger.goOnline()
    await until(() => charger.queued === 0, 'everything is delivered')
    expect(central.violations).toEqual([])
  })

  it('sets its clock by the central system', async () => {
    central = await startCentralSystem(clock)
    const ahead = 3_600_000
    central.answer('BootNotification', () => ({
      status: 'Accepted',
      currentTime: new Date(clock.now() + ahead).toISOString(),
      interval: 300,
    }))
    charger = await make(version)
    charger.start()
    await until(() => central.of('StatusNotification').length > 0, 'a status is told')
    const told = Date.parse(central.of('StatusNotification')[0].timestamp)
    expect(Math.abs(told - clock.now() - ahead)).toBeLessThan(5_000)
  })
})
