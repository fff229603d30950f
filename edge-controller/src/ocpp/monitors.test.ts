/** Monitors that are wanted for good, over a socket, by a 2.1 station that keeps its monitors and is strict about the schemas. */
import type { WantedMonitor } from '@switchyard/protocol/site/monitor.ts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { connect } from '../testing/charge-point.ts'
import { connect21, type Station } from '../testing/connect-21.ts'
import { TestController } from '../testing/test-controller.ts'

interface Data {
  id?: number
  component: { name: string; evse?: object }
  variable: { name: string }
  type: string
  severity: number
  value: number
  transaction?: boolean
}
type Monitor = Data & { id: number }

let site: TestController
let station: Station
/** What the station has, and what it was asked to change. */
let has: Monitor[]
let asked: unknown[][]
/** Status of a SetVariableMonitoring, other than Accepted. */
let refuses: (data: Data) => string | undefined
let reports: boolean

beforeEach(async () => {
  has = []
  asked = []
  refuses = () => undefined
  reports = true
  site = await TestController.start()
  await open()
})
afterEach(async () => {
  await station.close()
  await site.stop()
})

const BOOT = { reason: 'PowerUp', chargingStation: { vendorName: 'Acme', model: 'One' } }
const isOf = (a: Pick<Data, 'component' | 'variable'>) => (b: Pick<Data, 'component' | 'variable'>) =>
  JSON.stringify([a.component, a.variable]) === JSON.stringify([b.component, b.variable])

async function open() {
  station = await connect21(site.url, 'CP1')
  station.handle('GetMonitoringReport', ({ requestId, componentVariable }) => {
    const named = componentVariable as unknown as Data[]
    const found = named.flatMap((it) => {
      const own = has.filter(isOf(it))
      const variableMonitoring = own.map(({ id, type, severity, value, transaction = false }) => ({
        ...{ id, type, severity, value, transaction },
        eventNotificationType: 'CustomMonitor',
      }))
      return own.length === 0 ? [] : [{ component: it.component, variable: it.variable, variableMonitoring }]
    })
    if (!reports) return { status: 'NotSupported' }
    if (found.length === 0) return { status: 'EmptyResultSet' }
    const part = { requestId, seqNo: 0, generatedAt: '2026-11-23T12:00:00Z', monitor: found }
    setImmediate(() => void station.call('NotifyMonitoringReport', part))
    return { status: 'Accepted' }
  })
  station.handle('SetVariableMonitoring', ({ setMonitoringData }) => {
    const setMonitoringResult = (setMonitoringData as unknown as Data[]).map((data) => {
      asked.push(['set', data.id, data.variable.name, data.type, data.value])
      const { component, variable, type, severity } = data
      const id = data.id ?? 1 + Math.max(0, ...has.map((it) => it.id))
      const status = refuses(data) ?? 'Accepted'
      if (status === 'Accepted') has = [...has.filter((it) => it.id !== id), { ...data, id }]
      return { status, component, variable, type, severity, ...(status === 'Accepted' ? { id } : {}) }
    })
    return { setMonitoringResult }
  })
  station.handle('ClearVariableMonitoring', ({ id: ids }) => {
    const clearMonitoringResult = (ids as number[]).map((id) => {
      asked.push(['clear', id])
      const status = has.some((it) => it.id === id) ? 'Accepted' : 'NotFound'
      has = has.filter((it) => it.id !== id)
      return { id, status }
    })
    return { clearMonitoringResult }
  })
}
const want = (...monitors: WantedMonitor[]) =>
  site.apply('stations', { stations: [{ stationId: 'CP1', approved: true, monitors }] })
const settled = (n: number) =>
  site.until(async () => (await site.factsOf('station.monitors'))[n - 1]).then(({ data }) => data)

const hot: WantedMonitor = {
  name: 'EVSE.Temperature',
  evseId: 1,
  type: 'UpperThreshold',
  value: 70,
  severity: 4,
}
const power: WantedMonitor = { name: 'Grid.Power', type: 'Periodic', value: 60, severity: 8 }

it('sets what is wanted after a boot, changes it by the ids that the station gave, and clears its own when not wanted', async () => {
  await want(hot, power)
  await station.call('BootNotification', BOOT)
  expect(await settled(1)).toEqual({
    applied: [
      { ...hot, source: 'station', monitorId: 1 },
      { ...power, source: 'station', monitorId: 2 },
    ],
    deviations: [],
  })
  // A monitor of somebody else's, and one that is built in, are not the site's to clear.
  const foreign = { component: { name: 'Grid' }, variable: { name: 'Power' }, transaction: false }
  has.push({ ...foreign, id: 9, type: 'Delta', severity: 8, value: 5 })
  asked = []
  await want({ ...hot, value: 80 })
  expect(await settled(2)).toMatchObject({ applied: [{ value: 80, monitorId: 1 }], deviations: [] })
  expect(asked).toEqual([
    ['clear', 2],
    ['set', 1, 'Temperature', 'UpperThreshold', 80],
  ])
  await want()
  await settled(3)
  expect(has.map((it) => it.id)).toEqual([9])
  // Nothing is wanted, and nothing is the site's: the station is left alone.
  asked = []
  await station.call('BootNotification', BOOT)
  await station.call('Heartbeat', {})
  expect(asked).toEqual([])
  expect(await site.factsOf('station.monitors')).toHaveLength(3)
})

