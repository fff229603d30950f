/** Stations that do not wait for answers, say everything twice after a reconnect, or are gone without a word. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, expect, it } from 'vitest'
import { connectRaw, type RawSocket } from '../testing/charge-point.ts'
import { TestController, type TestControllerOptions } from '../testing/test-controller.ts'

let site: TestController
afterEach(() => site.stop())

const BOOT = { chargePointVendor: 'V', chargePointModel: 'M' }
const START = { connectorId: 1, idTag: 'TAG-1', meterStart: 1_000, timestamp: '2026-11-23T10:00:00Z' }
const stopOf = (transactionId: unknown) => ({
  transactionId,
  meterStop: 21_000,
  timestamp: '2026-11-23T11:30:00Z',
})

async function open(options: TestControllerOptions = {}): Promise<void> {
  site = await TestController.start(options)
  const tokens = [{ idToken: 'TAG-1', type: 'RFID', status: 'Accepted' as const }]
  await site.apply('tokens', { tokens })
}
const say = (socket: RawSocket, id: string, action: string, payload: object): void =>
  socket.send(JSON.stringify([2, id, action, payload]))
/** The next answers, calls of the controller left out. */
async function answers(socket: RawSocket, count: number): Promise<[number, string, JsonObject][]> {
  const got: [number, string, JsonObject][] = []
  while (got.length < count) {
    const frame = await socket.next()
    if (frame[0] !== 2) got.push(frame as [number, string, JsonObject])
  }
  return got
}

it('boot, status and a queue that are sent without waiting are all taken, in their order', async () => {
  await open()
  const socket = await connectRaw(site.url, 'CP1')
  say(socket, 'b', 'BootNotification', BOOT)
  say(socket, 's0', 'StatusNotification', { connectorId: 0, errorCode: 'NoError', status: 'Available' })
  say(socket, 's1', 'StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Charging' })
  say(socket, 't', 'StartTransaction', START)
  const got = await answers(socket, 4)
  expect(got.map(([type, id]) => [type, id])).toEqual([
    [3, 'b'],
    [3, 's0'],
    [3, 's1'],
    [3, 't'],
  ])
  expect(await site.factsOf('connector.status')).toHaveLength(2)
  expect(await site.factsOf('session.started')).toMatchObject([{ data: { authorization: 'Accepted' } }])
  socket.close()
})

it('a queue that is sent again and again over new connections, with new ids, among what happens now, is one session', async () => {
  await open()
  let socket = await connectRaw(site.url, 'CP1')
  say(socket, 'b', 'BootNotification', BOOT)
  await answers(socket, 1)
  // Its answer is lost with the connection.
  say(socket, 'first', 'StartTransaction', START)
  socket.cut()
  await site.until(async () => (await site.factsOf('session.started')).length === 1)
  const told: JsonObject[] = []
  for (let turn = 0; turn < 3; turn++) {
    socket = await connectRaw(site.url, 'CP1')
    // Twice at once, as the queue and the live sender both have it; what happens now goes between.
    say(socket, `a${turn}`, 'StartTransaction', START)
    say(socket, `n${turn}`, 'StatusNotification', {
      connectorId: 2,
      errorCode: 'NoError',
      status: 'Available',
    })
    say(socket, `b${turn}`, 'StartTransaction', START)
    const [one, , two] = await answers(socket, 3)
    told.push(one![2], two![2])
    const { transactionId } = one![2]
    say(socket, `c${turn}`, 'StopTransaction', stopOf(transactionId))
    say(socket, `d${turn}`, 'StopTransaction', stopOf(transactionId))
    await answers(socket, 2)
    socket.cut()
  }
  // Never refused as being in use, and never another id.
  expect(new Set(told.map((it) => JSON.stringify(it))).size).toBe(1)
  expect(told[0]).toMatchObject({ idTagInfo: { status: 'Accepted' }, transactionId: expect.any(Number) })
  expect(Number(told[0]!.transactionId)).toBeGreaterThan(0)
  expect(await site.factsOf('session.started')).toHaveLength(1)
  expect(await site.factsOf('session.ended')).toMatchObject([
    { data: { energyMilliWh: 20_000_000, review: [] } },
  ])
  expect(await site.factsOf('session.stop-unmatched')).toEqual([])
})

