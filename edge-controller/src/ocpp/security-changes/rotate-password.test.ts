/** A station's next password over real sockets: what it came with is taken until a connection has proved the new one, whatever happens in between. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommandResult } from '../../execute.ts'
import { hashPassword } from '../../station/password.ts'
import { type ChargePoint, connect, refusal } from '../../testing/charge-point.ts'
import { TestController } from '../../testing/test-controller.ts'

const [OLD, NEW] = ['the-one-before-0', '0123456789ABCDEF0123456789ABCDEF01234567']
const BOOT = {
  'ocpp1.6': { chargePointVendor: 'V', chargePointModel: 'M' },
  'ocpp2.0.1': { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } },
}
type Protocol = keyof typeof BOOT

let site: TestController
let station: ChargePoint | undefined
let protocol: Protocol
let before: string
let after: string
/** What the station is set to; `resets` are those it was asked for. */
let box: { set: string | undefined; resets: number; answer: string }

beforeEach(async () => {
  protocol = 'ocpp1.6'
  box = { set: undefined, resets: 0, answer: 'Accepted' }
  site = await TestController.start()
  ;[before, after] = (await Promise.all(
    [OLD, NEW].map((it, i) => hashPassword(it, new Uint8Array(16).fill(i))),
  )) as [string, string]
})
afterEach(async () => {
  await station?.close().catch(() => {})
  await site.stop()
})

const rotating = (more: object = { passwordHash: before }) =>
  site.apply('stations', {
    stations: [{ stationId: 'CP1', approved: true, ...more, next: { id: 'r1', passwordHash: after } }],
  })

async function comeWith(password: string | undefined): Promise<void> {
  station = await connect(site.url, 'CP1', protocol, password === undefined ? {} : { password })
  station.handle('ChangeConfiguration', ({ key, value }) => {
    expect(key).toBe('AuthorizationKey')
    if (box.answer !== 'Rejected') box.set = value as string
    return { status: box.answer }
  })
  station.handle('SetVariables', (payload) => {
    const [{ component, variable, attributeValue }] = payload.setVariableData as never as [
      { component: { name: string }; variable: { name: string }; attributeValue: string },
    ]
    expect([component.name, variable.name]).toEqual(['SecurityCtrlr', 'BasicAuthPassword'])
    if (box.answer !== 'Rejected') box.set = attributeValue
    return { setVariableResult: [{ component, variable, attributeStatus: box.answer }] }
  })
  station.handle('Reset', () => {
    box.resets += 1
    return { status: 'Accepted' }
  })
  await station.call('BootNotification', BOOT[protocol])
}

