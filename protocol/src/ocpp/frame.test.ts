import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerToMalformed, DEPTH_MAX_LEVELS, type Frame, parseFrame, serialiseFrame } from './frame.ts'
import { OCPP_VERSIONS, type OcppVersion } from './version.ts'

const TYPES: Record<OcppVersion, Frame['type'][]> = {
  '1.6': ['call', 'callResult', 'callError'],
  '2.0.1': ['call', 'callResult', 'callError'],
  '2.1': ['call', 'callResult', 'callError', 'callResultError', 'send'],
}

function arbitraryFrame(version: OcppVersion): fc.Arbitrary<Frame> {
  const id = fc.string({ minLength: 1, maxLength: 36 })
  const payload = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown)
  const action = fc.string({ minLength: 1 })
  const error = {
    id,
    code: fc.string({ maxLength: 64 }),
    description: fc.string({ maxLength: 255 }),
    details: fc.object(),
  }
  const plainError = fc.record(error).map((value) => JSON.parse(JSON.stringify(value)) as typeof value)
  return fc.constantFrom(...TYPES[version]).chain((type): fc.Arbitrary<Frame> => {
    switch (type) {
      case 'call':
      case 'send':
        return fc.record({ type: fc.constant(type), id, action, payload })
      case 'callResult':
        return fc.record({ type: fc.constant(type), id, payload: payload.map((said) => ({ said })) })
      default:
        return plainError.map((value) => ({ type, ...value }) as Frame)
    }
  })
}

describe.each(OCPP_VERSIONS)('frames of OCPP %s', (version) => {
  it('come back from their text as they were', () => {
    fc.assert(
      fc.property(arbitraryFrame(version), (frame) => {
        expect(parseFrame(version, serialiseFrame(frame))).toEqual(frame)
      }),
    )
  })

  it('never throw, whatever the text', () => {
    const element = fc.oneof(fc.integer({ min: -1, max: 9 }), fc.string(), fc.jsonValue())
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.array(element, { maxLength: 6 }).map((value) => JSON.stringify(value)),
    )
    fc.assert(
      fc.property(text, (value) => {
        const frame = parseFrame(version, value)
        if (frame.type !== 'malformed') return
        expect(frame.why).not.toBe('')
        expect(frame.id.length).toBeLessThanOrEqual(36)
        const answer = answerToMalformed(frame)
        expect(answer === undefined).toBe(!frame.answer)
      }),
      { numRuns: 500 },
    )
  })

  it('that answer with no object are malformed, and not answered', () => {
    for (const payload of ['null', '[]', '"yes"', '1']) {
      const code = version === '1.6' ? 'FormationViolation' : 'FormatViolation'
      expect(parseFrame(version, `[3,"a",${payload}]`)).toMatchObject({
        ...{ type: 'malformed', id: 'a', code, answer: false },
      })
    }
  })

  it('without a readable id are answered with id -1 and the code for what is no message', () => {
    const code = version === '1.6' ? 'FormationViolation' : 'RpcFrameworkError'
    for (const text of [
      '',
      'x',
      '{"a":1}',
      '[]',
      '[2]',
      '[2,7,"Heartbeat",{}]',
      `[2,"${'x'.repeat(37)}","Heartbeat",{}]`,
    ]) {
      const frame = parseFrame(version, text)
      expect(frame, text).toMatchObject({ type: 'malformed', id: '-1', code, answer: true })
    }
  })

  it('with a readable id are answered with it and the format error', () => {
    const code = version === '1.6' ? 'FormationViolation' : 'FormatViolation'
    for (const text of ['[2,"a"]', '[2,"a",5,{}]', '[2,"a","Heartbeat"]', '[2,"a","Heartbeat",{},1]']) {
      expect(parseFrame(version, text), text).toMatchObject({
        type: 'malformed',
        id: 'a',
        code,
        answer: true,
      })
    }
  })

  it('that answer are never answered themselves', () => {
    for (const text of ['[3,"a"]', '[3,"a",{},{}]', '[3,5,{}]', '[4]', '[4,null,"GenericError","",{}]']) {
      expect(parseFrame(version, text), text).toMatchObject({ type: 'malformed', answer: false })
    }
  })

  it('carry an error even where description and details are left out', () => {
    expect(parseFrame(version, '[4,"a","NotImplemented"]')).toEqual({
      ...{ type: 'callError', id: 'a', code: 'NotImplemented', description: '', details: {} },
    })
    expect(parseFrame(version, '[4,"a"]')).toMatchObject({ type: 'callError', code: 'GenericError' })
  })

  it('nest only so deep', () => {
    const nested = (levels: number) => `[2,"a","DataTransfer",${'['.repeat(levels)}${']'.repeat(levels)}]`
    expect(parseFrame(version, nested(DEPTH_MAX_LEVELS - 1)).type).toBe('call')
    expect(parseFrame(version, nested(DEPTH_MAX_LEVELS))).toMatchObject({
      type: 'malformed',
      id: 'a',
      answer: true,
    })
    expect(parseFrame(version, nested(200_000)).type).toBe('malformed')
    const brackets = JSON.stringify([2, 'a', 'DataTransfer', { data: '["\\'.repeat(2_000) }])
    expect(parseFrame(version, brackets).type).toBe('call')
  })
})

describe('message types that a version does not have', () => {
  it('are ignored in 1.6 and named in 2.x', () => {
    expect(parseFrame('1.6', '[6,"a","X",{}]')).toMatchObject({ code: 'FormationViolation', answer: false })
    for (const [version, text] of [
      ['2.0.1', '[5,"a","GenericError","",{}]'],
      ['2.0.1', '[6,"a","X",{}]'],
      ['2.1', '[7,"a"]'],
    ] as const) {
      expect(parseFrame(version, text)).toMatchObject({
        code: 'MessageTypeNotSupported',
        id: 'a',
        answer: true,
      })
    }
  })

  it('include neither a malformed SEND nor a malformed CALLRESULTERROR among what is answered', () => {
    expect(parseFrame('2.1', '[6,"a"]')).toMatchObject({ type: 'malformed', answer: false })
    expect(parseFrame('2.1', '[5,1]')).toMatchObject({ type: 'malformed', answer: false })
  })
})
