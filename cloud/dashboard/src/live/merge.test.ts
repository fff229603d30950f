import type { Session, Site, StreamLive } from '@switchyard/protocol/api/shapes.ts'
import type { Station } from '@switchyard/protocol/api/stations.ts'
import { PRESENCE_EXPIRY_MS } from '@switchyard/protocol/site/grant.ts'
import { expect, test } from 'vitest'
import { LiveStore } from './live-store.ts'
import { mergeSession, mergeStation, PICTURE_EXPIRY_MS, rowsBehind } from './merge.ts'
import { connectorStatus } from './status-sentence.ts'

const NOW = Date.parse('2026-11-23T15:00:00Z')
const at = (secondsAgo: number) => new Date(NOW - secondsAgo * 1000).toISOString()

const site: Site = {
  siteId: 'yard',
  name: 'Yard',
  timeZone: 'Europe/Berlin',
  createdAt: at(9_000),
  online: true,
  lastHeardAt: at(1),
  journal: { journalId: 'j1', ledgerSeq: 100, telemetrySeq: 900 },
  backlog: { ledger: 0, telemetry: 0 },
  unidentifiedEnergy: 'review',
  connection: 'controller',
  baseline: null,
  failsafe: null,
  runningCost: false,
  authorization: null,
  stations: 1,
}
const station: Station = {
  stationId: 'CP-1',
  siteId: 'yard',
  ocpp: 'ocpp1.6',
  vendor: null,
  model: null,
  serial: null,
  firmware: null,
  approved: true,
  registration: 'accepted',
  securityProfile: null,
  minSecurityProfile: null,
  passwordSet: false,
  passwordRotating: false,
  certificateCn: null,
  certificate: null,
  revokedCertificates: [],
  itemsPerMessage: null,
  localList: null,
  connected: true,
  bootedAt: null,
  evses: [
    {
      evseId: 1,
      sessionId: 's1',
      connectors: [
        { connectorId: 1, status: 'Occupied', detail: 'Charging', errorCode: null, since: at(600) },
      ],
    },
  ],
  quirks: [],
  assignedQuirks: {},
  statusText: 'Charging',
  ledgerSeq: 100,
}
const session: Session = {
  sessionId: 's1',
  siteId: 'yard',
  stationId: 'CP-1',
  evseId: 1,
  connectorId: 1,
  status: 'running',
  transactionId: '7',
  idToken: { value: 'AA', type: 'ISO14443' },
  authorization: 'Accepted',
  commandId: null,
  missingEvents: null,
  priorityCharging: null,
  stationCost: null,
  startedAt: at(600),
  endedAt: null,
  durationMs: null,
  energyWh: 1_000.5,
  powerW: 7_000,
  currentMa: null,
  socPercent: 40,
  readAt: at(60),
  reason: null,
  presumed: false,
  revision: 0,
  review: [],
  cost: null,
  costDetails: null,
  ledgerSeq: 100,
}

type PictureSession = NonNullable<StreamLive['stations'][number]['connectors'][number]['session']>

function picture(part: Partial<StreamLive> = {}, live?: Partial<PictureSession> | null): StreamLive {
  const liveSession: PictureSession = {
    sessionId: 's1',
    startedAt: at(600),
    energyMilliWh: 1_100_000,
    powerW: 7_200,
    readAt: at(2),
    ...live,
  }
  return {
    siteId: 'yard',
    v: 1,
    journalId: 'j1',
    epoch: 1,
    bootId: 'b1',
    n: 1,
    at: at(1),
    ledgerSeq: 100,
    backlog: { ledger: 0, telemetry: 0 },
    stations: [
      {
        stationId: 'CP-1',
        connected: true,
        connectors: [
          {
            evseId: 1,
            connectorId: 1,
            status: live === null ? 'Available' : 'Occupied',
            ...(live === null ? {} : { session: liveSession }),
          },
        ],
      },
    ],
    outcomes: [],
    ...part,
  }
}

const received = (shown: StreamLive, ageMs = 0) => ({ picture: shown, receivedMs: NOW - ageMs })

test('a picture that knows the facts moves the figures', () => {
  const [connector] = mergeStation(station, [session], site, received(picture()), NOW).connectors
  expect(connector?.session).toMatchObject({
    milliWh: 1_100_000,
    powerW: 7_200,
    socPercent: 40,
    current: true,
  })
})

test('a picture older than a fact never says what is on the connector', () => {
  const free = received(picture({ ledgerSeq: 99 }, null))
  const view = mergeStation(station, [session], site, free, NOW)
  expect(view.live).toBe(false)
  expect(view.connectors[0]).toMatchObject({ status: 'Occupied', session: { sessionId: 's1' } })
  expect(mergeSession(session, site, free, NOW).finishing).toBe(false)
})

