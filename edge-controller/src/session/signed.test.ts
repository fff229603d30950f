import { factData } from '@switchyard/protocol/site/fact.ts'
import { expect, it } from 'vitest'
import { meterValues } from '../ocpp/v16/meter-values.ts'
import { startTransaction } from '../ocpp/v16/start-transaction.ts'
import { stopTransaction } from '../ocpp/v16/stop-transaction.ts'
import { Decisions } from '../testing/decide.ts'
import { SIGNED_MAX_BYTES, SIGNED_OF_ENDS_MAX_BYTES } from './signed.ts'

const at = (minute: number) => new Date(Date.parse('2026-11-23T08:00:00Z') + minute * 60_000).toISOString()
const signedValue = (text: string, context: 'Sample.Periodic' | 'Transaction.Begin' | 'Transaction.End') => ({
  value: text,
  format: 'SignedData' as const,
  context,
})

function site() {
  const d = new Decisions()
  const { reply } = d.take(startTransaction, {
    connectorId: 1,
    idTag: 'TAG',
    meterStart: 0,
    timestamp: at(0),
  })
  const { transactionId } = reply
  const sample = (minute: number, text: string) =>
    d.take(meterValues, {
      connectorId: 1,
      transactionId,
      meterValue: [
        {
          timestamp: at(minute),
          sampledValue: [signedValue(text, 'Sample.Periodic'), { value: String(minute), unit: 'Wh' }],
        },
      ],
    }).facts
  const stop = (minute: number, text: string) =>
    d.take(stopTransaction, {
      transactionId,
      meterStop: 1_000,
      timestamp: at(minute),
      transactionData: [
        { timestamp: at(0), sampledValue: [signedValue(text, 'Transaction.Begin')] },
        { timestamp: at(minute), sampledValue: [signedValue(text, 'Transaction.End')] },
      ],
    }).facts
  return { d, sample, stop }
}
const signedIn = (facts: Decisions['facts']) =>
  facts.flatMap((it) => (it.kind === 'session.signed' ? [factData['session.signed'].parse(it.data)] : []))

it('go into the ledger before the end of the session, as they came', () => {
  const { sample, stop } = site()
  const text = ' OCMF|{"PG":"T1"}|{"SD":"30//+="}\r\n\u0000é '
  const [told] = signedIn(sample(1, text))
  expect(told).toEqual({
    at: at(1),
    values: [
      { measurand: 'Energy.Active.Import.Register', value: '', context: 'Sample.Periodic', signed: text },
    ],
  })
  const facts = stop(2, text)
  expect(signedIn(facts).flatMap((it) => it.values.map((v) => v.context))).toEqual([
    'Transaction.Begin',
    'Transaction.End',
  ])
  expect(facts.at(-1)?.kind).toBe('session.ended')
})

it('have a bound of bytes, within which those of start and end always come', () => {
  const { d, sample, stop } = site()
  const long = 'x'.repeat(10_000)
  for (let minute = 1; minute <= 20; minute++) sample(minute, long)
  const bytes = () => JSON.stringify(signedIn(d.facts).flatMap((it) => it.values)).length
  expect(bytes()).toBeGreaterThan(SIGNED_MAX_BYTES - 11_000)
  expect(bytes()).toBeLessThan(SIGNED_MAX_BYTES + 1_000)
  const taken = signedIn(d.facts).length
  // What had no room stays with its reading.
  expect(JSON.stringify(d.facts.findLast((it) => it.kind === 'session.meter')?.data)).toContain(long)
  const facts = stop(21, long)
  expect(signedIn(facts)).toMatchObject([{ omitted: 20 - taken }, { omitted: 20 - taken }])
  expect(bytes()).toBeLessThan(SIGNED_OF_ENDS_MAX_BYTES)
})
