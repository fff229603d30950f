import { readTranscript } from '@switchyard/protocol/ocpp/transcript.ts'
import type { Command } from '@switchyard/protocol/site/command.ts'
import { type LoggedMessage, messagesQuery } from '@switchyard/protocol/site/messages.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BUS } from '../platform/bus.ts'
import { testHeaders } from '../platform/testing.ts'
import { booted, picture, SITE, startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
beforeEach(async () => {
  it = await startStationService()
  await it.createSite()
  await it.platform.appendFacts(SITE, booted)
  await it.platform.settle(it.service)
})
afterEach(async () => {
  await it?.stop()
})

/** The question that was issued as the n-th. */
async function question(n: number): Promise<Command> {
  for (;;) {
    await it.platform.relay()
    const asked = (await it.platform.entries('command.requested'))[n]
    if (asked !== undefined) return JSON.parse(asked.text).data.command
  }
}
const answer = (commandId: string, outcome: object) =>
  it.platform.bus.publish(BUS.live('default'), picture({ outcomes: [{ commandId, ...outcome } as never] }, 0))
const beat = (seq: number): LoggedMessage => ({
  seq,
  at: '2026-11-23T12:00:00.000Z',
  dir: 'in',
  action: 'Heartbeat',
  frame: [2, String(seq), 'Heartbeat', {}],
})

test('the site is asked until there are as many as wanted, or no more', async () => {
  const offline = await it.ask('GET', '/v1/stations/CS-1/messages')
  expect(offline).toMatchObject({ status: 409, body: { detail: expect.stringContaining('not connected') } })
  await it.online()
  const path = '/v1/stations/CS-1/messages?limit=3&action=Heartbeat&from=2026-11-23T11:00:00Z'
  const shown = it.ask('GET', path)
  const first = await question(0)
  expect(first).toMatchObject({ kind: 'site.messages', stationId: 'CS-1' })
  const asked = { action: 'Heartbeat', fromMs: Date.parse('2026-11-23T11:00:00Z') }
  expect(messagesQuery.parse(first.args)).toEqual({ ...asked, limit: 3 })
  answer(first.id, { status: 'accepted', reply: { items: [beat(9), beat(8)], older: 8 } })
  const second = await question(1)
  expect(second.args).toEqual({ ...asked, before: 8, limit: 1 })
  answer(second.id, { status: 'accepted', reply: { items: [beat(7)], older: 7 } })
  const { status, body } = await shown
  expect(status).toBe(200)
  const { seq: _, ...item } = beat(9)
  expect(body.items).toHaveLength(3)
  expect(body.items[0]).toEqual(item)

  const rest = it.ask('GET', `/v1/stations/CS-1/messages?cursor=${body.next}`)
  const third = await question(2)
  expect(third.args).toEqual({ before: 7, limit: 50 })
  answer(third.id, { status: 'accepted', reply: { items: [], older: null } })
  expect((await rest).body).toEqual({ items: [], next: null })
})

test('as a transcript they are what the replay reads', async () => {
  await it.online()
  const path = '/v1/stations/CS-1/messages?format=transcript'
  const response = it.service.routes!.request(path, { headers: testHeaders() })
  answer((await question(0)).id, {
    status: 'accepted',
    reply: {
      items: [beat(9), { ...beat(8), frame: undefined, action: null, text: '{' }, beat(7)],
      older: null,
    },
  })
  const shown = await response
  expect(shown.headers.get('content-type')).toBe('application/jsonl')
  expect(readTranscript(await shown.text())).toEqual({
    ok: true,
    transcript: {
      header: { transcript: 1, version: '1.6', station: 'CS-1' },
      lines: [7, 8, 9].map((seq) => {
        const { at, dir, frame } = beat(seq)
        return seq === 8 ? { at, dir, text: '{' } : { at, dir, frame }
      }),
    },
  })
})

test('a transcript tells what operators said of the station, and the zone of its local times', async () => {
  const assignedQuirks = { 'local-times': true, 'no-pong': true, 'whole-amps': false }
  await it.ask('PATCH', '/v1/stations/CS-1', { assignedQuirks })
  await it.online()
  const path = '/v1/stations/CS-1/messages?format=transcript'
  const response = it.service.routes!.request(path, { headers: testHeaders() })
  answer((await question(0)).id, { status: 'accepted', reply: { items: [beat(7)], older: null } })
  expect(readTranscript(await (await response).text())).toMatchObject({
    transcript: { header: { quirks: ['local-times', 'no-pong'], site: { timeZone: 'Europe/Berlin' } } },
  })
})

test.each([
  [{ status: 'failed', error: { code: 'UnknownSession', description: 'not known' } }, 404],
  [{ status: 'failed', error: { code: 'UnknownKind', description: 'no' } }, 409],
  [{ status: 'unknown', error: { code: 'ControllerRestarted', description: 'no' } }, 504],
  [{ status: 'accepted', reply: { items: 'none' } }, 502],
])('%j is told as %i', async (outcome, status) => {
  await it.online()
  const shown = it.ask('GET', '/v1/stations/CS-1/messages?sessionId=S-9')
  answer((await question(0)).id, outcome)
  expect((await shown).status).toBe(status)
})
