import { expect, it } from 'vitest'
import { Decisions } from '../../testing/decide.ts'
import { dataTransfer } from './data-transfer.ts'

it('what a vendor says is kept, and answered as unknown', () => {
  const d = new Decisions()
  const said = { vendorId: 'com.example', messageId: 'M', data: 'D' }
  const { reply, facts } = d.take(dataTransfer, said)
  expect(reply).toEqual({ status: 'UnknownVendorId' })
  expect(facts).toEqual([
    { kind: 'station.data-transfer', stationId: 'CP1', data: { ...said, status: 'UnknownVendorId' } },
  ])
})

it('a message that no station says is not known of an extension that is spoken here', () => {
  for (const vendorId of ['org.openchargealliance.costmsg', 'Org.OpenChargeAlliance.CostMsg']) {
    const said = { vendorId, messageId: 'Ask', data: 'D' }
    const { reply, facts } = new Decisions().take(dataTransfer, said)
    expect(reply).toEqual({ status: 'UnknownMessageId' })
    expect(facts[0]?.data).toEqual({ ...said, status: 'UnknownMessageId' })
  }
})
