import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createTcpProxy } from '../faults/tcp-proxy.ts'
import { openLedger, readLedger, readStarts } from '../ledger.ts'
import { callError } from '../testing/central-system.ts'
import { pass, passDuring } from '../testing/passing-time.ts'
import {
  central,
  charger,
  clock,
  folder,
  hatchback,
  make,
  online,
  openCentral,
  register,
  startSession,
  until,
  VERSIONS,
} from '../testing/station-bench.ts'

describe.each(VERSIONS)('a station of OCPP %s, when things go wrong,', (version) => {
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
    await make(version, { stateFile, ledger: second })
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

  it('comes back after a lost connection without a new boot', async () => {
    await online(version)
    await central.drop()
    await until(() => central.connections === 2 && charger.online, 'it is connected again')
    expect(central.of('BootNotification')).toHaveLength(1)
  })

  it('notices a connection that is only half open, and loses nothing by it', async () => {
    await openCentral()
    const proxy = await createTcpProxy({
      target: { host: '127.0.0.1', port: Number(new URL(central.url).port) },
    })
    try {
      await make(version, { url: `ws://127.0.0.1:${proxy.port}/ocpp` })
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
    await make(version, { stateFile, ledger })
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
})
