import { describe, expect, it } from 'vitest'
import { readFact } from './fact.ts'

const head = { at: '2026-11-23T15:00:00.000Z', monoMs: 5, bootId: 'b', clock: 'synced' }

describe('readFact', () => {
  it('reads a known kind with its data', () => {
    const text = JSON.stringify({
      kind: 'session.register',
      sessionId: 's',
      ...head,
      data: { at: head.at, registerMilliWh: 5 },
    })
    expect(readFact(text)).toMatchObject({ ok: true, known: true, fact: { data: { registerMilliWh: 5 } } })
  })

  it('keeps a kind of a newer version raw', () => {
    expect(readFact(JSON.stringify({ kind: 'battery.swapped', ...head, data: { x: 1 } }))).toMatchObject({
      ok: true,
      known: false,
      fact: { kind: 'battery.swapped', data: { x: 1 } },
    })
  })

  it.each([
    ['{', /not JSON/],
    ['[]', /head/],
    ['{"kind":"session.register"}', /head/],
    [
      JSON.stringify({ kind: 'session.register', ...head, data: { at: head.at, registerMilliWh: 1.5 } }),
      /registerMilliWh/,
    ],
  ])('says why %s cannot be read', (text, reason) => {
    const read = readFact(text)
    expect(read.ok).toBe(false)
    expect(!read.ok && read.reason).toMatch(reason)
  })

  it('is not misled by names of Object.prototype', () => {
    expect(readFact(JSON.stringify({ kind: 'constructor', ...head, data: {} }))).toMatchObject({
      ok: true,
      known: false,
    })
  })
})
