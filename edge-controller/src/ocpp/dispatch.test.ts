import { afterEach, describe, expect, it } from 'vitest'
import { ChangeRefused, JournalFailed, JournalFull } from '../journal/port.ts'
import { connectRaw, type RawSocket } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'

let site: TestController
let socket: RawSocket
const fatal: Error[] = []
afterEach(async () => {
  site.failCommits(undefined)
  socket.close()
  await site.stop()
})

async function open() {
  fatal.length = 0
  site = await TestController.start({ ports: { onFatal: (error) => void fatal.push(error) } })
  socket = await connectRaw(site.url, 'CP1')
  await ask('BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' })
}
async function ask(action: string, payload: object) {
  socket.send(JSON.stringify([2, 'm', action, payload]))
  return (await socket.next()).slice(0, 4)
}
const status = { connectorId: 1, errorCode: 'NoError', status: 'Available' }

describe('when the journal does not take a fact', () => {
  it('a full disk is told to the station, memory stays as the disk is, and later messages are taken', async () => {
    await open()
    site.failCommits(new JournalFull('full'))
    expect(await ask('StatusNotification', status)).toEqual([
      4,
      'm',
      'InternalError',
      'the disk is full: try later',
    ])
    expect(site.controller.live()[0]?.connectors).toEqual([])
    expect(await ask('Heartbeat', {})).toMatchObject([3, 'm', { currentTime: expect.any(String) }])
    site.failCommits(undefined)
    expect(await ask('StatusNotification', status)).toEqual([3, 'm', {}])
    expect(site.controller.live()[0]?.connectors).toHaveLength(1)
  })

  it('what is too large to be kept is refused', async () => {
    await open()
    site.failCommits(new ChangeRefused('too large'))
    expect(await ask('StatusNotification', status)).toMatchObject([4, 'm', 'PropertyConstraintViolation', {}])
  })

  it('a journal that failed stops the process, and the station gets no answer', async () => {
    await open()
    site.failCommits(new JournalFailed('the disk is gone'))
    let answered = false
    socket.send(JSON.stringify([2, 'm', 'StatusNotification', status]))
    void socket.next().then(() => {
      answered = true
    })
    await site.until(() => fatal[0])
    expect(fatal[0]?.message).toBe('the disk is gone')
    expect(answered).toBe(false)
  })
})

it('a station with more connectors than there are is refused the next one', async () => {
  await open()
  for (let connectorId = 1; connectorId <= 64; connectorId++)
    expect(await ask('StatusNotification', { ...status, connectorId })).toEqual([3, 'm', {}])
  expect(await ask('StatusNotification', { ...status, connectorId: 65 })).toMatchObject([
    4,
    'm',
    'PropertyConstraintViolation',
    expect.stringContaining('64'),
  ])
})

it('a station that another card knew is asked to boot, once, when it goes on without', async () => {
  site = await TestController.start()
  socket = await connectRaw(site.url, 'CP1')
  const heard: unknown[][] = []
  for (const id of ['a', 'b']) socket.send(JSON.stringify([2, id, 'StatusNotification', status]))
  while (heard.length < 3) heard.push(await socket.next())
  const asked = heard.find((frame) => frame[0] === 2)!
  expect(asked.slice(2)).toEqual(['TriggerMessage', { requestedMessage: 'BootNotification' }])
  expect(heard.filter((frame) => frame[0] === 4 && frame[2] === 'SecurityError')).toHaveLength(2)
  socket.send(JSON.stringify([3, asked[1], { status: 'Accepted' }]))
  const booted = await ask('BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' })
  expect(booted[2]).toMatchObject({ status: 'Accepted' })
  expect(await ask('StatusNotification', status)).toEqual([3, 'm', {}])
})

it('one that an operator has accepted is heard at once, and is asked to boot all the same', async () => {
  site = await TestController.start({ config: { onboarding: 'approve' } })
  await site.apply('stations', { stations: [{ stationId: 'CP1', approved: true }] })
  socket = await connectRaw(site.url, 'CP1')
  const heard: unknown[][] = []
  for (const id of ['a', 'b']) socket.send(JSON.stringify([2, id, 'StatusNotification', status]))
  while (heard.length < 3) heard.push(await socket.next())
  expect(heard.filter((frame) => frame[0] === 3)).toEqual([
    [3, 'a', {}],
    [3, 'b', {}],
  ])
  expect(heard.find((frame) => frame[0] === 2)?.slice(2)).toEqual([
    'TriggerMessage',
    { requestedMessage: 'BootNotification' },
  ])
  // Not any more, once it is not accepted.
  await site.apply('stations', { stations: [{ stationId: 'CP1', approved: false }] })
  expect(await socket.closed).toMatchObject({ code: 1008 })
  socket = await connectRaw(site.url, 'CP1')
  socket.send(JSON.stringify([2, 'm', 'StatusNotification', status]))
  let answer = await socket.next()
  while (answer[0] === 2) answer = await socket.next()
  expect(answer.slice(0, 3)).toEqual([4, 'm', 'SecurityError'])
})
