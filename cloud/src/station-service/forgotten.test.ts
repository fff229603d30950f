import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { GIVE_UP_MS, giveUp } from './forgotten.ts'
import { AT, SITE, started, startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
beforeEach(async () => {
  it = await startStationService()
  await it.createSite()
})
afterEach(() => it?.stop())

async function take(facts: FactDraft[], journalId = 'J1') {
  await it.platform.appendFacts(SITE, facts, { journalId })
  await it.platform.settle(it.service)
}
const begun = (running?: string[], journalId = 'J1'): FactDraft => ({
  kind: 'controller.started',
  data: { version: '1', journalId, node: '20', ...(running ? { running } : {}) },
})
const register = (minutes: number, registerMilliWh: number): FactDraft => ({
  kind: 'session.register',
  stationId: 'CS-1',
  sessionId: 'S-1',
  data: { at: AT(minutes), registerMilliWh },
})
async function givenUp() {
  const count = await giveUp(it.platform.context)
  await it.platform.settle(it.service)
  return count
}
const session = async () => (await it.ask('GET', '/v1/sessions/S-1')).body
const made = async () =>
  (await it.platform.entries('session.forgotten')).map((entry) => JSON.parse(entry.text).data)

test('a session that its journal had told of, and that its controller does not know any more, ends at its last register, once', async () => {
  await take([started, register(30, 6_000_000), begun([])])
  expect(await givenUp()).toBe(1)
  expect(await givenUp()).toBe(0)
  expect(await made()).toMatchObject([
    { revision: 1, presumed: true, review: ['end-unknown'], endedAt: AT(30), energyMilliWh: 5_000_000 },
  ])
  expect(await session()).toMatchObject({ endedAt: AT(30), energyWh: 5_000, presumed: true })
  // Told of after all: the box's own word goes before it.
  await take([
    {
      kind: 'session.ended',
      stationId: 'CS-1',
      sessionId: 'S-1',
      data: {
        ...{
          evseId: 1,
          connectorId: 1,
          revision: 1,
          startedAt: AT(0),
          endedAt: AT(60),
          durationMs: 3_600_000,
        },
        ...{ startRegisterMilliWh: 1_000_000, endRegisterMilliWh: 9_000_000, energyMilliWh: 8_000_000 },
        ...{ idToken: { value: 'TAG', type: 'ISO14443' }, authorization: 'Accepted', reason: 'Local' },
        ...{ presumed: false, review: [], profile: [], transactionId: '77' },
      },
    },
  ])
  expect(await session()).toMatchObject({ endedAt: AT(60), energyWh: 8_000, presumed: false })
})

test('one that the controller knows goes on, as does one of a controller that does not tell', async () => {
  await take([started, begun(['S-1']), begun()])
  await passes(2 * GIVE_UP_MS)
  expect(await givenUp()).toBe(0)
})

test('one that began after the start goes on, though the fact of the start comes again', async () => {
  await take([begun([]), started])
  expect(await givenUp()).toBe(0)
})

test('one of a card that was replaced is given up when nothing was heard of it for two days', async () => {
  await take([started, begun(['S-1'])])
  await passes(GIVE_UP_MS + 60_000)
  // Nobody took its place: its site may only be away.
  expect(await givenUp()).toBe(0)
  await take([begun([], 'J2')], 'J2')
  await take([register(30, 6_000_000)])
  await take([begun([], 'J2')], 'J2')
  await passes(GIVE_UP_MS - 60_000)
  expect(await givenUp()).toBe(0)
  await passes(120_000)
  expect(await givenUp()).toBe(1)
})

test('an end whose fact was lost with a restored log is made again', async () => {
  await take([started, begun([])])
  const { context, sql } = it.platform
  expect(await giveUp(context)).toBe(1)
  expect(await giveUp(context)).toBe(0)
  await sql`update station.session set given_up_at = given_up_at - interval '61 minutes'`
  expect(await giveUp(context)).toBe(1)
})

/** What was heard was heard earlier by so much. */
async function passes(ms: number) {
  await it.platform.sql`update station.session set heard_at = heard_at - ${ms} * interval '1 ms'`
}
