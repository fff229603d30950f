import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { arbitraryPayload } from '../../generate/arbitrary-payload.ts'
import { applyDecisions, PRIMARY_SOURCE } from '../../generate/cross-check.ts'
import { readSchemas, type Schema, type SchemaSet } from '../../generate/schemas.ts'
import { describeErrors, errorCodeFor } from './error-code.ts'
import type { SetChargingProfileRequest } from './v16.ts'
import { loadValidators, type Validators } from './validators.ts'
import { OCPP_VERSIONS } from './version.ts'

describe.each(OCPP_VERSIONS)('validators of OCPP %s', (version) => {
  let set: SchemaSet
  let validators: Validators
  /** Every request and response: name, schema, check. */
  let messages: { name: string; schema: Schema; check: (payload: unknown) => ReturnType<Check> }[]
  type Check = NonNullable<ReturnType<Validators['find']>>['request']

  beforeAll(async () => {
    set = applyDecisions(await readSchemas(PRIMARY_SOURCE, version))
    validators = await loadValidators(version)
    messages = [...set.messages].flatMap(([action, { request, response }]) => {
      const checks = validators.find(action)!
      const list = [{ name: `${action} request`, schema: request, check: checks.request }]
      if (response) list.push({ name: `${action} response`, schema: response, check: checks.response! })
      return list
    })
  })

  it('exist for every message and for nothing else', () => {
    expect([...validators.actions].sort()).toEqual([...set.messages.keys()].sort())
    for (const name of ['', 'bootNotification', 'constructor', '__proto__']) {
      expect(validators.find(name)).toBeUndefined()
    }
  })

  it('accept the smallest payload of every message', () => {
    for (const { name, schema, check } of messages) {
      const [sample] = fc.sample(arbitraryPayload(set, schema, true), { numRuns: 1, seed: 1 })
      expect(check(sample), name).toEqual([])
    }
  })

  it('accept what the schema of a message allows', () => {
    for (const { name, schema, check } of messages) {
      fc.assert(
        fc.property(arbitraryPayload(set, schema), (payload) => {
          expect(check(payload), name).toEqual([])
        }),
        { numRuns: 5 },
      )
    }
  })

  it('refuse a missing property, an unknown one, a wrong type, and what is no object', () => {
    const occurrence = version === '1.6' ? 'OccurenceConstraintViolation' : 'OccurrenceConstraintViolation'
    const format = version === '1.6' ? 'FormationViolation' : 'FormatViolation'
    for (const { name, schema, check } of messages) {
      const [sample] = fc.sample(arbitraryPayload(set, schema, true), { numRuns: 1, seed: 1 }) as [object]
      const code = (payload: unknown) => errorCodeFor(version, check(payload))
      for (const property of schema.required ?? []) {
        const { [property]: _, ...rest } = sample as Record<string, unknown>
        expect(check(rest)[0], name).toMatchObject({ path: `/${property}`, keyword: 'required' })
        expect(code(rest), name).toBe(occurrence)
        // Typeless properties (`data`) take any value.
        if (schema.properties?.[property]?.type === undefined && !schema.properties?.[property]?.$ref)
          continue
        expect(code({ ...sample, [property]: null }), name).toBe('TypeConstraintViolation')
      }
      expect(check({ ...sample, nowhere: 1 })[0], name).toMatchObject({ path: '/nowhere' })
      expect(code({ ...sample, nowhere: 1 }), name).toBe(format)
      for (const payload of [null, [], 'x', 5, undefined]) expect(code(payload), name).toBe(format)
    }
  })
})

describe('validators', () => {
  const profile = (limit: number): SetChargingProfileRequest => ({
    connectorId: 1,
    csChargingProfiles: {
      chargingProfileId: 1,
      stackLevel: 0,
      chargingProfilePurpose: 'TxDefaultProfile',
      chargingProfileKind: 'Absolute',
      chargingSchedule: { chargingRateUnit: 'A', chargingSchedulePeriod: [{ startPeriod: 0, limit }] },
    },
  })

  it('accept every limit with one decimal, however binary floating point sees it', async () => {
    const { request } = (await loadValidators('1.6')).find('SetChargingProfile')!
    expect(request(profile(8.1))).toEqual([])
    for (let tenths = 1; tenths <= 1000; tenths++) {
      expect(request(profile(tenths / 10))).toEqual([])
      expect(request(profile(Number((tenths / 10).toFixed(1))))).toEqual([])
      expect(request(profile(tenths * 0.1))).toEqual([])
    }
    expect(request(profile(22_080.4))).toEqual([])
    const errors = request(profile(8.15))
    expect(errors[0]).toMatchObject({ keyword: 'multipleOf' })
    expect(errorCodeFor('1.6', errors)).toBe('PropertyConstraintViolation')
  })

  it('count characters, not UTF-16 units', async () => {
    const { request } = (await loadValidators('1.6')).find('Authorize')!
    expect(request({ idTag: '🔌'.repeat(20) })).toEqual([])
    expect(request({ idTag: '🔌'.repeat(21) })[0]).toMatchObject({ path: '/idTag', keyword: 'maxLength' })
    expect(request({ idTag: 'x'.repeat(21) })[0]).toMatchObject({ keyword: 'maxLength' })
  })

  it('accept a timestamp without a zone, which some stations send, and no other text', async () => {
    const { request } = (await loadValidators('1.6')).find('MeterValues')!
    const reading = (timestamp: string) => ({
      connectorId: 1,
      meterValue: [{ timestamp, sampledValue: [{ value: '1' }] }],
    })
    for (const timestamp of [
      '2026-11-23T15:00:00Z',
      '2026-11-23T15:00:00.123+01:00',
      '2026-11-23T15:00:00',
    ]) {
      expect(request(reading(timestamp))).toEqual([])
    }
    for (const timestamp of ['', 'yesterday', '2026-13-23T15:00:00Z', '1764000000']) {
      const errors = request(reading(timestamp))
      expect(errors[0]).toMatchObject({ path: '/meterValue/0/timestamp', keyword: 'format' })
      expect(errorCodeFor('1.6', errors)).toBe('PropertyConstraintViolation')
    }
  })

  it('describe an error in the 255 characters that an answer has, whatever was sent', async () => {
    const { request } = (await loadValidators('2.0.1')).find('Heartbeat')!
    expect(describeErrors(request({ ['x'.repeat(10_000)]: 1 })).length).toBeLessThanOrEqual(255)
    const { request: boot } = (await loadValidators('2.0.1')).find('BootNotification')!
    expect(describeErrors(boot({ reason: 'PowerUp' }))).toBe('/chargingStation is missing')
    expect(describeErrors(boot(7))).toBe('payload must be an object')
  })

  it('are bundled as one chunk per version, loaded on demand, without a schema compiler', async () => {
    const { metafile } = await build({
      entryPoints: [fileURLToPath(new URL('./validators.ts', import.meta.url))],
      ...{ bundle: true, splitting: true, format: 'esm', platform: 'node', write: false, metafile: true },
      outdir: 'never-written',
      logLevel: 'silent',
    })
    const outputs = Object.values(metafile.outputs)
    const entry = outputs.find((output) => output.entryPoint?.endsWith('src/ocpp/validators.ts'))!
    expect(entry.imports.filter(({ kind }) => kind === 'dynamic-import')).toHaveLength(3)
    expect(Object.keys(entry.inputs).some((file) => file.includes('generated/'))).toBe(false)
    expect(Object.keys(metafile.inputs).some((file) => file.includes('ajv/dist/compile'))).toBe(false)
  })
})
