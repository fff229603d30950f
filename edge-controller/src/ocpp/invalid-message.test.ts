/**
 * Messages that a schema does not allow: each is refused with the version's own code, naming where it is wrong; nothing of it is kept, and
 * another station at the site notices nothing. `FUZZ_MESSAGES`: how many are drawn for each version.
 */
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import { SUBPROTOCOL } from '@switchyard/protocol/ocpp/version.ts'
import fc from 'fast-check'
import { afterEach, expect, it } from 'vitest'
import { arbitraryPayload } from '../../../protocol/generate/arbitrary-payload.ts'
import { readSchemas } from '../../../protocol/generate/schemas.ts'
import { connectRaw, type RawSocket } from '../testing/charge-point.ts'
import { RAW_BOOT, rawCall } from '../testing/raw-call.ts'
import { TestController } from '../testing/test-controller.ts'
import { v16 } from './v16/module.ts'
import { v21 } from './v21/module.ts'
import { v201 } from './v201/module.ts'

const MESSAGES = Number(process.env.FUZZ_MESSAGES ?? 300)

let test: TestController | undefined
const sockets: RawSocket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close()
  await test?.stop()
})

/** What each version calls it; OCPP-J 1.6 section 4.2.3, 2.x part 4 section 4.3. */
const CODES = {
  '1.6': [
    'FormationViolation',
    'PropertyConstraintViolation',
    'OccurenceConstraintViolation',
    'TypeConstraintViolation',
  ],
  '2.0.1': [
    'FormatViolation',
    'PropertyConstraintViolation',
    'OccurrenceConstraintViolation',
    'TypeConstraintViolation',
  ],
}

type Path = (string | number)[]
/** Every place in a payload, the whole of it first. */
function placesIn(value: unknown, path: Path = []): Path[] {
  const inside =
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, it]) =>
          placesIn(it, [...path, Array.isArray(value) ? Number(key) : key]),
        )
      : []
  return [path, ...inside]
}
type Spoil = 'drop' | 'unknown' | 'null' | 'number' | 'text' | 'long' | 'object' | 'list'
const SPOILS: Spoil[] = ['drop', 'unknown', 'null', 'number', 'text', 'long', 'object', 'list']
const INSTEAD: Record<Exclude<Spoil, 'drop' | 'unknown'>, unknown> = {
  null: null,
  number: -1.5,
  text: '',
  long: 'x'.repeat(70_000),
  object: { of: 'another kind' },
  list: [],
}

function spoilt(payload: unknown, path: Path, spoil: Spoil): unknown {
  const whole = structuredClone(payload)
  if (path.length === 0)
    return spoil === 'drop' || spoil === 'unknown' ? { ...(whole as object), surplus: 1 } : INSTEAD[spoil]
  let parent = whole as Record<string | number, unknown>
  for (const key of path.slice(0, -1)) parent = parent[key] as typeof parent
  const last = path.at(-1)!
  if (spoil === 'drop') Reflect.deleteProperty(parent, last)
  else if (spoil === 'unknown') parent.surplus = true
  else parent[last] = INSTEAD[spoil]
  return whole
}

it.each([v16, v201, v21])('$version', { timeout: 60_000 + 50 * MESSAGES }, async ({ version, routes }) => {
  const fatal: Error[] = []
  test = await TestController.start({ ports: { onFatal: (error) => void fatal.push(error) } })
  const open = async (stationId: string) => {
    const socket = await connectRaw(test!.url, stationId, [SUBPROTOCOL[version]])
    sockets.push(socket)
    return socket
  }
  const [station, other] = [await open('CS'), await open('OTHER')]
  const [validators, schemas] = await Promise.all([loadValidators(version), readSchemas('ocpp-rpc', version)])
  for (const socket of [station, other])
    expect((await rawCall(socket, 'BootNotification', RAW_BOOT[version]))[0]).toBe(3)
  const before = (await test.facts()).length
  const answered = Object.keys(routes).filter((action) => validators.find(action)?.response)
  const message = fc
    .tuple(fc.constantFrom(...answered), fc.constantFrom(...SPOILS), fc.nat())
    .chain(([action, spoil, place]) =>
      arbitraryPayload(schemas, schemas.messages.get(action)!.request).map((payload) => {
        const places = placesIn(payload)
        return { action, payload: spoilt(payload, places[place % places.length]!, spoil) }
      }),
    )
  const codes = new Set<unknown>()
  await fc.assert(
    fc.asyncProperty(message, async ({ action, payload }) => {
      const errors = validators.find(action)!.request(payload)
      fc.pre(errors.length > 0)
      const [type, , code, description] = await rawCall(station, action, payload)
      expect(type, `${action}: ${JSON.stringify(payload).slice(0, 500)}`).toBe(4)
      expect(CODES[version === '1.6' ? '1.6' : '2.0.1']).toContain(code)
      expect(String(description).length).toBeLessThanOrEqual(255)
      expect(description).not.toBe('')
      codes.add(code)
      expect((await rawCall(other, 'Heartbeat', {}))[0]).toBe(3)
    }),
    { numRuns: MESSAGES },
  )
  expect((await test.facts()).length).toBe(before)
  expect(fatal).toEqual([])
  if (MESSAGES >= 300) expect(codes.size).toBe(4)
})
