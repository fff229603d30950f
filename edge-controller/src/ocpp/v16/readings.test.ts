import { factData } from '@switchyard/protocol/site/fact.ts'
import { expect, it } from 'vitest'
import { keptValues, registerOf } from '../../session/reading.ts'
import { readingsOf } from './readings.ts'

it('signed data is kept byte for byte beside the readings, and is no reading itself', () => {
  const signed = ' OCMF|{"PG":"T1"}|{"SD":"30//+="}\r\n\u0000é '
  const [reading] = readingsOf([
    {
      timestamp: '2026-11-23T08:00:00Z',
      sampledValue: [
        { value: signed, format: 'SignedData', context: 'Transaction.End' },
        { value: '1234', unit: 'Wh' },
      ],
    },
  ])
  expect(registerOf(reading!.values)).toBe(1_234_000)
  const data = {
    at: '2026-11-23T08:00:00.000Z',
    evseId: 1,
    connectorId: 1,
    values: keptValues(reading!.values),
  }
  const { values } = factData['session.meter'].parse(JSON.parse(JSON.stringify(data)))
  expect(values[0]).toMatchObject({ signed, value: '', context: 'Transaction.End' })
})