function rotate(remainingMs = 3_600_000, more: JsonObject = {}, id = 'r1'): Promise<CommandResult> {
  const [issuedAt, expiresAt] = ['2026-11-23T12:00:00Z', '2026-11-23T13:00:00Z']
  const args: JsonObject = { password: NEW, ...more }
  return site.controller.execute(
    { id, stationId: 'CP1', kind: 'RotatePassword', args, issuedAt, expiresAt },
    remainingMs,
  )
}
/** The clock goes on until that has come. */
async function within<T>(what: Promise<T> | (() => unknown)): Promise<T> {
  let done = false
  const result = typeof what === 'function' ? undefined : what.finally(() => (done = true))
  for (let turns = 0; turns < 8_000; turns++) {
    if (typeof what === 'function' ? what() : done) return result as Promise<T>
    site.clock.advance(1_000)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  throw new Error('what was waited for did not come')
}
const isTaken = async (password: string) => {
  const basic = `Basic ${Buffer.from(`CP1:${password}`).toString('base64')}`
  const refused = await refusal(site.url, 'CP1', [protocol], { authorization: basic }).catch(() => undefined)
  return refused === undefined
}
const away = () => site.until(() => !site.controller.live().find((it) => it.stationId === 'CP1')?.connected)
const proved = { status: 'accepted', reply: { status: 'Accepted', proved: true } }

describe.each(['ocpp1.6', 'ocpp2.0.1'] as const)('%s', (version) => {
  beforeEach(async () => {
    protocol = version
    await rotating()
    await comeWith(OLD)
  })

  it('a station that comes back with the new password has proved it, and the one before is taken no more', async () => {
    const result = rotate()
    await site.until(() => box.set === NEW)
    await station!.close()
    await comeWith(NEW)
    expect(await within(result)).toEqual(proved)
    expect([await isTaken(OLD), await isTaken(NEW)]).toEqual([false, true])
    expect(JSON.stringify([await site.facts(), site.warnings])).not.toContain(NEW)
    // Begun again, as after a restart, it has nothing left to do.
    box.set = undefined
    expect([await within(rotate()), box.set]).toEqual([proved, undefined])
  })

  it('a station that refuses it keeps what it has, and the new one is taken no more', async () => {
    box.answer = 'Rejected'
    expect((await within(rotate())).status).toBe('rejected')
    expect([await isTaken(OLD), await isTaken(NEW)]).toEqual([true, false])
    expect(await site.factsOf('station.password-given-up')).toMatchObject([{ data: { rotation: 'r1' } }])
  })

  it('one that stays is disconnected, then reset, and has it proved when it comes back after that', async () => {
    const result = rotate()
    await site.until(() => box.set === NEW)
    await within(() => site.controller.live()[0]?.connected === false)
    expect(box.resets).toBe(0)
    await comeWith(OLD)
    await within(() => box.resets === 1)
    await station!.close()
    await away()
    await comeWith(NEW)
    expect(await within(result)).toEqual(proved)
  })

  it('one that never comes with the new one is never locked out: both are taken', async () => {
    const result = rotate(600_000)
    await site.until(() => box.set === NEW)
    await within(() => site.controller.live()[0]?.connected === false)
    expect(await within(result)).toMatchObject({ status: 'failed', error: { code: 'NotProved' } })
    expect([await isTaken(OLD), await isTaken(NEW)]).toEqual([true, true])
  })

  it.each([
    ['is away until its time is over', 'expired'],
    ['says no', 'rejected'],
  ])(
    'one that had it before a restart of the controller, and then %s, is never locked out',
    async (_, status) => {
      void rotate()
      await site.until(() => box.set === NEW)
      await site.restart()
      const again = rotate(60_000)
      box.answer = 'Rejected'
      if (status === 'rejected') await comeWith(OLD)
      expect((await within(again)).status).toBe(status)
      expect([await isTaken(OLD), await isTaken(NEW)]).toEqual([true, true])
      await comeWith(NEW)
      expect(await isTaken(OLD)).toBe(false)
    },
  )

  it('a controller that restarts in the middle takes both, and goes on', async () => {
    void rotate()
    await site.until(() => box.set === NEW)
    await site.restart()
    await comeWith(NEW)
    expect(await within(rotate())).toEqual(proved)
    expect(await isTaken(OLD)).toBe(false)
  })
})

it('while a session runs no reset is sent', async () => {
  await rotating()
  await comeWith(OLD)
  box.answer = 'RebootRequired'
  const start = { connectorId: 1, idTag: 'T', meterStart: 0, timestamp: '2026-11-23T12:00:00Z' }
  const { transactionId } = await station!.call('StartTransaction', start)
  const result = rotate()
  await site.until(() => box.set === NEW)
  await station!.call('Heartbeat', {})
  for (let i = 0; i < 300; i++) site.clock.advance(1_000)
  await station!.call('Heartbeat', {})
  expect(box.resets).toBe(0)
  await station!.call('StopTransaction', { transactionId, meterStop: 10, timestamp: '2026-11-23T12:05:00Z' })
  await within(() => box.resets === 1)
  await station!.close()
  await away()
  await comeWith(NEW)
  expect(await within(result)).toEqual(proved)
})

it('with `whileCharging: false` it is not sent while a session runs, and the station is not disconnected in one', async () => {
  const sparing = { whileCharging: false }
  await rotating()
  await comeWith(OLD)
  const start = { connectorId: 1, idTag: 'T', meterStart: 0, timestamp: '2026-11-23T12:00:00Z' }
  const stop = { meterStop: 10, timestamp: '2026-11-23T12:05:00Z' }
  const first = await station!.call('StartTransaction', start)
  const refused = await within(rotate(3_600_000, sparing))
  expect(refused).toMatchObject({ status: 'failed', error: { code: 'Charging' } })
  expect([box.set, await isTaken(NEW)]).toEqual([undefined, false])
  await station!.call('StopTransaction', { transactionId: first.transactionId, ...stop })

  const next = { id: 'r2', passwordHash: after }
  await site.apply('stations', {
    stations: [{ stationId: 'CP1', approved: true, passwordHash: before, next }],
  })
  const result = rotate(3_600_000, sparing, 'r2')
  await site.until(() => box.set === NEW)
  const again = { ...start, timestamp: '2026-11-23T12:10:00Z' }
  const { transactionId } = await station!.call('StartTransaction', again)
  for (let i = 0; i < 10; i++) {
    for (let s = 0; s < 30; s++) site.clock.advance(1_000)
    await station!.call('Heartbeat', {})
  }
  await station!.call('StopTransaction', { transactionId, ...stop, timestamp: '2026-11-23T12:20:00Z' })
  await within(() => site.controller.live()[0]?.connected === false)
  await comeWith(NEW)
  expect(await within(result)).toEqual(proved)
})

it('the first password of a station is not asked for before it was used', async () => {
  await rotating({})
  await comeWith(undefined)
  // A station of profile 0 shows it with its next profile.
  expect(await within(rotate())).toEqual({ status: 'accepted', reply: { status: 'Accepted', proved: false } })
  await station!.close()
  await comeWith('something-else-entirely')
  await station!.close()
  await comeWith(NEW)
  expect((await site.factsOf('station.connected')).map((it) => it.data.securityProfile)).toEqual([0, 0, 1])
  const { status } = await refusal(site.url, 'CP1', ['ocpp1.6'])
  expect(status).toBe(401)
})

it('a key of 40 hex digits is also what it stands for: 20 bytes', async () => {
  await site.apply('stations', { stations: [{ stationId: 'CP1', approved: true, passwordHash: after }] })
  const bytes = Buffer.concat([Buffer.from('CP1:'), Buffer.from(NEW, 'hex')])
  const headers = { authorization: `Basic ${bytes.toString('base64')}` }
  await expect(refusal(site.url, 'CP1', ['ocpp1.6'], headers)).rejects.toThrow('was accepted')
  bytes[10]! ^= 1
  const wrong = { authorization: `Basic ${bytes.toString('base64')}` }
  expect((await refusal(site.url, 'CP1', ['ocpp1.6'], wrong)).status).toBe(401)
})

it('nothing is sent before the site knows the password by its hash, nor where a password proves nothing', async () => {
  await site.apply('stations', { stations: [{ stationId: 'CP1', approved: true, passwordHash: before }] })
  await comeWith(OLD)
  expect(await within(rotate())).toMatchObject({ status: 'failed', error: { code: 'NotTheNextPassword' } })
  expect(box.set).toBeUndefined()
})

it('what an earlier rotation may have left at the station is taken until the next is proved', async () => {
  const earlier = await hashPassword('of-an-earlier-try', new Uint8Array(16).fill(7))
  await rotating({ passwordHash: before, earlier: [earlier] })
  expect(await isTaken('of-an-earlier-try')).toBe(true)
  await comeWith(NEW)
  expect(await isTaken('of-an-earlier-try')).toBe(false)
})
