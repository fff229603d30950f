import { expect, test } from 'vitest'
import { settled, VirtualClock } from '../testing.ts'
import {
  backOffMs,
  type EventStream,
  FIRST_BACK_OFF_MS,
  MAX_BACK_OFF_MS,
  openEventStream,
  PROVEN_MS,
  SILENCE_MS,
  type StreamState,
} from './event-stream.ts'
import type { SseEvent } from './sse-parser.ts'

/** A server that the test plays: every request waits for its answer. */
class Server {
  readonly requests: { lastEventId: string | undefined; answer(status: number): Connection }[] = []
  down = false

  readonly fetch = (_url: string, init: RequestInit): Promise<Response> => {
    if (this.down) return Promise.reject(new TypeError('network'))
    const headers = init.headers as Record<string, string>
    return new Promise((resolve, reject) => {
      init.signal?.addEventListener('abort', () => reject(new Error('aborted')))
      this.requests.push({
        lastEventId: headers['last-event-id'],
        answer: (status) => {
          const connection = new Connection(init.signal ?? undefined)
          resolve(new Response(status === 200 ? connection.body : null, { status }))
          return connection
        },
      })
    })
  }
}

class Connection {
  readonly body: ReadableStream<Uint8Array>
  private controller!: ReadableStreamDefaultController<Uint8Array>

  constructor(signal: AbortSignal | undefined) {
    this.body = new ReadableStream({
      start: (controller) => {
        this.controller = controller
      },
    })
    signal?.addEventListener('abort', () => {
      try {
        this.controller.error(new Error('aborted'))
      } catch {
        // it was closed before
      }
    })
  }

  send(text: string): void {
    this.controller.enqueue(new TextEncoder().encode(text))
  }

  end(): void {
    this.controller.close()
  }
}

function setUp() {
  const clock = new VirtualClock()
  const server = new Server()
  const states: StreamState[] = []
  const events: SseEvent[] = []
  const opened: boolean[] = []
  const stream: EventStream = openEventStream(
    '/api/v1/stream',
    {
      open: (resumed) => opened.push(resumed),
      event: (event) => events.push(event),
      state: (state) => states.push(state),
    },
    { fetch: server.fetch, nowMs: clock.nowMs, after: clock.after, random: () => 0 },
  )
  return { clock, server, states, events, opened, stream }
}

test('a broken stream resumes from the last id, and says since when it was broken', async () => {
  const { clock, server, states, events, opened, stream } = setUp()
  const first = server.requests[0]!.answer(200)
  await settled()
  expect(states.at(-1)).toEqual({ phase: 'live', sinceMs: clock.nowMs() })
  expect(server.requests[0]!.lastEventId).toBeUndefined()
  expect(opened).toEqual([false])

  first.send('id: g.5\nevent: fact\ndata: {"a":1}\n\nevent: live\ndata: {}\n\n')
  await settled()
  expect(events.map((event) => event.type)).toEqual(['fact', 'live'])

  clock.advance(1_000)
  const lostMs = clock.nowMs()
  first.end()
  await settled()
  expect(states.at(-1)).toMatchObject({ phase: 'reconnecting', sinceMs: lostMs, attempt: 1 })

  clock.advance(FIRST_BACK_OFF_MS)
  expect(server.requests[1]!.lastEventId).toBe('g.5')
  server.requests[1]!.answer(200)
  await settled()
  expect(opened).toEqual([false, true])
  stream.close()
})

test('an id in a keep-alive is resumed from too', async () => {
  const { clock, server, stream } = setUp()
  const first = server.requests[0]!.answer(200)
  await settled()
  first.send(': still here\nid: g.9\n\n')
  await settled()
  first.end()
  await settled()
  clock.advance(FIRST_BACK_OFF_MS)
  expect(server.requests[1]!.lastEventId).toBe('g.9')
  stream.close()
})

test('half an event is not counted as received', async () => {
  const { clock, server, events, stream } = setUp()
  const first = server.requests[0]!.answer(200)
  await settled()
  first.send('id: g.1\nevent: fact\ndata: {}\n\nid: g.2\nevent: fact\ndata: {}\n')
  await settled()
  first.end()
  await settled()
  clock.advance(FIRST_BACK_OFF_MS)
  expect(events).toHaveLength(1)
  expect(server.requests[1]!.lastEventId).toBe('g.1')
  stream.close()
})

test('waits grow with every failure, keep the first moment of the loss, and start anew after a proven connection', async () => {
  const { clock, server, states, stream } = setUp()
  server.requests[0]!.answer(200)
  await settled()
  stream.close()

  const again = setUp()
  again.server.requests[0]!.answer(503)
  await settled()
  const lostMs = again.clock.nowMs()
  again.clock.advance(backOffMs(1, 0))
  again.server.requests[1]!.answer(503)
  await settled()
  expect(again.states.at(-1)).toMatchObject({ phase: 'reconnecting', sinceMs: lostMs, attempt: 2 })
  again.clock.advance(backOffMs(2, 0) - 1)
  expect(again.server.requests).toHaveLength(2)
  again.clock.advance(1)
  const good = again.server.requests[2]!.answer(200)
  await settled()
  again.clock.advance(PROVEN_MS)
  good.end()
  await settled()
  expect(again.states.at(-1)).toMatchObject({
    phase: 'reconnecting',
    attempt: 1,
    sinceMs: again.clock.nowMs(),
  })
  again.stream.close()

  expect(backOffMs(1, 0)).toBe(FIRST_BACK_OFF_MS / 2)
  expect(backOffMs(50, 1)).toBe(MAX_BACK_OFF_MS)
  expect(states.filter((state) => state.phase === 'live')).toHaveLength(1)
  expect(clock.nowMs()).toBeGreaterThan(0)
})

test('a silent connection is given up', async () => {
  const { clock, server, states, stream } = setUp()
  const first = server.requests[0]!.answer(200)
  await settled()
  clock.advance(SILENCE_MS - 1)
  first.send(': here\n\n')
  await settled()
  clock.advance(SILENCE_MS - 1)
  await settled()
  expect(states.at(-1)).toMatchObject({ phase: 'live' })
  clock.advance(1)
  await settled()
  expect(states.at(-1)).toMatchObject({ phase: 'reconnecting', reason: 'nothing was heard from the server' })
  stream.close()
})

test('the end of the sign-in stops it', async () => {
  const { clock, server, states } = setUp()
  server.requests[0]!.answer(401)
  await settled()
  expect(states.at(-1)).toEqual({ phase: 'signed-out' })
  clock.advance(10 * MAX_BACK_OFF_MS)
  expect(server.requests).toHaveLength(1)
})

test('an id that the server refuses is dropped', async () => {
  const { clock, server, opened, stream } = setUp()
  const first = server.requests[0]!.answer(200)
  await settled()
  first.send('id: other\nevent: fact\ndata: {}\n\n')
  await settled()
  first.end()
  await settled()
  clock.advance(FIRST_BACK_OFF_MS)
  server.requests[1]!.answer(422)
  await settled()
  clock.advance(MAX_BACK_OFF_MS)
  expect(server.requests[2]!.lastEventId).toBeUndefined()
  server.requests[2]!.answer(200)
  await settled()
  expect(opened).toEqual([false, false])
  stream.close()
})

test('retryNow does not wait', async () => {
  const { server, states, stream } = setUp()
  server.requests[0]!.answer(500)
  await settled()
  expect(states.at(-1)?.phase).toBe('reconnecting')
  stream.retryNow()
  expect(server.requests).toHaveLength(2)
  stream.retryNow()
  expect(server.requests).toHaveLength(2)
  stream.close()
})