test('an ended session is never changed by a picture that still shows it running', () => {
  const ended: Session = { ...session, status: 'ended', endedAt: at(5), energyWh: 1_050, ledgerSeq: 101 }
  const view = mergeSession(ended, site, received(picture({ ledgerSeq: 100 })), NOW)
  expect(view).toMatchObject({ milliWh: 1_050_000, current: false, finishing: false })
})

test('a reading counts by its own time: an older picture does not set the energy back, a newer one does not wait', () => {
  const late = received(picture({ ledgerSeq: 200 }, { readAt: at(90), energyMilliWh: 900_000 }))
  expect(mergeSession(session, site, late, NOW)).toMatchObject({ milliWh: 1_000_500, powerW: 7_000 })
  const early = received(picture({ ledgerSeq: 99 }))
  expect(mergeSession(session, site, early, NOW)).toMatchObject({ milliWh: 1_100_000, powerW: 7_200 })
})

test('a session that the picture no longer has is ending, until its fact comes', () => {
  const gone = received(picture({ ledgerSeq: 101 }, null))
  expect(mergeSession(session, site, gone, NOW).finishing).toBe(true)
  expect(mergeStation(station, [session], site, gone, NOW).connectors[0]?.session).toBeNull()
})

test('a picture of another journal, an expired one and one of an absent site are not used', () => {
  const free = picture({ ledgerSeq: 500 }, null)
  expect(mergeStation(station, [session], site, received({ ...free, journalId: 'j0' }), NOW).live).toBe(false)
  expect(mergeStation(station, [session], site, received(free, PICTURE_EXPIRY_MS + 1), NOW).live).toBe(false)
  expect(mergeStation(station, [session], { ...site, online: false }, received(free), NOW).live).toBe(false)
  expect(PICTURE_EXPIRY_MS).toBe(PRESENCE_EXPIRY_MS)
})

test('what an absent site told last is not called the present', () => {
  const absent = mergeStation(station, [session], { ...site, online: false }, undefined, NOW)
  expect(absent.connectors[0]?.session?.current).toBe(false)
  expect(connectorStatus(absent.connectors[0]!, absent, 'Europe/Berlin', NOW)).toMatchObject({
    tone: 'off',
    sentence: expect.stringMatching(/^Last known: in session since 15:50 CET, 7.0 kW when last heard$/),
  })
})

test('a car that pauses is not charging, whatever power was read before', () => {
  const [evse] = station.evses
  const paused: Station = {
    ...station,
    evses: [{ ...evse!, connectors: [{ ...evse!.connectors[0]!, detail: 'SuspendedEV' }] }],
  }
  const view = mergeStation(paused, [session], site, undefined, NOW)
  expect(connectorStatus(view.connectors[0]!, view, 'Europe/Berlin', NOW)).toMatchObject({
    word: 'Paused',
    sentence: expect.stringMatching(/the car draws no power$/),
  })
})

test('rows that arrived after the picture was taken are not behind', () => {
  const behind = picture({ ledgerSeq: 104, backlog: { ledger: 9, telemetry: 7 } })
  expect(rowsBehind(site, behind)).toEqual({ ledger: 4, telemetry: 7 })
  expect(rowsBehind(site, { ...behind, ledgerSeq: 100 })).toEqual({ ledger: 0, telemetry: 7 })
  expect(rowsBehind({ ...site, backlog: { ledger: 2, telemetry: 1 } }, undefined)).toEqual({
    ledger: 2,
    telemetry: 1,
  })
})

test('the store keeps the newest picture of a boot, of a journal, of an epoch', () => {
  const store = new LiveStore()
  const accept = (part: Partial<StreamLive>) => store.accept(picture(part), NOW)
  expect(accept({ n: 5 })).toBe(true)
  expect(accept({ n: 5 })).toBe(false)
  expect(accept({ n: 4 })).toBe(false)
  expect(accept({ bootId: 'b2', n: 1, ledgerSeq: 99 })).toBe(false)
  expect(accept({ bootId: 'b2', n: 1, ledgerSeq: 100 })).toBe(true)
  expect(accept({ journalId: 'j0', epoch: 1, n: 900 })).toBe(false)
  expect(accept({ journalId: 'j2', epoch: 2, n: 1, ledgerSeq: 3 })).toBe(true)
  expect(accept({ journalId: 'j1', epoch: 1, n: 901, ledgerSeq: 900 })).toBe(false)
  expect(store.picture('yard')?.picture.journalId).toBe('j2')
})

test('the power trace holds each reading once, in order', () => {
  const store = new LiveStore()
  store.accept(picture({ n: 1 }, { readAt: at(20), powerW: 1 }), NOW)
  store.accept(picture({ n: 2 }, { readAt: at(20), powerW: 1 }), NOW)
  const before = store.trace.of('s1')
  expect(before).toEqual([{ atMs: NOW - 20_000, powerW: 1 }])
  store.accept(picture({ n: 3 }, { readAt: at(10), powerW: 2 }), NOW)
  expect(store.trace.of('s1').map((point) => point.powerW)).toEqual([1, 2])
  expect(store.trace.of('s1')).not.toBe(before)
})