it('puts back what the station lost or somebody changed; what it has as wanted is not written again', async () => {
  await want(hot, power)
  await station.call('BootNotification', BOOT)
  await settled(1)
  asked = []
  await station.call('BootNotification', BOOT)
  expect(await settled(2)).toMatchObject({ applied: [{ monitorId: 1 }, { monitorId: 2 }] })
  expect(asked).toEqual([])
  // It was reset, and has given the id to another one: that one is not touched.
  has = [{ component: { name: 'X' }, variable: { name: 'Y' }, id: 1, type: 'Delta', severity: 1, value: 1 }]
  await station.call('BootNotification', BOOT)
  expect(await settled(3)).toMatchObject({ applied: [{ monitorId: 2 }, { monitorId: 3 }] })
  expect(asked).toEqual([
    ['set', undefined, 'Temperature', 'UpperThreshold', 70],
    ['set', undefined, 'Power', 'Periodic', 60],
  ])
  has.find((it) => it.id === 2)!.value = 20
  await station.call('BootNotification', BOOT)
  await settled(4)
  expect(asked.at(-1)).toEqual(['set', 2, 'Temperature', 'UpperThreshold', 70])
  expect(has.map((it) => it.id).sort()).toEqual([1, 2, 3])
})

it('a wish of the station goes before one of its model; what the station would not take is told, with what it has', async () => {
  const built = {
    component: { name: 'Grid' },
    variable: { name: 'Power' },
    type: 'Periodic',
    severity: 8,
    value: 5,
  }
  has = [{ ...built, id: 3 }]
  refuses = ({ id, variable }) => (variable.name === 'Power' && id === undefined ? 'Duplicate' : undefined)
  await site.apply('models', {
    models: [{ vendor: 'Acme', model: 'One', settings: [], monitors: [{ ...hot, value: 50 }, power] }],
  })
  await want(hot, { ...power, name: 'NoPoint' })
  await station.call('BootNotification', BOOT)
  const data = await settled(1)
  expect(data.applied).toEqual([{ ...hot, source: 'station', monitorId: 4 }])
  expect(data.deviations).toHaveLength(2)
  expect(data.deviations).toEqual(
    expect.arrayContaining([
      { ...power, source: 'model', found: 5, reason: 'Duplicate' },
      expect.objectContaining({ name: 'NoPoint', reason: expect.stringContaining('Component.Variable') }),
    ]),
  )
})

it('a station that tells no monitors is taken at its word', async () => {
  reports = false
  await want(hot)
  await station.call('BootNotification', BOOT)
  expect(await settled(1)).toMatchObject({ applied: [{ monitorId: 1 }] })
  asked = []
  await want()
  expect(await settled(2)).toEqual({ applied: [], deviations: [] })
  expect(asked).toEqual([['clear', 1]])
})

it("a monitor of which the answer was lost is the site's own all the same", async () => {
  await want(hot)
  const taken = new Promise<void>((resolve) =>
    station.handle('SetVariableMonitoring', ({ setMonitoringData }) => {
      has = (setMonitoringData as unknown as Data[]).map((data) => ({ ...data, id: 5 }))
      resolve()
      return new Promise<never>(() => {})
    }),
  )
  await station.call('BootNotification', BOOT)
  await taken
  await station.close()
  await open()
  await station.call('Heartbeat', {})
  expect(await settled(1)).toMatchObject({ applied: [{ name: hot.name, monitorId: 5 }], deviations: [] })
  await want({ ...hot, value: 80 })
  expect(await settled(2)).toMatchObject({ applied: [{ value: 80, monitorId: 5 }], deviations: [] })
  await want()
  await settled(3)
  expect(has).toEqual([])
})

it('a controller that restarts knows which monitors are its own', async () => {
  await want(hot)
  await station.call('BootNotification', BOOT)
  await settled(1)
  await station.close()
  await site.restart()
  await want()
  await open()
  await station.call('Heartbeat', {})
  await site.until(() => has.length === 0)
  expect(asked.at(-1)).toEqual(['clear', 1])
})

it('a station that answers with nothing at all is told of, and nothing else fails', async () => {
  station.handle('SetVariableMonitoring', () => null as never)
  await want(hot)
  await station.call('BootNotification', BOOT)
  expect(await settled(1)).toMatchObject({
    applied: [],
    deviations: [{ name: hot.name, reason: 'FormatViolation' }],
  })
})

it('a 1.6 station has no monitors: that is told, and nothing is sent', async () => {
  await site.apply('stations', { stations: [{ stationId: 'CP16', approved: true, monitors: [hot] }] })
  const old = await connect(site.url, 'CP16')
  await old.call('BootNotification', { chargePointVendor: 'Acme', chargePointModel: 'One' })
  expect(await settled(1)).toMatchObject({
    applied: [],
    deviations: [{ name: hot.name, reason: 'OCPP 1.6 has no monitors of variables' }],
  })
  await old.close()
})
