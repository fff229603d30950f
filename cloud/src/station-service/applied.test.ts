import { afterEach, beforeEach, expect, test } from 'vitest'
import { TEST_EPOCH_MS } from '../platform/testing.ts'
import { APPLIED_WAIT_MS } from './applied.ts'
import { booted, SITE, startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
beforeEach(async () => {
  it = await startStationService()
  await it.createSite()
  await it.platform.appendFacts(SITE, booted)
  await it.platform.settle(it.service)
  await it.online()
})
afterEach(async () => {
  await it?.stop()
})

/** A change under way: what was answered, once it was. */
function change(wish: object, path = '/v1/stations/CS-1') {
  const asked: { answer?: { status: number; body: unknown } } = {}
  void it.ask('PATCH', path, wish).then((answer) => {
    asked.answer = answer
  })
  return asked
}
/** The version of the stations' document, once it was published. */
async function published(document = 'stations') {
  const made = async () => {
    await it.platform.relay()
    const entries = await it.platform.entries('document.published')
    return entries.map((e) => JSON.parse(e.text).data).filter(({ name }) => name === document)
  }
  await expect.poll(async () => (await made()).length).toBeGreaterThan(0)
  const { name, version } = (await made()).at(-1)
  return { name, ...version }
}

test('a change of a station is answered when its site has it', async () => {
  const asked = change({ registration: 'rejected' })
  const data = await published()
  expect(asked.answer).toBeUndefined()
  await it.platform.appendFacts(SITE, [{ kind: 'document.applied', data }])
  await it.platform.settle(it.service)
  await expect.poll(() => asked.answer).toMatchObject({ status: 200, body: { registration: 'rejected' } })
  expect(it.platform.clock.now()).toBe(TEST_EPOCH_MS)
})

test('and so is a change of how a site decides', async () => {
  const authorization = { masterPassGroupId: 'masters' }
  const asked = change({ authorization }, `/v1/sites/${SITE}`)
  const hasIt = (text: string) => text.includes('masterPassGroupId')
  await expect
    .poll(async () => {
      await it.platform.relay()
      return (await it.platform.entries('document.published')).filter((e) => hasIt(e.text)).length
    })
    .toBe(1)
  const data = await published('site')
  expect(asked.answer).toBeUndefined()
  await it.platform.appendFacts(SITE, [{ kind: 'document.applied', data }])
  await it.platform.settle(it.service)
  await expect.poll(() => asked.answer).toMatchObject({ status: 200, body: { authorization } })
})

test('a site that does not answer holds a change up for a moment only', async () => {
  const asked = change({ registration: 'rejected' })
  await published()
  expect(asked.answer).toBeUndefined()
  // It may begin to wait only after the clock went on.
  await expect
    .poll(() => {
      it.platform.clock.advance(APPLIED_WAIT_MS)
      return asked.answer
    })
    .toMatchObject({ status: 200, body: { registration: 'rejected' } })
})

test('a call to a station that has just connected waits for that to be told', async () => {
  await it.platform.appendFacts(SITE, [
    { kind: 'station.disconnected', stationId: 'CS-1', data: { reason: 'gone' } },
  ])
  await it.platform.settle(it.service)
  let answer: unknown
  void it.ask('POST', '/v1/stations/CS-1/calls', { action: 'ClearCache' }).then((given) => {
    answer = given
  })
  await it.platform.appendFacts(SITE, [
    { kind: 'station.connected', stationId: 'CS-1', data: { ocpp: '1.6' } },
  ])
  await it.platform.settle(it.service)
  await expect
    .poll(async () => {
      await it.platform.relay()
      return await it.platform.entries('command.requested')
    })
    .toHaveLength(1)
  expect(answer).toBeUndefined()

  await it.platform.appendFacts(SITE, [
    { kind: 'station.disconnected', stationId: 'CS-1', data: { reason: 'gone' } },
  ])
  await it.platform.settle(it.service)
  const away = it.ask('POST', '/v1/stations/CS-1/calls', { action: 'ClearCache' })
  const over = setInterval(() => it.platform.clock.advance(1_000), 50)
  expect((await away).status).toBe(409)
  clearInterval(over)
})
