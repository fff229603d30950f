import { expect, it } from 'vitest'
import { createLog } from './log.ts'

it('no secret reaches a log line, neither at the top nor one level down', () => {
  let text = ''
  const log = createLog('info', {
    write(line) {
      text += line
    },
  })
  log.info({ password: 's1', mqtt: { password: 's2' }, headers: { authorization: 's3', cookie: 's4' } }, 'x')
  log
    .child({ apiKey: 's5' })
    .info({ request: { headers: { authorization: 's6' } }, idToken: 's7', siteId: 'shown' }, 'y')
  expect(text).not.toMatch(/"s\d"/)
  expect(text).toContain('shown')
})
