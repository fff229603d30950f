/** What a hostile or broken station sends: an answer in the version's own words or a close with a reason, and nobody else disturbed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { eventually } from './process.ts'
import { boot, type Connected, connect } from './stations.ts'
import { type System, startSystem } from './system.ts'

/** A socket that says what it likes. */
class RawSocket {
  readonly received: unknown[][] = []
  closed: { code: number; reason: string } | undefined
  readonly #socket: WebSocket

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => this.received.push(JSON.parse(data.toString())))
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
    })
    socket.on('error', () => {})
  }

  static async open(url: string, protocol: string, headers: Record<string, string> = {}): Promise<RawSocket> {
    const socket = new WebSocket(url, [protocol], { headers })
    const raw = new RawSocket(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('unexpected-response', (_, response) => reject(new Error(`HTTP ${response.statusCode}`)))
      socket.once('error', reject)
    })
    return raw
  }

  send(text: string): void {
    this.#socket.send(text)
  }

  answerTo(id: string): Promise<unknown[]> {
    return eventually(`an answer to ${id}`, () => this.received.find((f) => f[1] === id))
  }

  /** The answer without its description and details: type, id, and code or payload. */
  async verdictOn(id: string): Promise<unknown[]> {
    return (await this.answerTo(id)).slice(0, 3)
  }

  close(): void {
    this.#socket.close()
  }
}

const BOOT_16 = { chargePointVendor: 'V', chargePointModel: 'M' }

