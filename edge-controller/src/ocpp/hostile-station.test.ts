/** A station that sends anything in the shape of a message: each call is answered, and no fact is journalled that could not be read. */
import { hostileText } from '@switchyard/protocol/site/testing/hostile.ts'
import fc from 'fast-check'
import { afterEach, expect, it } from 'vitest'
import { connectRaw, type RawSocket } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'

let test: TestController | undefined
let station: RawSocket | undefined
afterEach(async () => {
  station?.close()
  await test?.stop()
})

const AT = '2026-11-23T12:00:00.000Z'
/** Stands for a value that is drawn. */
const ANY = '?'
const V16: [string, object][] = [
  [
    'StatusNotification',
    {
      connectorId: ANY,
      errorCode: 'NoError',
      status: 'Charging',
      info: ANY,
      timestamp: ANY,
      vendorId: ANY,
      vendorErrorCode: ANY,
    },
  ],
  [
    'StatusNotification',
    { connectorId: 1, errorCode: 'NoError', status: 'Charging', timestamp: ANY, info: ANY },
  ],
  ['Authorize', { idTag: ANY }],
  ['StartTransaction', { connectorId: 1, idTag: ANY, meterStart: ANY, timestamp: ANY }],
  ['StartTransaction', { connectorId: ANY, idTag: 'T', meterStart: 0, timestamp: AT, reservationId: ANY }],
  [
    'MeterValues',
    { connectorId: 1, meterValue: [{ timestamp: ANY, sampledValue: [{ value: ANY, unit: 'Wh' }] }] },
  ],
  [
    'MeterValues',
    {
      connectorId: 1,
      meterValue: [
        {
          timestamp: AT,
          sampledValue: [
            { value: ANY, measurand: 'Power.Active.Import' },
            { value: ANY, measurand: 'Current.Import', phase: 'L1' },
            { value: ANY, measurand: 'SoC' },
          ],
        },
      ],
    },
  ],
  ['StopTransaction', { transactionId: ANY, meterStop: ANY, timestamp: AT, idTag: ANY, reason: 'Local' }],
  [
    'StopTransaction',
    {
      transactionId: 1,
      meterStop: ANY,
      timestamp: ANY,
      transactionData: [{ timestamp: AT, sampledValue: [{ value: ANY }] }],
    },
  ],
  ['DataTransfer', { vendorId: ANY, messageId: ANY, data: ANY }],
  [
    'BootNotification',
    { chargePointVendor: ANY, chargePointModel: ANY, firmwareVersion: ANY, chargePointSerialNumber: ANY },
  ],
]
const EVENT = {
  eventType: 'Updated',
  timestamp: AT,
  triggerReason: 'Trigger',
  seqNo: 1,
  transactionInfo: { transactionId: 'tx' },
}
const V201: [string, object][] = [
  ['StatusNotification', { timestamp: ANY, connectorStatus: 'Occupied', evseId: ANY, connectorId: ANY }],
  ['Authorize', { idToken: { idToken: ANY, type: 'ISO14443' } }],
  [
    'TransactionEvent',
    {
      ...EVENT,
      eventType: 'Started',
      timestamp: ANY,
      evse: { id: 1, connectorId: 1 },
      idToken: { idToken: ANY, type: 'ISO14443' },
    },
  ],
  [
    'TransactionEvent',
    {
      ...EVENT,
      seqNo: ANY,
      evse: { id: ANY, connectorId: ANY },
      transactionInfo: { transactionId: ANY, chargingState: 'Charging' },
    },
  ],
  [
    'TransactionEvent',
    {
      ...EVENT,
      meterValue: [
        {
          timestamp: ANY,
          sampledValue: [
            { value: ANY, unitOfMeasure: { unit: 'Wh', multiplier: ANY } },
            { value: ANY, measurand: 'Power.Active.Import' },
          ],
        },
      ],
    },
  ],
  [
    'TransactionEvent',
    {
      ...EVENT,
      eventType: 'Ended',
      meterValue: [
        {
          timestamp: AT,
          sampledValue: [
            {
              value: ANY,
              context: 'Transaction.End',
              signedMeterValue: {
                signedMeterData: ANY,
                signingMethod: ANY,
                encodingMethod: ANY,
                publicKey: ANY,
              },
            },
          ],
        },
      ],
    },
  ],
  ['MeterValues', { evseId: ANY, meterValue: [{ timestamp: AT, sampledValue: [{ value: ANY }] }] }],
  ['DataTransfer', { vendorId: ANY, data: ANY }],
  ['SecurityEventNotification', { type: ANY, timestamp: ANY, techInfo: ANY }],
  [
    'NotifyReport',
    {
      requestId: ANY,
      generatedAt: AT,
      seqNo: ANY,
      reportData: [
        { component: { name: ANY }, variable: { name: ANY }, variableAttribute: [{ value: ANY }] },
      ],
    },
  ],
]

/** As JSON text, because a value like 1e400 exists only there. */
const drawn = fc.oneof(
  { weight: 4, arbitrary: hostileText.map((it) => JSON.stringify(it)) },
  { weight: 2, arbitrary: hostileText.map((it) => JSON.stringify(it.slice(0, 20))) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '0',
      '1',
      '-1',
      '2147483648',
      '9007199254740993',
      '1e400',
      '-1e308',
      '0.1',
      '1e-320',
      '999999999999999',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'null',
      'true',
      '[]',
      '{}',
      `${'['.repeat(300)}${']'.repeat(300)}`,
      '{"__proto__":{"x":1}}',
    ),
  },
)
const filled = (template: object) => {
  const parts = JSON.stringify(template).split(`"${ANY}"`)
  return fc
    .array(drawn, { minLength: parts.length - 1, maxLength: parts.length - 1 })
    .map((values) => parts.reduce((text, part, i) => `${text}${values[i - 1]}${part}`))
}

it.each([
  ['ocpp1.6', V16, { chargePointVendor: 'V', chargePointModel: 'M' }],
  ['ocpp2.0.1', V201, { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } }],
] as const)('%s', { timeout: 120_000 }, async (protocol, templates, boot) => {
  const fatal: Error[] = []
  test = await TestController.start({ ports: { onFatal: (error) => void fatal.push(error) } })
  station = await connectRaw(test.url, 'CS', [protocol])
  let n = 0
  /** The answer to a call; calls of the controller's own are left unanswered. */
  const call = async (action: string, payload: string): Promise<unknown[]> => {
    const id = `m${n++}`
    station!.send(`[2,"${id}","${action}",${payload}]`)
    for (;;) {
      const frame = await station!.next()
      if (frame[1] === id) return frame
    }
  }
  expect((await call('BootNotification', JSON.stringify(boot)))[0]).toBe(3)
  const message = fc
    .constantFrom(...templates)
    .chain(([action, template]) => filled(template).map((payload) => ({ action, payload })))
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 15 }), async (messages) => {
      for (const { action, payload } of messages) expect([3, 4]).toContain((await call(action, payload))[0])
    }),
    { numRuns: 40 },
  )
  // `facts` reads each by its shape and fails at the first that cannot be.
  expect((await test.facts('ledger')).length + (await test.facts('telemetry')).length).toBeGreaterThan(10)
  expect(fatal).toEqual([])
  expect((await call('Heartbeat', '{}'))[0]).toBe(3)
})