it.each([true, false])(
  'a station that drops its socket at a Reset (answered: %s) is away, boots anew, and is not reset again',
  async (answered) => {
    await open()
    const socket = await connectRaw(site.url, 'CP1')
    say(socket, 'b', 'BootNotification', BOOT)
    await answers(socket, 1)
    const [issuedAt, expiresAt] = ['2026-11-23T12:00:00Z', '2026-11-23T13:00:00Z']
    const command = { id: 'c1', stationId: 'CP1', kind: 'Reset', args: { type: 'Hard' }, issuedAt, expiresAt }
    const result = site.controller.execute(command, 600_000)
    const [, id, action] = await socket.next()
    expect(action).toBe('Reset')
    if (answered) {
      socket.send(JSON.stringify([3, id, { status: 'Accepted' }]))
      expect(await result).toMatchObject({ status: 'accepted' })
    }
    socket.cut()
    expect(await result).toMatchObject({ status: answered ? 'accepted' : 'unknown' })
    await site.until(async () => (await site.factsOf('station.disconnected')).length === 1)
    expect(site.controller.live()).toMatchObject([{ connected: false }])

    const back = await connectRaw(site.url, 'CP1')
    const heard: unknown[] = []
    back.ws.on('message', (data) => heard.push((JSON.parse(data.toString()) as unknown[])[2]))
    say(back, 'b2', 'BootNotification', BOOT)
    expect((await answers(back, 1))[0]).toMatchObject([3, 'b2', { status: 'Accepted' }])
    site.clock.advance(60_000)
    say(back, 'h', 'Heartbeat', {})
    await answers(back, 1)
    expect(heard).not.toContain('Reset')
    back.close()
  },
)

it('a station that reboots while nobody answers at the cloud is accepted at once, and charges', async () => {
  await open({ ports: { ask: () => new Promise(() => {}) } })
  const socket = await connectRaw(site.url, 'CP1')
  for (const id of ['b1', 'b2']) {
    say(socket, id, 'BootNotification', BOOT)
    expect((await answers(socket, 1))[0]).toMatchObject([3, id, { status: 'Accepted' }])
  }
  say(socket, 't', 'StartTransaction', { ...START, timestamp: '2026-11-23T12:00:00Z' })
  expect((await answers(socket, 1))[0]).toMatchObject([3, 't', { idTagInfo: { status: 'Accepted' } }])
  socket.close()
})

it('stations that come back all at once are all answered, and none of their sessions is told twice', async () => {
  await open()
  const count = 40
  const station = async (n: number): Promise<void> => {
    const id = `CP${n}`
    const start = { ...START, meterStart: 1_000 + n, idTag: `TAG-${n}` }
    for (const turn of ['first', 'second']) {
      const socket = await connectRaw(site.url, id)
      say(socket, `${turn}-b`, 'BootNotification', BOOT)
      say(socket, `${turn}-t`, 'StartTransaction', start)
      const [, started] = await answers(socket, 2)
      if (turn === 'second') {
        const { transactionId } = started![2]
        say(socket, 'stop', 'StopTransaction', stopOf(transactionId))
        await answers(socket, 1)
      }
      socket.cut()
    }
  }
  await Promise.all(Array.from({ length: count }, (_, n) => station(n)))
  const [starts, ends] = [await site.factsOf('session.started'), await site.factsOf('session.ended')]
  expect(new Set(starts.map((it) => it.stationId)).size).toBe(count)
  expect(starts).toHaveLength(count)
  expect(ends).toHaveLength(count)
  expect(new Set(starts.map((it) => it.data.transactionId)).size).toBe(count)
})
