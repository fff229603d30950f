import { once } from 'node:events'
import { get } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { hashPassword } from '../station/password.ts'
import { connect, connectRaw, refusal } from '../testing/charge-point.ts'
import { TestController, type TestControllerOptions } from '../testing/test-controller.ts'
import { INBOX_MAX } from './connection.ts'
import { MAX_FRAME_BYTES } from './server.ts'

const BOOT = { chargePointVendor: 'Example Power', chargePointModel: 'EP-22' }
const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})
const noProtocols = ['ocpp1.6']

let site: TestController
afterEach(() => site.stop())
const open = async (options: TestControllerOptions = {}) => {
  site = await TestController.start(options)
}

describe('the handshake', () => {
  it('takes the first subprotocol of the station that is spoken here', async () => {
    await open()
    const chosen = async (protocols: string[]) => {
      const socket = await connectRaw(site.url, 'CP1', protocols)
      socket.close()
      return socket.ws.protocol
    }
    expect(await chosen(['ocpp2.0.1', 'ocpp1.6'])).toBe('ocpp2.0.1')
    expect(await chosen(['ocpp1.6', 'ocpp2.0.1'])).toBe('ocpp1.6')
    expect(await chosen(['ocpp9', 'ocpp1.6'])).toBe('ocpp1.6')
  })

  it('completes the handshake of a station without a common subprotocol, without one, and closes with what is spoken', async () => {
    await open()
    for (const offered of ['ocpp1.5', undefined]) {
      const request = get(`${site.url.replace('ws:', 'http:')}CP1`, {
        headers: {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': Buffer.alloc(16).toString('base64'),
          ...(offered === undefined ? {} : { 'sec-websocket-protocol': offered }),
        },
      })
      const [response, socket, head] = await once(request, 'upgrade')
      expect(response.statusCode).toBe(101)
      expect(response.headers['sec-websocket-protocol']).toBeUndefined()
      const frame: Buffer = head.length > 0 ? head : (await once(socket, 'data'))[0]
      socket.destroy()
      // A close frame, unmasked: opcode, length, code, reason.
      expect([frame[0], frame.readUInt16BE(2)]).toEqual([0x88, 1002])
      expect(frame.subarray(4).toString()).toContain('ocpp1.6, ocpp2.0.1')
    }
  })

  it('refuses identities that no station can have, and paths that are none', async () => {
    await open()
    for (const path of [
      '',
      '..',
      '%2e',
      'a%2Fb',
      'CP%F0%9F%98%80',
      'CP%C3%A9',
      'a/b',
      '%00',
      '%zz',
      'x'.repeat(49),
    ])
      expect(await refusal(site.url, path, noProtocols)).toMatchObject({ status: 404 })
  })

  it('bears a slash too many, as stations put it between the address and the identity', async () => {
    await open()
    const socket = await connectRaw(site.url, '/CP1/')
    await site.until(async () => (await site.factsOf('station.connected'))[0]?.stationId === 'CP1')
    socket.close()
  })

  it('decodes the identity', async () => {
    await open()
    const socket = await connectRaw(site.url, 'CP%201%3A2')
    expect(site.controller.live).toBeDefined()
    await site.until(async () => (await site.factsOf('station.connected'))[0]?.stationId === 'CP 1:2')
    socket.close()
  })

  it('asks a station for its password when it has one', async () => {
    await open()
    const passwordHash = await hashPassword('s3cret %', Buffer.alloc(16, 7))
    const entry = { stationId: 'CP 1', approved: true, passwordHash }
    await site.apply('stations', { stations: [entry] })
    expect(await refusal(site.url, 'CP%201', noProtocols)).toMatchObject({ status: 401 })
    expect(await refusal(site.url, 'CP%201', noProtocols, basic('CP 1', 'wrong'))).toEqual({
      status: 401,
      reason: 'wrong password',
    })
    expect(await refusal(site.url, 'CP%201', noProtocols, basic('CP 2', 's3cret %'))).toMatchObject({
      status: 401,
    })
    expect(await refusal(site.url, 'CP%201', noProtocols, { authorization: 'Bearer x' })).toMatchObject({
      status: 401,
    })
    // As it is, and url-encoded as some stations send it.
    for (const headers of [basic('CP 1', 's3cret %'), basic('CP%201', 's3cret%20%25')])
      (await connectRaw(site.url, 'CP%201', noProtocols, headers)).close()
    expect(site.warnings.some(({ message }) => message === 'connection refused')).toBe(true)
  })

  it('knows nobody new when onboarding is closed', async () => {
    await open({ config: { onboarding: 'closed' } })
    await site.apply('stations', { stations: [{ stationId: 'KNOWN', approved: true }] })
    expect(await refusal(site.url, 'NEW', noProtocols)).toMatchObject({ status: 404 })
    const station = await connect(site.url, 'KNOWN')
    expect(await station.call('BootNotification', BOOT)).toMatchObject({ status: 'Accepted' })
    await station.close()
  })

  it('bounds the connections', async () => {
    await open({ maxConnections: 2 })
    const first = await connectRaw(site.url, 'CP1')
    const second = await connectRaw(site.url, 'CP2')
    expect(await refusal(site.url, 'CP3', noProtocols)).toMatchObject({ status: 503 })
    first.close()
    await first.closed
    const third = await site.until(() => connectRaw(site.url, 'CP3').catch(() => undefined))
    second.close()
    third.close()
  })
})

