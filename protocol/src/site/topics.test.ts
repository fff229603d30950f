import { describe, expect, it } from 'vitest'
import { downTopic, parseDownTopic, parseUpTopic, upTopic } from './topics.ts'

describe('topics', () => {
  it('reads what it makes', () => {
    expect(parseUpTopic(upTopic('site-1', 'ledger'))).toEqual({ siteId: 'site-1', channel: 'ledger' })
    expect(parseDownTopic(downTopic('site-1', 'ack'), 'site-1')).toBe('ack')
  })

  it.each([
    '',
    'csms',
    'csms/1/a/up',
    'csms/1/a/up/nothing',
    'csms/2/a/up/ledger',
    'csms/1//up/ledger',
    'csms/1/+/up/ledger',
    'csms/1/a/up/ledger/x',
    'csms/1/a/down/ack',
  ])('"%s" is no upward topic', (topic) => {
    expect(parseUpTopic(topic)).toBeUndefined()
  })

  it("does not take another site's downward topic", () => {
    expect(parseDownTopic(downTopic('site-2', 'ack'), 'site-1')).toBeUndefined()
  })
})
