import { expect, it } from 'vitest'
import type { Socket } from '../ports.ts'
import { systemRandom } from '../random.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { type Answer, Connection, INBOX_MAX, INBOX_RESUME } from './connection.ts'
import { Lane } from './lane.ts'

/** A socket whose other end is the test. */
class VirtualSocket implements Socket {
  readonly remote = 'test'
  readonly sent: string[] = []
  paused = false
  closedWith: number | undefined
  say!: (text: string) => void
  send(text: string): void {
    this.sent.push(text)
  }
  close(code: number): void {
    this.closedWith = code
  }
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }
  ping(): void {}
  onText(handler: (text: string) => void): void {
    this.say = handler
  }
  onPong(): void {}
  onClose(): void {}
}

function connect(answer: (id: string) => Promise<Answer | undefined>, beatMs = 0) {
  const socket = new VirtualSocket()
  const clock = new VirtualClock('2026-11-23T12:00:00Z')
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const connection = new Connection(socket, {
    stationId: 'CP1',
    version: '1.6',
    clock,
    random: systemRandom,
    log,
    lane: new Lane(),
    pingIntervalMs: 30_000,
    beatMs: () => beatMs,
    answer: (call) => answer(call.id),
    onClosed() {},
  })
  return { socket, clock, connection }
}

const answerTo = (id: string): Answer => ({ frame: { type: 'callResult', id, payload: {} }, keep: false })
const turns = async (until: () => boolean) => {
  while (!until()) await new Promise((resolve) => setImmediate(resolve))
}

it('a full inbox pauses the socket, and it is read again when the inbox has emptied', async () => {
  const release: (() => void)[] = []
  const { socket } = connect(async (id) => {
    await new Promise<void>((resolve) => release.push(resolve))
    return answerTo(id)
  })
  for (let i = 0; i <= INBOX_MAX; i++) socket.say(`[2,"${i}","Heartbeat",{}]`)
  expect(socket.paused).toBe(true)
  while (socket.paused) {
    const answered = socket.sent.length
    await turns(() => release.length > 0)
    release.shift()!()
    await turns(() => socket.sent.length > answered)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(socket.sent).toHaveLength(INBOX_MAX + 1 - INBOX_RESUME)
})

it('calls go out one at a time; what is unanswered when the connection ends may have taken effect', async () => {
  const { socket, clock, connection } = connect(async (id) => answerTo(id))
  const first = connection.call('Reset', { type: 'Soft' }, { timeoutMs: 1_000 })
  const second = connection.call('ClearCache', {})
  const third = connection.call('ClearCache', {})
  expect(socket.sent).toHaveLength(1)
  clock.advance(1_000)
  expect(await first).toEqual({ status: 'unknown', reason: 'timeout' })
  expect(socket.sent).toHaveLength(2)
  connection.close(1001, 'over')
  expect(await second).toEqual({ status: 'unknown', reason: 'connection-lost' })
  expect(await third).toEqual({ status: 'not-sent', reason: 'connection-lost' })
  expect(socket.closedWith).toBe(1001)
})

it('what came before the close is still taken', async () => {
  const taken: string[] = []
  const { socket, connection } = connect(async (id) => {
    taken.push(id)
    return answerTo(id)
  })
  socket.say('[2,"a","Heartbeat",{}]')
  socket.say('[2,"b","Heartbeat",{}]')
  connection.close(1000, 'over')
  await turns(() => taken.length === 2)
  expect(socket.sent).toEqual([])
})

it('a socket on which nothing comes, not even a pong, is closed; one that is heard stays open', () => {
  const { socket, clock } = connect(async (id) => answerTo(id))
  clock.advance(60_000)
  socket.say('[2,"1","Heartbeat",{}]')
  clock.advance(75_000)
  expect(socket.closedWith).toBeUndefined()
  clock.advance(30_000)
  expect(socket.closedWith).toBe(1001)
})

it('where the station answers no ping its heartbeats are waited for', () => {
  const { socket, clock } = connect(async (id) => answerTo(id), 300_000)
  clock.advance(299_000)
  socket.say('[2,"1","Heartbeat",{}]')
  clock.advance(749_000)
  expect(socket.closedWith).toBeUndefined()
  clock.advance(60_000)
  expect(socket.closedWith).toBe(1001)
})