/** Id and code of a CALLERROR. */
const refused = ([type, id, code]: unknown[]) => type === 4 && [id, code]

describe('what a station may send', () => {
  it('malformed frames get the error of the version, and the connection lives', async () => {
    await open()
    const v16 = await connectRaw(site.url, 'CP16')
    for (const text of ['{', '[]', '{"a":1}', 'null', '[2,7,"Heartbeat",{}]']) v16.send(text)
    for (let i = 0; i < 5; i++) expect(refused(await v16.next())).toEqual(['-1', 'FormationViolation'])
    v16.send('[2,"m","Heartbeat"]')
    expect(refused(await v16.next())).toEqual(['m', 'FormationViolation'])
    v16.send(JSON.stringify([2, 'b', 'BootNotification', BOOT]))
    expect(await v16.next()).toMatchObject([3, 'b', { status: 'Accepted' }])
    v16.close()

    const v201 = await connectRaw(site.url, 'CS201', ['ocpp2.0.1'])
    v201.send('not json')
    expect(refused(await v201.next())).toEqual(['-1', 'RpcFrameworkError'])
    v201.send('[9,"m",{}]')
    expect(refused(await v201.next())).toEqual(['m', 'MessageTypeNotSupported'])
    v201.close()
  })

  it('unknown actions, broken payloads and early messages get the codes of the version', async () => {
    await open()
    const v16 = await connectRaw(site.url, 'CP16')
    const ask = async (action: string, payload: unknown) => {
      v16.send(JSON.stringify([2, 'x', action, payload]))
      let frame = await v16.next()
      // A station that speaks before it has booted is asked to boot.
      while (frame[0] === 2) frame = await v16.next()
      return frame
    }
    expect(refused(await ask('Heartbeat', {}))).toEqual(['x', 'SecurityError'])
    await ask('BootNotification', BOOT)
    expect(refused(await ask('Teleport', {}))).toEqual(['x', 'NotImplemented'])
    expect(refused(await ask('constructor', {}))).toEqual(['x', 'NotImplemented'])
    expect(refused(await ask('Reset', { type: 'Hard' }))).toEqual(['x', 'NotSupported'])
    const broken = { connectorId: '1', errorCode: 'NoError', status: 'Available' }
    const [, , code, description] = await ask('StatusNotification', broken)
    expect(code).toBe('TypeConstraintViolation')
    expect(description).toContain('/connectorId')
    expect(refused(await ask('Authorize', {}))).toEqual(['x', 'OccurenceConstraintViolation'])
    expect(refused(await ask('Authorize', { idTag: 'x'.repeat(21) }))).toEqual([
      'x',
      'PropertyConstraintViolation',
    ])
    const odd = { connectorId: 1, errorCode: 'NoError', status: 'Odd' }
    expect(refused(await ask('StatusNotification', odd))).toEqual(['x', 'PropertyConstraintViolation'])
    v16.close()
  })

  it('2 MB of garbage closes its socket with 1009 and disturbs no other', async () => {
    await open()
    const other = await connect(site.url, 'OTHER')
    await other.call('BootNotification', BOOT)
    const socket = await connectRaw(site.url, 'CP1')
    socket.send('x'.repeat(2 * 1024 * 1024))
    expect((await socket.closed).code).toBe(1009)
    expect(await other.call('Heartbeat', {})).toHaveProperty('currentTime')
    await site.until(async () => (await site.factsOf('station.disconnected'))[0]?.data.code === 1009)
    await other.close()
  })

  it('a frame just under the bound is read', async () => {
    await open()
    const socket = await connectRaw(site.url, 'CP1')
    socket.send(`[2,"m","Heartbeat",{"a":"${'x'.repeat(MAX_FRAME_BYTES - 40)}"}]`)
    expect(refused(await socket.next())).toEqual(['m', 'FormationViolation'])
    socket.close()
  })

  it('1,000 messages in one burst are all answered, in order', async () => {
    await open()
    const socket = await connectRaw(site.url, 'CP1')
    socket.send(JSON.stringify([2, 'boot', 'BootNotification', BOOT]))
    await socket.next()
    const other = await connect(site.url, 'OTHER')
    await other.call('BootNotification', BOOT)
    const count = 1_000
    expect(count).toBeGreaterThan(10 * INBOX_MAX)
    for (let i = 0; i < count; i++) {
      const status = { connectorId: 1, errorCode: 'NoError', status: 'Available', info: `${i}` }
      socket.send(JSON.stringify([2, `${i}`, 'StatusNotification', status]))
    }
    const heartbeat = other.call('Heartbeat', {})
    for (let i = 0; i < count; i++) expect(await socket.next()).toEqual([3, `${i}`, {}])
    expect(await heartbeat).toHaveProperty('currentTime')
    expect(await site.factsOf('connector.status')).toHaveLength(count)
    socket.close()
    await other.close()
  })
})

