import { beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../clock.ts'
import { CallFailed } from './rpc.ts'
import type { SessionMessage } from './session.ts'
import { QUEUE_MAX, TransactionQueue } from './transaction-queue.ts'

let clock: VirtualClock
let ready: boolean
let sent: number[]
let outcomes: ((seqNo: number) => 'ok' | CallFailed)[]
let answered: number[]
let dropped: number[]
let timeouts: number
let queue: TransactionQueue

beforeEach(() => {
  clock = new VirtualClock(0)
  ready = true
  sent = []
  outcomes = []
  answered = []
  dropped = []
  timeouts = 0
  queue = new TransactionQueue({
    clock,
    ready: () => ready,
    toCall: (message) => ({ action: 'X', payload: message }),
    async call({ payload }) {
      const { seqNo } = payload as SessionMessage
      sent.push(seqNo)
      const outcome = outcomes.shift()?.(seqNo) ?? 'ok'
      if (outcome !== 'ok') throw outcome
      return {}
    },
    attempts: () => 3,
    retryIntervalS: () => 10,
    onAnswered: ({ seqNo }) => answered.push(seqNo),
    onDropped: ({ seqNo }) => dropped.push(seqNo),
    onTimeout: () => timeouts++,
  })
})

function message(seqNo: number, kind: 'started' | 'meter' | 'ended' = 'meter'): SessionMessage {
  const head = {
    sessionKey: 's',
    connectorId: 1,
    seqNo,
    atMs: 0,
    offline: false,
    registerMilliWh: 0,
    readings: [],
  }
  switch (kind) {
    case 'started':
      return { ...head, kind, idToken: 'T', trigger: 'authorised', state: 'Charging' }
    case 'meter':
      return { ...head, kind, context: 'Sample.Periodic', state: 'Charging' }
    case 'ended':
      return { ...head, kind, reason: 'Local', idToken: 'T' }
  }
}

/** Lets promises settle. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('the queue of transaction messages', () => {
  it('sends in order, one at a time', async () => {
    for (let seqNo = 0; seqNo < 5; seqNo++) queue.add(message(seqNo))
    queue.pump()
    queue.pump()
    expect(sent).toEqual([0])
    await settle()
    expect(sent).toEqual([0, 1, 2, 3, 4])
    expect(answered).toEqual(sent)
    expect(queue.messages).toEqual([])
  })

  it('keeps what a lost connection left unanswered, and begins with it again', async () => {
    queue.add(message(0))
    queue.add(message(1))
    outcomes = [() => new CallFailed('lost', 'gone')]
    queue.pump()
    ready = false
    await settle()
    clock.advance(3_600_000)
    expect(sent).toEqual([0])
    ready = true
    queue.pump()
    await settle()
    expect(sent).toEqual([0, 0, 1])
    expect(dropped).toEqual([])
  })

  it('takes silence for a dead connection', async () => {
    queue.add(message(0))
    outcomes = [() => new CallFailed('timeout', 'silence')]
    queue.pump()
    await settle()
    expect(timeouts).toBe(1)
    expect(queue.messages).toHaveLength(1)
  })

  it('repeats after an error with growing pauses, then gives up that message and goes on', async () => {
    queue.add(message(0))
    queue.add(message(1))
    const error = () => new CallFailed('error', 'InternalError')
    outcomes = [error, error, error]
    queue.pump()
    await settle()
    clock.advance(9_999)
    expect(sent).toEqual([0])
    clock.advance(1)
    await settle()
    expect(sent).toEqual([0, 0])
    clock.advance(20_000)
    await settle()
    expect(sent).toEqual([0, 0, 0, 1])
    expect(dropped).toEqual([0])
    expect(answered).toEqual([1])
  })

  it('thins intermediate messages at its bound, and keeps starts and ends', () => {
    ready = false
    queue.add(message(0, 'started'))
    for (let seqNo = 1; seqNo < QUEUE_MAX; seqNo++) queue.add(message(seqNo))
    expect(queue.full).toBe(true)
    queue.add(message(QUEUE_MAX, 'ended'))
    expect(queue.full).toBe(false)
    expect(dropped).toHaveLength(QUEUE_MAX / 2)
    const kinds = queue.messages.map((it) => it.kind)
    expect([kinds[0], kinds.at(-1)]).toEqual(['started', 'ended'])
    const order = queue.messages.map((it) => it.seqNo)
    expect(order).toEqual([...order].sort((a, b) => a - b))
  })
})
