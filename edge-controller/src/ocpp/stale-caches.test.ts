/** Authorization caches of stations after tokens were withdrawn, over real sockets. */
import { createHash } from 'node:crypto'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Token } from '@switchyard/protocol/site/buckets.ts'
import { afterEach, expect, it } from 'vitest'
import { SWEEP_INTERVAL_MS } from '../session/sweep.ts'
import { Documents } from '../sync/documents.ts'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'
import { CLEAR_INTERVAL_MS, MAX_AT_ONCE, StaleCaches } from './stale-caches.ts'

type Protocol = 'ocpp1.6' | 'ocpp2.0.1'
const A: Token = { idToken: 'A', type: 'ISO14443', status: 'Accepted' }
const B: Token = { idToken: 'B', type: 'ISO14443', status: 'Accepted', expiresAt: '2027-01-01T00:00:00Z' }

let site: TestController
let station: ChargePoint
let documents: Documents
let version = 0
let cleared: number
let answer: string
/** What the station tells of its cache; undefined: it has no such setting. */
let enabled: string | undefined

afterEach(async () => {
  await station.close()
  await site.stop()
})

/** The tokens document as the cloud sends it. */
async function tokens(...held: Token[]) {
  const body = JSON.stringify({ tokens: held })
  await documents.take({
    ...{ journalId: 'test-journal', nonce: 'n', epoch: 1, name: 'tokens' },
    ...{ version: { generation: 'g', n: ++version }, chunk: { index: 0, of: 1 }, body },
    sha256: createHash('sha256').update(body).digest('hex'),
  } as never)
}

async function come(protocol: Protocol) {
  station = await connect(site.url, 'CP1', protocol)
  station.handle('GetConfiguration', ({ key }) => {
    const known = (key as string[]).filter(
      (it) => it === 'AuthorizationCacheEnabled' && enabled !== undefined,
    )
    return {
      configurationKey: known.map((it) => ({ key: it, readonly: false, value: enabled })),
      unknownKey: (key as string[]).filter((it) => !known.includes(it)),
    }
  })
  station.handle('GetVariables', ({ getVariableData }) => ({
    getVariableResult: (getVariableData as JsonObject[]).map(({ component, variable }) =>
      (variable as JsonObject).name === 'Enabled' && enabled !== undefined
        ? { component, variable, attributeStatus: 'Accepted', attributeValue: enabled }
        : { component, variable, attributeStatus: 'UnknownVariable' },
    ),
  }))
  station.handle('ClearCache', () => {
    cleared++
    return { status: answer }
  })
  await station.call(
    'BootNotification',
    protocol === 'ocpp1.6'
      ? { chargePointVendor: 'V', chargePointModel: 'M' }
      : { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } },
  )
}
async function open(protocol: Protocol, baseline = true) {
  ;[cleared, answer, enabled] = [0, 'Accepted', 'true']
  site = await TestController.start({ config: { baseline } })
  newDocuments()
  await tokens(A, B)
  await come(protocol)
}
function newDocuments() {
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  documents = new Documents({ siteId: 'S', state: site.state, log, disagree: () => {} })
}
/** Sweeps, and lets what begins come to its end. */
async function pass(ms = SWEEP_INTERVAL_MS) {
  site.clock.advance(ms)
  // In pieces: a machine that stands still for a while leaves time for what has come meanwhile.
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setTimeout(resolve, 10))
}
const told = async () => (await site.factsOf('station.cache-cleared')).map((it) => it.data)

it.each(['ocpp1.6', 'ocpp2.0.1'] as const)(
  '%s: is emptied once after a token was blocked, removed or cut short, and not after one was added',
  async (protocol) => {
    await open(protocol)
    await pass()
    await tokens(A, B, { ...A, idToken: 'C' })
    await pass()
    expect(cleared).toBe(0)
    await tokens(A, B)
    await pass()
    await site.until(async () => (await told()).length === 1)
    expect(await told()).toEqual([{ outcome: 'cleared' }])
    await pass(2 * CLEAR_INTERVAL_MS)
    expect(cleared).toBe(1)
    await tokens({ ...A, status: 'Blocked' }, B)
    await pass()
    await site.until(async () => (await told()).length === 2)
    // Several within the interval are one.
    await tokens({ ...A, status: 'Blocked' }, { ...B, expiresAt: '2026-12-01T00:00:00Z' })
    await tokens({ ...A, status: 'Blocked' })
    await pass()
    expect(cleared).toBe(2)
    await pass(CLEAR_INTERVAL_MS)
    await site.until(async () => (await told()).length === 3)
    await pass(2 * CLEAR_INTERVAL_MS)
    expect(cleared).toBe(3)
  },
)

it('is emptied when a station comes back that was away when the token was blocked, also over a restart of the site', async () => {
  await open('ocpp1.6')
  await pass()
  await station.close()
  await tokens({ ...A, status: 'Blocked' }, B)
  await site.restart()
  newDocuments()
  await pass()
  expect(cleared).toBe(0)
  await come('ocpp1.6')
  await pass()
  await site.until(async () => (await told()).length === 1)
})

it('is left alone where it is off, where there is none, and where the site does not set its stations up', async () => {
  await open('ocpp2.0.1')
  for (enabled of ['false', undefined]) {
    await tokens(A, B)
    await tokens(B)
    await pass(CLEAR_INTERVAL_MS)
    await pass()
  }
  enabled = 'true'
  await pass(CLEAR_INTERVAL_MS)
  expect(cleared).toBe(0)
  await station.close()
  await site.stop()
  await open('ocpp1.6', false)
  await tokens(B)
  await pass()
  expect(cleared).toBe(0)
})

it('is told as not emptied where the station says no, and asked for again where it says nothing', async () => {
  await open('ocpp1.6')
  answer = 'Rejected'
  await tokens(B)
  await pass()
  await site.until(async () => (await told()).length === 1)
  expect(await told()).toEqual([{ outcome: 'failed', reason: 'Rejected' }])
  await pass(2 * CLEAR_INTERVAL_MS)
  expect(cleared).toBe(1)

  let late: (reply: object) => void = () => {}
  station.handle('ClearCache', () => new Promise<object>((resolve) => (late = resolve)))
  await tokens()
  await pass()
  await pass(60_000)
  station.handle('ClearCache', () => {
    cleared++
    return { status: 'Accepted' }
  })
  await pass(CLEAR_INTERVAL_MS)
  await pass()
  await site.until(async () => (await told()).length === 2)
  expect(cleared).toBe(2)
  late({ status: 'Accepted' })
})

it('stations that answer nothing do not keep the others from their turn', async () => {
  await open('ocpp1.6')
  await tokens(B)
  const asked: string[] = []
  let giveUp: (() => void)[] = []
  const { state, clock } = site
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const caches = new StaleCaches({
    ...{ state, clock, log, hasBaseline: () => true },
    execute: ({ stationId }) => {
      asked.push(stationId)
      return new Promise((resolve) => giveUp.push(() => resolve({ status: 'unknown' })))
    },
  })
  const ids = Array.from({ length: MAX_AT_ONCE + 1 }, (_, i) => `S${i}`)
  const sweep = async () => {
    for (const id of ids) caches.clear(id)
    await new Promise(setImmediate)
  }
  await sweep()
  expect(asked).toEqual(ids.slice(0, MAX_AT_ONCE))
  clock.advance(CLEAR_INTERVAL_MS)
  for (const end of giveUp) end()
  giveUp = []
  await new Promise(setImmediate)
  await sweep()
  expect(asked.at(-1)).toBe(ids.at(-1))
})