describe('a connection', () => {
  it('is replaced by a newer one, and the close of the older is no disconnect', async () => {
    await open()
    const first = await connectRaw(site.url, 'CP1')
    first.send(JSON.stringify([2, 'boot', 'BootNotification', BOOT]))
    await first.next()
    const second = await connectRaw(site.url, 'CP1')
    expect(await first.closed).toEqual({ code: 1000, reason: 'replaced by a newer connection' })
    // It goes on without a boot.
    second.send('[2,"h","Heartbeat",{}]')
    expect(await second.next()).toMatchObject([3, 'h', { currentTime: expect.any(String) }])
    expect(await site.factsOf('station.disconnected')).toHaveLength(0)
    expect(site.controller.live()).toMatchObject([{ stationId: 'CP1', connected: true }])
    second.cut()
    const gone = await site.until(async () => (await site.factsOf('station.disconnected'))[0])
    expect(gone.data.code).toBe(1006)
    expect(await site.factsOf('station.connected')).toHaveLength(2)
  })

  it('that cannot be authenticated replaces none', async () => {
    await open()
    const passwordHash = await hashPassword('good', Buffer.alloc(16, 1))
    await site.apply('stations', { stations: [{ stationId: 'CP1', approved: true, passwordHash }] })
    const station = await connect(site.url, 'CP1', 'ocpp1.6', { password: 'good' })
    await station.call('BootNotification', BOOT)
    expect(await refusal(site.url, 'CP1', noProtocols, basic('CP1', 'bad'))).toMatchObject({ status: 401 })
    expect(await station.call('Heartbeat', {})).toHaveProperty('currentTime')
    await station.close()
  })

  it('that is silent for long is closed, one that answers pings is not', async () => {
    await open({ config: { pingIntervalMs: 10_000 } })
    const socket = await connectRaw(site.url, 'CP1')
    const pinged = () => new Promise((resolve) => socket.ws.once('ping', resolve))
    for (let i = 0; i < 5; i++) {
      const ping = pinged()
      site.clock.advance(10_000)
      await ping
      socket.send('[2,"m","Heartbeat",{}]')
      await socket.next()
    }
    expect(site.controller.live()[0]?.connected).toBe(true)
    site.clock.advance(30_000)
    expect((await socket.closed).code).toBe(1001)
    expect(site.controller.live()[0]?.connected).toBe(false)
  })

  it('answers the same message again as it did the first time', async () => {
    await open()
    const socket = await connectRaw(site.url, 'CP1')
    socket.send(JSON.stringify([2, 'boot', 'BootNotification', BOOT]))
    await socket.next()
    const start = JSON.stringify([
      2,
      's',
      'StartTransaction',
      { connectorId: 1, idTag: 'T', meterStart: 0, timestamp: '2026-11-23T12:00:00Z' },
    ])
    socket.send(start)
    socket.send(start)
    const first = await socket.next()
    expect(first).toMatchObject([3, 's', { transactionId: expect.any(Number) }])
    expect(await socket.next()).toEqual(first)
    expect(await site.factsOf('session.started')).toHaveLength(1)
    socket.close()
  })
})

describe('onboarding by approval', () => {
  it('boots as Pending, and is accepted as soon as the stations document says so', async () => {
    await open({ config: { onboarding: 'approve' } })
    const station = await connect(site.url, 'CP1')
    const triggered = new Promise((resolve) =>
      station.handle('TriggerMessage', (payload) => {
        resolve(payload)
        return { status: 'Accepted' }
      }),
    )
    expect(await station.call('BootNotification', BOOT)).toMatchObject({ status: 'Pending', interval: 30 })
    await expect(station.call('Heartbeat', {})).rejects.toMatchObject({ rpcErrorCode: 'SecurityError' })
    expect((await site.factsOf('station.registered'))[0]?.data).toEqual({
      onboarding: 'approve',
      approved: false,
    })

    await site.apply('stations', { stations: [{ stationId: 'CP1', approved: true }] })
    expect(await triggered).toEqual({ requestedMessage: 'BootNotification' })
    expect(await station.call('BootNotification', BOOT)).toMatchObject({ status: 'Accepted' })

    const closed = new Promise<number>((resolve) => station.onClose(resolve))
    await site.apply('stations', { stations: [{ stationId: 'CP1', approved: false }] })
    expect(await closed).toBe(1008)
  })

  it('a changed password closes the connection that was opened with the old one', async () => {
    await open()
    const station = await connect(site.url, 'CP1')
    await station.call('BootNotification', BOOT)
    const closed = new Promise<number>((resolve) => station.onClose(resolve))
    const passwordHash = await hashPassword('new', Buffer.alloc(16, 2))
    await site.apply('stations', { stations: [{ stationId: 'CP1', approved: true, passwordHash }] })
    expect(await closed).toBe(1008)
  })
})
