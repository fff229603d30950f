import { loadValidators, type MessageChecks } from '@switchyard/protocol/ocpp/validators.ts'
import { QUIRK_NAMES, type Quirk } from '@switchyard/protocol/site/quirks.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkAmended, type Surroundings } from './amend.ts'

const v16 = await loadValidators('1.6')
const v201 = await loadValidators('2.0.1')
const nowMs = Date.parse('2026-11-24T08:00:00Z')
const around = (quirks: readonly Quirk[], timeZone?: string): Surroundings => ({
  quirks: new Set(quirks),
  timeZone,
  nowMs,
})
/** The payload afterwards, or the first error. */
function amended(action: string, payload: object, surroundings: Surroundings, of = v16) {
  const errors = checkAmended(action, payload, of.find(action)!, surroundings)
  return errors[0] ? `${errors[0].path} ${errors[0].message}` : payload
}

describe('words in any case', () => {
  const meter = (values: object[]) => ({
    evseId: 1,
    meterValue: [{ timestamp: '2026-11-24T08:00:00Z', sampledValue: values }],
  })

  it('are found wherever they stand, and nothing else is changed', () => {
    const said = {
      value: 5,
      measurand: 'ENERGY.active.import.register',
      context: ' sample.clock ',
      location: 'outlet',
    }
    expect(amended('MeterValues', meter([said]), around(['words-in-any-case']), v201)).toEqual(
      meter([
        { value: 5, measurand: 'Energy.Active.Import.Register', context: 'Sample.Clock', location: 'Outlet' },
      ]),
    )
    const free = { vendorId: 'accepted', data: 'available' }
    expect(amended('DataTransfer', { ...free }, around(['words-in-any-case']))).toEqual(free)
  })

  it('that are no words stay wrong, and so do they all without the quirk', () => {
    const status = { connectorId: 1, errorCode: 'noerror', status: 'Asleep' }
    expect(amended('StatusNotification', { ...status }, around(['words-in-any-case']))).toMatch(/^\/status /)
    expect(amended('StatusNotification', { ...status, status: 'available' }, around(['no-pong']))).toMatch(
      / allowed$/,
    )
  })

  it('are bounded in one message', () => {
    const many = (count: number) =>
      meter(Array.from({ length: count }, () => ({ value: 1, context: 'TRIGGER' })))
    expect(amended('MeterValues', many(64), around(['words-in-any-case']), v201)).toBeTypeOf('object')
    expect(amended('MeterValues', many(65), around(['words-in-any-case']), v201)).toBeTypeOf('string')
  })
})

it('an own error code becomes OtherError, and does not replace a vendor error code that is told', () => {
  const status = { connectorId: 1, errorCode: 'E-17', status: 'Faulted' }
  const quirk = around(['own-error-codes'])
  expect(amended('StatusNotification', { ...status }, quirk)).toMatchObject({
    errorCode: 'OtherError',
    vendorErrorCode: 'E-17',
  })
  expect(amended('StatusNotification', { ...status, vendorErrorCode: 'V1' }, quirk)).toMatchObject({
    vendorErrorCode: 'V1',
  })
  const long = { ...status, errorCode: 'E'.repeat(200) }
  expect(amended('StatusNotification', long, quirk)).toMatchObject({ vendorErrorCode: 'E'.repeat(50) })
  expect(amended('StatusNotification', { ...status, status: 'Own' }, quirk)).toMatch(/^\/status /)
})

describe('local times', () => {
  const berlin = around(['local-times'], 'Europe/Berlin')
  const at = (timestamp: string, surroundings = berlin) => {
    const start = { connectorId: 1, idTag: 'T', meterStart: 0, timestamp }
    return (amended('StartTransaction', start, surroundings) as typeof start).timestamp
  }

  it('are read in the zone of the site, with Z, an offset of nothing, or none', () => {
    for (const said of [
      '2026-11-24T09:00:00Z',
      '2026-11-24T09:00:00+00:00',
      '2026-11-24T09:00:00',
      '2026-11-24 09:00:00',
    ])
      expect(at(said)).toBe('2026-11-24T08:00:00.000Z')
  })

  it('with another offset are believed, and so are all where nobody has told the zone', () => {
    expect(at('2026-11-24T09:00:00+01:00')).toBe('2026-11-24T09:00:00+01:00')
    expect(at('2026-11-24T09:00:00-0500')).toBe('2026-11-24T09:00:00-0500')
    expect(at('2026-11-24T09:00:00Z', around(['local-times']))).toBe('2026-11-24T09:00:00Z')
    expect(at('2026-11-24T09:00:00Z', around(['local-times'], 'Nowhere/Else'))).toBe('2026-11-24T09:00:00Z')
  })

  it('stand in readings and in reports too', () => {
    const values = {
      connectorId: 1,
      meterValue: [{ timestamp: '2026-11-24T09:00:00Z', sampledValue: [{ value: '1' }] }],
    }
    expect(amended('MeterValues', values, berlin)).toMatchObject({
      meterValue: [{ timestamp: '2026-11-24T08:00:00.000Z' }],
    })
    const report = { requestId: 1, generatedAt: '2026-11-24T09:00:00Z', seqNo: 0 }
    expect(amended('NotifyReport', report, berlin, v201)).toMatchObject({
      generatedAt: '2026-11-24T08:00:00.000Z',
    })
  })
})

it('whatever a station sends, it is amended or refused, never more wrong than before', () => {
  const all = around(QUIRK_NAMES, 'America/St_Johns')
  for (const version of [v16, v201])
    fc.assert(
      fc.property(fc.constantFrom(...version.actions), fc.jsonValue(), (action, payload) => {
        const checks: MessageChecks = version.find(action)!
        const wasValid = checks.request(payload).length === 0
        const errors = checkAmended(action, payload, checks, all)
        expect(errors).toEqual(checks.request(payload))
        if (wasValid) expect(errors).toEqual([])
      }),
      { numRuns: 500 },
    )
})
