import { afterEach, expect, it } from 'vitest'
import { expectedFacts, missingFact, replay } from '../testing/replay.ts'
import { TestController } from '../testing/test-controller.ts'

let site: TestController | undefined
afterEach(() => site?.stop())

const NAMES = [
  'reference/session-1.6',
  'reference/session-2.0.1',
  'general/transaction-id-placeholder',
  'general/repeated-seq-no',
]

it.each(NAMES)('the transcript %s becomes the facts beside it', async (name) => {
  site = await TestController.start({ at: '2026-11-23T07:57:00.000Z' })
  await site.apply('tokens', {
    tokens: ['04A2B3C4D5E680', '04E1F2A3B4C580'].map((idToken) => ({
      idToken,
      type: 'ISO14443',
      status: 'Accepted' as const,
    })),
  })
  await replay(site, name)
  const written = [...(await site.facts('ledger')), ...(await site.facts('telemetry'))]
  expect(missingFact(expectedFacts(name), written)).toBeUndefined()
})
