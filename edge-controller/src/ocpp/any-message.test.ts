/**
 * Any message of a station that its version's schema allows: it is taken or refused, and never left without an answer or answered with
 * InternalError; what is taken has an answer that the schema allows. `FUZZ_MESSAGES`: how many are drawn for each version.
 */
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import { SUBPROTOCOL } from '@switchyard/protocol/ocpp/version.ts'
import fc from 'fast-check'
import { afterEach, expect, it } from 'vitest'
import { arbitraryPayload } from '../../../protocol/generate/arbitrary-payload.ts'
import { readSchemas } from '../../../protocol/generate/schemas.ts'
import { connectRaw, type RawSocket } from '../testing/charge-point.ts'
import { nextId, RAW_BOOT, rawCall } from '../testing/raw-call.ts'
import { TestController } from '../testing/test-controller.ts'
import { v16 } from './v16/module.ts'
import { v21 } from './v21/module.ts'
import { v201 } from './v201/module.ts'

const MESSAGES = Number(process.env.FUZZ_MESSAGES ?? 300)

let test: TestController | undefined
let station: RawSocket | undefined
afterEach(async () => {
  station?.close()
  await test?.stop()
})

it.each([v16, v201, v21])('$version', { timeout: 60_000 + 50 * MESSAGES }, async ({ version, routes }) => {
  const fatal: Error[] = []
  test = await TestController.start({ ports: { onFatal: (error) => void fatal.push(error) } })
  station = await connectRaw(test.url, 'CS', [SUBPROTOCOL[version]])
  const [validators, schemas] = await Promise.all([loadValidators(version), readSchemas('ocpp-rpc', version)])
  const call = (action: string, payload: unknown) => rawCall(station!, action, payload)
  expect((await call('BootNotification', RAW_BOOT[version]))[0]).toBe(3)
  const message = fc.tuple(fc.constantFrom(...Object.keys(routes)), fc.boolean()).chain(([action, minimal]) =>
    arbitraryPayload(schemas, schemas.messages.get(action)!.request, minimal).map((payload) => ({
      action,
      payload,
    })),
  )
  const taken = new Set<string>()
  await fc.assert(
    fc.asyncProperty(message, async ({ action, payload }) => {
      const { request, response } = validators.find(action)!
      fc.pre(request(payload).length === 0)
      if (!response) {
        // Told by the answer to what comes after it.
        station!.send(JSON.stringify([6, nextId(), action, payload]))
        expect((await call('Heartbeat', {}))[0]).toBe(3)
        taken.add(action)
        return
      }
      const [type, , answer, description] = await call(action, payload)
      if (type === 3) {
        expect(response(answer), `${action}: ${JSON.stringify(answer)}`).toEqual([])
        taken.add(action)
      } else
        expect([type, answer, description]).toEqual([4, 'PropertyConstraintViolation', expect.any(String)])
    }),
    { numRuns: MESSAGES },
  )
  // `facts` reads each by its shape and fails at the first that cannot be.
  expect((await test.facts('ledger')).length + (await test.facts('telemetry')).length).toBeGreaterThan(10)
  expect(fatal).toEqual([])
  if (MESSAGES >= 300) expect(taken.size).toBeGreaterThan(Object.keys(routes).length / 2)
})
