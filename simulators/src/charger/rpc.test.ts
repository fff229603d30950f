import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import { beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../clock.ts'
import type { ChargerVersion } from './dialect.ts'
import { Refusal, Rpc, WAITING_CALLS_MAX } from './rpc.ts'

let clock: VirtualClock
let sent: unknown[][]
let faults: string[]
let rpc: Rpc

async function make(version: ChargerVersion): Promise<void> {
  let ids = 0
  rpc = new Rpc({
    validators: await loadValidators(version),
    clock,
    callTimeoutMs: 1_000,
    newId: () => `id${++ids}`,
    send: (text) => sent.push(JSON.parse(text)),
    handle: (action) => {
      if (action === 'ClearCache') return { payload: { status: 'Accepted' } }
      if (action === 'Reset') return { payload: { status: 'Nonsense' } }
      throw new Refusal('NotSupported', `no ${action}`)
    },
    onFault: (fault) => faults.push(fault),
  })
}

beforeEach(() => {
  clock = new VirtualClock(0)
  sent = []
  faults = []
})

describe.each([
  ['1.6', 'FormationViolation', 'FormationViolation'],
  ['2.0.1', 'FormatViolation', 'RpcFrameworkError'],
] as const)('the RPC of a station of OCPP %s', (version, formatCode, frameworkCode) => {
  beforeEach(() => make(version))

  it('answers each kind of bad call with the error of the version, and the next good one', () => {
    const bad: [string, unknown[]][] = [
      ['not json', [4, '-1', frameworkCode]],
      ['{"a":1}', [4, '-1', frameworkCode]],
      ['[2,"x","NoSuchAction",{}]', [4, 'x', 'NotImplemented']],
      ['[2,"y","GetLocalListVersion",{}]', [4, 'y', 'NotSupported']],
      ['[2,"z","ClearCache",{"extra":1}]', [4, 'z', formatCode]],
      ['[2,"w","ClearCache"]', [4, 'w', formatCode]],
    ]
    for (const [text, answer] of bad) {
      rpc.receive(text)
      expect(sent.pop()?.slice(0, 3)).toEqual(answer)
    }
    rpc.receive('[2,"ok","ClearCache",{}]')
    expect(sent.pop()).toEqual([3, 'ok', { status: 'Accepted' }])
  })

  it('does not send an answer of its own that breaks the schema', () => {
    rpc.receive(`[2,"r","Reset",{"type":"${version === '1.6' ? 'Hard' : 'Immediate'}"}]`)
    expect(sent.pop()?.slice(0, 3)).toEqual([4, 'r', 'InternalError'])
    expect(faults[0]).toContain('our own answer to Reset is invalid')
  })

  it('has one call outstanding, the others in order', async () => {
    const first = rpc.call('Heartbeat', {})
    const second = rpc.call('Heartbeat', {})
    expect(sent).toHaveLength(1)
    rpc.receive('[3,"id1",{"currentTime":"2026-01-01T00:00:00Z"}]')
    expect(await first).toEqual({ currentTime: '2026-01-01T00:00:00Z' })
    rpc.receive('[4,"id2","InternalError","no",{}]')
    await expect(second).rejects.toMatchObject({ kind: 'error' })
  })

  it('ends a call by silence, and takes no late answer for another', async () => {
    const first = rpc.call('Heartbeat', {})
    const second = rpc.call('Heartbeat', {})
    clock.advance(1_000)
    await expect(first).rejects.toMatchObject({ kind: 'timeout' })
    rpc.receive('[3,"id1",{"currentTime":"2026-01-01T00:00:00Z"}]')
    expect(faults).toEqual(['an answer to no outstanding call: id1'])
    rpc.receive('[3,"id2",{"currentTime":"2026-01-01T00:00:01Z"}]')
    expect(await second).toEqual({ currentTime: '2026-01-01T00:00:01Z' })
  })

  it('refuses an answer that breaks the schema', async () => {
    const call = rpc.call('Heartbeat', {})
    rpc.receive('[3,"id1",{"time":"now"}]')
    await expect(call).rejects.toMatchObject({ kind: 'invalid' })
  })

  it('sends nothing that breaks the schema', async () => {
    await expect(rpc.call('Heartbeat', { a: 1 })).rejects.toMatchObject({ kind: 'invalid' })
    expect(sent).toEqual([])
    expect(faults[0]).toContain('our own Heartbeat is invalid')
  })

  it('fails at once what is over its bound, and all of it when the connection ends', async () => {
    const calls = Array.from({ length: WAITING_CALLS_MAX + 1 }, () => rpc.call('Heartbeat', {}))
    await expect(rpc.call('Heartbeat', {})).rejects.toMatchObject({ kind: 'queue-full' })
    rpc.close()
    for (const call of calls) await expect(call).rejects.toMatchObject({ kind: 'lost' })
    await expect(rpc.call('Heartbeat', {})).rejects.toMatchObject({ kind: 'lost' })
  })
})
