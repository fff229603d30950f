import { expect, it } from 'vitest'
import { LOG_BURST, LOG_REFILL_MS, limitedLog } from './limited-log.ts'
import { VirtualClock } from './testing/virtual-clock.ts'

it('a flood of lines is cut, and what was left out is told', () => {
  const clock = new VirtualClock('2026-11-23T12:00:00Z')
  const lines: object[] = []
  const keep = (fields: object) => void lines.push(fields)
  const log = limitedLog({ debug: keep, info: keep, warn: keep, error: keep }, clock)
  for (let i = 0; i < LOG_BURST + 500; i++) log.warn({ i }, 'malformed frame')
  expect(lines).toHaveLength(LOG_BURST)
  clock.advance(LOG_REFILL_MS)
  log.error({ last: true }, 'one more')
  log.info({}, 'and another')
  expect(lines.slice(LOG_BURST)).toEqual([{ last: true, linesLeftOut: 500 }])
  clock.advance(3_600_000)
  for (let i = 0; i < 2 * LOG_BURST; i++) log.info({}, 'x')
  expect(lines).toHaveLength(2 * LOG_BURST + 1)
})
