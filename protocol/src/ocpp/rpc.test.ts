import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CallResultFrame } from './frame.ts'
import {
  DEFAULT_TIMEOUT_MS,
  type OutboundCall,
  Rpc,
  type RpcEvent,
  UNANSWERED_MAX,
  WAITING_MAX,
} from './rpc.ts'

const call = (id: string, more: Partial<OutboundCall> = {}): OutboundCall => ({
  id,
  action: 'Reset',
  payload: {},
  ...more,
})
const result = (id: string): CallResultFrame => ({ type: 'callResult', id, payload: { status: 'Accepted' } })
const kinds = (events: RpcEvent[]) =>
  events.map((event) => `${event.kind} ${'call' in event ? event.call.id : event.frame.id}`)

describe('calls to a station', () => {
  it('go out one at a time, the next one after the answer', () => {
    const rpc = new Rpc()
    expect(kinds(rpc.call(0, call('a')))).toEqual(['send a'])
    expect(kinds(rpc.call(0, call('b')))).toEqual([])
    expect(rpc.actionOf('a')).toBe('Reset')
    expect(kinds(rpc.receive(10, result('a')))).toEqual(['answered a', 'send b'])
    const error = {
      type: 'callError',
      id: 'b',
      code: 'NotSupported',
      description: 'no',
      details: {},
    } as const
    expect(rpc.receive(20, error)).toEqual([
      { kind: 'failed', call: call('b'), code: 'NotSupported', description: 'no', details: {} },
    ])
    expect(rpc.nextDueAtMs()).toBeUndefined()
  })

  it('time out, and an answer after that is told from one to nothing', () => {
    const rpc = new Rpc()
    rpc.call(0, call('a', { timeoutMs: 100 }))
    rpc.call(0, call('b'))
    expect(rpc.nextDueAtMs()).toBe(100)
    expect(rpc.due(99)).toEqual([])
    expect(kinds(rpc.due(100))).toEqual(['timed-out a', 'send b'])
    expect(rpc.nextDueAtMs()).toBe(100 + DEFAULT_TIMEOUT_MS)
    expect(kinds(rpc.receive(110, result('a')))).toEqual(['late a'])
    expect(kinds(rpc.receive(111, result('a')))).toEqual(['unknown a'])
    expect(kinds(rpc.receive(112, result('zzz')))).toEqual(['unknown zzz'])
    expect(kinds(rpc.receive(113, result('b')))).toEqual(['answered b'])
  })

  it('are refused when too many wait, when an id is in use, and after the end', () => {
    const rpc = new Rpc()
    rpc.call(0, call('first'))
    for (let i = 0; i < WAITING_MAX; i++) expect(rpc.call(0, call(`w${i}`))).toEqual([])
    expect(rpc.waitingCount).toBe(WAITING_MAX)
    expect(rpc.call(0, call('more'))).toMatchObject([{ kind: 'refused', reason: 'queue-full' }])
    expect(rpc.call(0, call('first'))).toMatchObject([{ kind: 'refused', reason: 'duplicate-id' }])
    const ended = rpc.close()
    expect(ended).toHaveLength(WAITING_MAX + 1)
    expect(ended[0]).toMatchObject({ kind: 'abandoned', sent: true })
    expect(ended[1]).toMatchObject({ kind: 'abandoned', sent: false })
    expect(rpc.call(0, call('late'))).toMatchObject([{ kind: 'refused', reason: 'closed' }])
    expect(rpc.close()).toEqual([])
  })

  it('are never sent once expired', () => {
    const rpc = new Rpc()
    rpc.call(0, call('a', { timeoutMs: 100 }))
    rpc.call(0, call('b', { expiresAtMs: 50 }))
    rpc.call(0, call('c', { expiresAtMs: 200 }))
    expect(rpc.nextDueAtMs()).toBe(50)
    expect(kinds(rpc.due(50))).toEqual(['expired b'])
    expect(kinds(rpc.receive(60, result('a')))).toEqual(['answered a', 'send c'])
    expect(kinds(rpc.call(300, call('d', { expiresAtMs: 300 })))).toEqual([])
    expect(kinds(rpc.receive(300, result('c')))).toEqual(['answered c', 'expired d'])
  })

  it('that are urgent go before those that are not, in their own order', () => {
    const rpc = new Rpc()
    rpc.call(0, call('a'))
    for (const [id, urgent] of [
      ['b', false],
      ['u1', true],
      ['c', false],
      ['u2', true],
    ] as const) {
      rpc.call(0, call(id, { urgent }))
    }
    const sent: string[] = []
    for (let id: string | undefined = 'a'; id !== undefined; ) {
      const next: RpcEvent | undefined = rpc.receive(1, result(id)).find((event) => event.kind === 'send')
      id = next?.kind === 'send' ? next.frame.id : undefined
      if (id) sent.push(id)
    }
    expect(sent).toEqual(['u1', 'u2', 'b', 'c'])
  })

  it('fail when the answer cannot be read', () => {
    const rpc = new Rpc()
    rpc.call(0, call('a'))
    const frame = {
      type: 'malformed',
      id: 'a',
      code: 'FormatViolation',
      why: 'short',
      answer: false,
    } as const
    expect(rpc.receive(1, frame)).toMatchObject([
      { kind: 'failed', code: 'FormatViolation', description: 'short' },
    ])
    expect(rpc.receive(2, frame)).toMatchObject([{ kind: 'unknown' }])
  })

  it('without an answer are remembered up to a bound', () => {
    const rpc = new Rpc()
    for (let i = 0; i <= UNANSWERED_MAX; i++) {
      rpc.call(i, call(`c${i}`, { timeoutMs: 1 }))
      rpc.due(i + 1)
    }
    expect(kinds(rpc.receive(100, result('c0')))).toEqual(['unknown c0'])
    expect(kinds(rpc.receive(100, result('c1')))).toEqual(['late c1'])
  })

  it('each end in exactly one outcome, with at most one outstanding, whatever happens', () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('call' as const),
        id: fc.nat(30),
        life: fc.option(fc.nat(200)),
        urgent: fc.boolean(),
      }),
      fc.record({ do: fc.constant('answer' as const), id: fc.nat(30) }),
      fc.record({ do: fc.constant('due' as const) }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.nat(60)), { maxLength: 80 }), (steps) => {
        const rpc = new Rpc()
        const open = new Set<OutboundCall>()
        let outstanding: string | undefined
        let now = 0
        const take = (events: RpcEvent[]) => {
          for (const event of events) {
            if (event.kind === 'send') {
              expect(outstanding).toBeUndefined()
              outstanding = event.frame.id
            } else if (event.kind !== 'unknown' && event.kind !== 'late') {
              expect(open.delete(event.call)).toBe(true)
              if (event.kind !== 'refused' && event.call.id === outstanding && event.kind !== 'expired')
                outstanding = undefined
            }
          }
        }
        for (const [action, elapsed] of steps) {
          now += elapsed
          if (action.do === 'call') {
            const { id, life, urgent } = action
            const made = call(String(id), {
              urgent,
              timeoutMs: 100,
              ...(life === null ? {} : { expiresAtMs: now + life }),
            })
            open.add(made)
            take(rpc.call(now, made))
          } else if (action.do === 'answer') {
            take(rpc.receive(now, result(String(action.id))))
          } else {
            take(rpc.due(now))
          }
        }
        take(rpc.close())
        expect(open.size).toBe(0)
      }),
    )
  })
})
