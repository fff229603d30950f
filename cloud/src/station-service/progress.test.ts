/** What stations say of firmware updates and uploads stands with the command that asked for them. */
import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MAX_PROGRESS } from './project-progress.ts'
import { booted, SITE, startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
beforeEach(async () => {
  it = await startStationService()
  await it.createSite()
})
afterEach(async () => {
  await it?.stop()
})

const AT_NOW = '2026-11-23T12:00:00Z'
const UPDATE = { location: 'http://files.example/image', retrieveAt: AT_NOW }
const FIRMWARE = 'FirmwareStatusNotification'

async function known(ocpp: string): Promise<void> {
  await facts([
    ...booted.map(
      (it) => ({ ...it, data: { ...it.data, ...('ocpp' in it.data ? { ocpp } : {}) } }) as FactDraft,
    ),
  ])
}
async function facts(drafts: FactDraft[], options = {}): Promise<void> {
  await it.platform.appendFacts(SITE, drafts, options)
  await it.platform.settle(it.service)
}
async function issue(kind: string, args: object): Promise<string> {
  const { status, body } = await it.ask('POST', '/v1/stations/CS-1/commands', { kind, args })
  expect(status).toBe(202)
  // A later command is the later one.
  it.platform.clock.advance(1)
  return body.commandId
}
const said = (action: string, status: string, requestId?: number, stationId = 'CS-1'): FactDraft => ({
  kind: 'station.event',
  stationId,
  data: { events: [{ action, status, ...(requestId === undefined ? {} : { requestId }) }] },
})
const outcome = (commandId: string, reply: { status: string; requestId?: number }): FactDraft => ({
  kind: 'command.outcome',
  data: { commandId, status: reply.status === 'Accepted' ? 'accepted' : 'rejected', reply: { ...reply } },
})
const progressOf = async (commandId: string) => {
  const { progress } = (await it.ask('GET', `/v1/commands/${commandId}`)).body
  return (
    progress && {
      status: progress.status,
      history: progress.history.map((h: { status: string }) => h.status),
    }
  )
}

test('an update of 2.x tells its state and its history by the id of the request, also before its answer is known', async () => {
  await known('2.0.1')
  const first = await issue('UpdateFirmware', { ...UPDATE, requestId: 7 })
  const second = await issue('UpdateFirmware', UPDATE)
  expect(await progressOf(first)).toBeNull()
  // The station speaks before what it answered has come: by an id that only the site has drawn.
  await facts([said(FIRMWARE, 'Downloading', 99), outcome(second, { status: 'Accepted', requestId: 99 })])
  await facts([
    said(FIRMWARE, 'Downloading', 7),
    said(FIRMWARE, 'Downloading', 7),
    said(FIRMWARE, 'Idle'),
    said(FIRMWARE, 'DownloadFailed', 7),
    said(FIRMWARE, 'Downloaded', 99),
    said(FIRMWARE, 'Installed', 12_345),
    said('LogStatusNotification', 'Uploaded', 7),
  ])
  expect(await progressOf(first)).toEqual({
    status: 'DownloadFailed',
    history: ['Downloading', 'DownloadFailed'],
  })
  expect(await progressOf(second)).toEqual({ status: 'Downloaded', history: ['Downloading', 'Downloaded'] })
})

test('in 1.6 it is of the newest update, and of the newest upload of its kind', async () => {
  await known('1.6')
  const older = await issue('UpdateFirmware', UPDATE)
  const newer = await issue('UpdateFirmware', UPDATE)
  const diagnostics = await issue('GetDiagnostics', { location: 'http://files.example' })
  const raw = {
    action: 'GetLog',
    payload: { logType: 'SecurityLog', requestId: 5, log: { remoteLocation: 'x' } },
  }
  const log = await issue('ocpp.call', raw)
  await facts([
    outcome(newer, { status: 'Accepted' }),
    said(FIRMWARE, 'Downloading'),
    said('DiagnosticsStatusNotification', 'Uploading'),
    said('LogStatusNotification', 'UploadFailure', 5),
    said(FIRMWARE, 'Installed', undefined, 'CS-2'),
  ])
  expect(await progressOf(older)).toBeNull()
  expect(await progressOf(newer)).toEqual({ status: 'Downloading', history: ['Downloading'] })
  expect(await progressOf(diagnostics)).toEqual({ status: 'Uploading', history: ['Uploading'] })
  expect(await progressOf(log)).toEqual({ status: 'UploadFailure', history: ['UploadFailure'] })
})

test('an update that the station refused is not what it speaks of; nor does a fenced journal speak', async () => {
  await known('1.6')
  const taken = await issue('UpdateFirmware', UPDATE)
  const refused = await issue('UpdateFirmware', UPDATE)
  await facts([outcome(taken, { status: 'Accepted' }), outcome(refused, { status: 'Rejected' })])
  await facts([said(FIRMWARE, 'Downloading')])
  await facts([said(FIRMWARE, 'Installed')], { authority: false, journalId: 'fenced' })
  expect(await progressOf(taken)).toMatchObject({ status: 'Downloading' })
  expect(await progressOf(refused)).toBeNull()
})

test('the history is bounded: the oldest goes first', async () => {
  await known('1.6')
  const commandId = await issue('UpdateFirmware', UPDATE)
  const words = Array.from({ length: MAX_PROGRESS + 3 }, (_, i) => (i % 2 ? 'Downloaded' : 'DownloadFailed'))
  await facts([said(FIRMWARE, 'Downloading'), ...words.map((it) => said(FIRMWARE, it))])
  const progress = await progressOf(commandId)
  expect(progress?.history).toEqual(words.slice(-MAX_PROGRESS))
})

test('after a restore of the log, what a lost life of it had told does not go before what is told now', async () => {
  await known('1.6')
  const commandId = await issue('UpdateFirmware', UPDATE)
  const made: FactDraft = {
    kind: 'reservation.made',
    stationId: 'CS-1',
    data: { reservationId: 3, evseId: 1, idToken: { value: 'T', type: 'Central' }, expiresAt: AT_NOW },
  }
  await facts([made, said(FIRMWARE, 'Downloading')])
  const { sql } = it.platform
  // As if the log had been longer than the one that was put back.
  await sql`update station.command set progress_position = 1000000`
  await sql`update station.reservation set position = 1000000`
  const heads = await sql<{ position: number }[]>`select position from log.head order by partition`
  await sql`select station.forget_places(${heads.map((head) => head.position)}::bigint[])`
  await facts([
    { kind: 'reservation.ended', stationId: 'CS-1', data: { reservationId: 3, reason: 'cancelled' } },
    said(FIRMWARE, 'Downloaded'),
  ])
  expect((await it.ask('GET', '/v1/stations/CS-1/reservations')).body.items).toMatchObject([
    { status: 'cancelled' },
  ])
  expect((await progressOf(commandId))?.status).toBe('Downloaded')
})