describe('a hostile station', () => {
  let system: System
  let neighbour: Connected
  beforeAll(async () => {
    system = await startSystem({ broker: 'embedded' })
    neighbour = await connect(system.ocppUrl, 'NEIGHBOUR', '1.6')
    await boot(neighbour)
  }, 120_000)
  afterAll(async () => {
    await neighbour?.client.close()
    await system?.stop()
  }, 60_000)

  const neighbourIsWell = async () =>
    expect(await neighbour.client.call('Heartbeat', {})).toHaveProperty('currentTime')

  it.each([
    ['not JSON', '{[', '-1'],
    ['no array', '{"a":1}', '-1'],
    ['an empty array', '[]', '-1'],
    ['no readable id', '[2,null,"Heartbeat",{}]', '-1'],
  ])('gets the format error of 1.6 for %s', async (_, text, id) => {
    const socket = await RawSocket.open(`${system.ocppUrl}/HOSTILE`, 'ocpp1.6')
    socket.send(text)
    expect(await socket.verdictOn(id)).toEqual([4, id, 'FormationViolation'])
    socket.send(JSON.stringify([2, 'after', 'BootNotification', BOOT_16]))
    expect(await socket.answerTo('after')).toMatchObject([3, 'after', { status: 'Accepted' }])
    socket.close()
    await neighbourIsWell()
  })

  it('is not answered on 1.6 for a message type that does not exist, and goes on', async () => {
    const socket = await RawSocket.open(`${system.ocppUrl}/HOSTILE`, 'ocpp1.6')
    socket.send('[9,"x1","Heartbeat",{}]')
    socket.send(JSON.stringify([2, 'after', 'BootNotification', BOOT_16]))
    await socket.answerTo('after')
    expect(socket.received.filter((f) => f[1] === 'x1')).toEqual([])
    socket.close()
  })

  it('gets the format error of 2.0.1 for a malformed frame', async () => {
    const socket = await RawSocket.open(`${system.ocppUrl}/HOSTILE-2`, 'ocpp2.0.1')
    socket.send('[2')
    expect(await socket.verdictOn('-1')).toEqual([4, '-1', 'RpcFrameworkError'])
    socket.close()
  })

  it('is told that an action is not known, and where a payload breaks its schema', async () => {
    const socket = await RawSocket.open(`${system.ocppUrl}/HOSTILE`, 'ocpp1.6')
    socket.send(JSON.stringify([2, 'b', 'BootNotification', BOOT_16]))
    await socket.answerTo('b')
    socket.send(JSON.stringify([2, 'u', 'MakeCoffee', {}]))
    expect(await socket.verdictOn('u')).toEqual([4, 'u', 'NotImplemented'])
    socket.send(
      JSON.stringify([
        2,
        's',
        'StartTransaction',
        { connectorId: 'one', idTag: 'X', meterStart: 1, timestamp: '2026-11-23T15:00:00Z' },
      ]),
    )
    const answer = await socket.answerTo('s')
    expect(answer.slice(0, 3)).toEqual([4, 's', 'TypeConstraintViolation'])
    expect(JSON.stringify(answer)).toContain('connectorId')
    socket.close()
    await neighbourIsWell()
  })

  it('is closed with 1009 for two megabytes of garbage', async () => {
    const socket = await RawSocket.open(`${system.ocppUrl}/HOSTILE`, 'ocpp1.6')
    socket.send('x'.repeat(2 * 1024 * 1024))
    const closed = await eventually('the close', () => socket.closed)
    expect(closed.code).toBe(1009)
    await neighbourIsWell()
  })

  it('has a burst of a thousand messages answered in order while others are served', async () => {
    const socket = await RawSocket.open(`${system.ocppUrl}/HOSTILE`, 'ocpp1.6')
    socket.send(JSON.stringify([2, 'boot', 'BootNotification', BOOT_16]))
    await socket.answerTo('boot')
    for (let i = 0; i < 1_000; i++) socket.send(JSON.stringify([2, `m${i}`, 'Heartbeat', {}]))
    await neighbourIsWell()
    await socket.answerTo('m999')
    const answers = socket.received.filter((f) => f[0] === 3 && String(f[1]).startsWith('m')).map((f) => f[1])
    expect(answers).toEqual(Array.from({ length: 1_000 }, (_, i) => `m${i}`))
    socket.close()
  })

  it('is turned away with 401 for a wrong password, and let in with the right one', async () => {
    await system.api.post('/api/v1/stations', {
      stationId: 'LOCKED',
      siteId: system.siteId,
      approved: true,
      password: 'correct-horse',
    })
    const header = (password: string) => ({
      authorization: `Basic ${Buffer.from(`LOCKED:${password}`).toString('base64')}`,
    })
    const tries = (headers: Record<string, string>) =>
      RawSocket.open(`${system.ocppUrl}/LOCKED`, 'ocpp1.6', headers).then(
        (s) => {
          s.close()
          return 'open'
        },
        (e: Error) => e.message,
      )
    await eventually('the password to be asked for', async () => (await tries({})) === 'HTTP 401')
    expect(await tries(header('wrong-horse'))).toBe('HTTP 401')
    expect(await tries(header('correct-horse'))).toBe('open')
    await neighbourIsWell()
  })

  it('is heard in its own words once an operator says so of its model, on the same connection, and no more once that is taken back', async () => {
    const socket = await RawSocket.open(`${system.ocppUrl}/IN-LOWER-CASE`, 'ocpp1.6')
    const boot = { chargePointVendor: 'Lower', chargePointModel: 'Case' }
    socket.send(JSON.stringify([2, 'boot', 'BootNotification', boot]))
    await socket.answerTo('boot')
    let n = 0
    const verdict = async () => {
      const id = `status-${n++}`
      const status = { connectorId: 1, errorCode: 'noError', status: 'available' }
      socket.send(JSON.stringify([2, id, 'StatusNotification', status]))
      return (await socket.verdictOn(id))[0]
    }
    const quirks = async () =>
      (await system.api.get<{ quirks: object[] }>('/api/v1/stations/IN-LOWER-CASE')).quirks
    const say = (method: string, path: string, more: object) =>
      system.api.request(method, `/api/v1/${path}`, more)
    expect(await verdict()).toBe(4)
    await say('PUT', 'settings-profiles', {
      vendor: boot.chargePointVendor,
      model: boot.chargePointModel,
      desired: [],
      assignedQuirks: { 'words-in-any-case': true },
    })
    await eventually('the quirk at the site', async () => (await verdict()) === 3)
    expect(await quirks()).toMatchObject([{ name: 'words-in-any-case', source: 'model' }])
    await say('PATCH', 'stations/IN-LOWER-CASE', { assignedQuirks: { 'words-in-any-case': false } })
    expect(await quirks()).toEqual([])
    await eventually('no quirk at the site', async () => (await verdict()) === 4)
    socket.close()
    await neighbourIsWell()
  })

  it('gets a handshake without a subprotocol where none is spoken by both, which ends its connection', async () => {
    const opened = RawSocket.open(`${system.ocppUrl}/HOSTILE`, 'ocpp0.9')
    await expect(opened).rejects.toThrow('Server sent no subprotocol')
    await neighbourIsWell()
  })
})
