import { expect, test } from 'vitest'
import { MAX_EVENT_CHARS, SseParser } from './sse-parser.ts'

test('an event cut anywhere comes out whole, once', () => {
  const text =
    ': hello\n\nid: g.1-0\nevent: fact\ndata: {"kind":\ndata: "x"}\n\nevent: live\r\ndata:{}\r\n\r\n'
  for (let cut = 0; cut <= text.length; cut++) {
    const parser = new SseParser()
    const events = [...parser.feed(text.slice(0, cut)), ...parser.feed(text.slice(cut))]
    expect(events).toEqual([
      { type: 'fact', data: '{"kind":\n"x"}' },
      { type: 'live', data: '{}' },
    ])
    expect(parser.lastEventId).toBe('g.1-0')
  }
})

test('an id without data moves the position and makes no event', () => {
  const parser = new SseParser('g.1')
  expect(parser.feed(': still here\nid: g.7\n\n')).toEqual([])
  expect(parser.lastEventId).toBe('g.7')
})

test('an id counts only once its event is whole', () => {
  const parser = new SseParser('g.1')
  parser.feed('id: g.2\nevent: fact\ndata: {}\n')
  expect(parser.lastEventId).toBe('g.1')
  parser.feed('\n')
  expect(parser.lastEventId).toBe('g.2')
})

test('an event without an end is refused at the bound', () => {
  const parser = new SseParser()
  const piece = `data: ${'x'.repeat(1_000_000)}\n`
  expect(() => {
    for (let i = 0; i < MAX_EVENT_CHARS / 1_000_000 + 2; i++) parser.feed(piece)
  }).toThrow(RangeError)
})
