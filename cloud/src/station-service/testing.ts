/** For tests of station-service: the service on a database of its own, and the facts of one session. */
import type { FactData, FactDraft } from '@switchyard/protocol/site/fact.ts'
import type { Live } from '@switchyard/protocol/site/live.ts'
import type { RunningService } from '../platform/service.ts'
import { type Ask, askOf, createTestPlatform, TEST_EPOCH_MS, type TestPlatform } from '../platform/testing.ts'
import { stationService } from './service.ts'

export const SITE = 'site-a'
export const AT = (minutes: number) => new Date(TEST_EPOCH_MS + minutes * 60_000).toISOString()

export interface TestStationService {
  platform: TestPlatform
  service: RunningService
  ask: Ask
  createSite(): ReturnType<Ask>
  /** Facts of the site, taken by the service. */
  tell(...facts: FactDraft[]): Promise<void>
  /** The site is heard from. */
  online(): Promise<unknown>
  stop(): Promise<void>
}

export async function startStationService(): Promise<TestStationService> {
  const platform = await createTestPlatform({ service: stationService })
  const service = await stationService.start(platform.context)
  platform.onClient((target) =>
    target === 'site-gateway'
      ? Response.json({ username: SITE, password: 'told-once' })
      : Response.json({ status: 404 }, { status: 404 }),
  )
  const ask = askOf(service)
  return {
    platform,
    service,
    ask,
    createSite: () => ask('POST', '/v1/sites', { siteId: SITE, name: 'Yard', timeZone: 'Europe/Berlin' }),
    async tell(...facts) {
      await platform.appendFacts(SITE, facts)
      await platform.settle(service)
    },
    online: async () =>
      await platform.sql`update station.site set online = true, presence_since = now() where site_id = ${SITE}`,
    async stop() {
      await service.stop(1_000)
      await platform.close()
    },
  }
}

export const booted: FactDraft[] = [
  { kind: 'station.connected', stationId: 'CS-1', data: { ocpp: '1.6' } },
  {
    kind: 'station.booted',
    stationId: 'CS-1',
    data: { ocpp: '1.6', vendor: 'Acme\u0000', model: 'One', status: 'Accepted' },
  },
  {
    kind: 'connector.status',
    stationId: 'CS-1',
    data: { evseId: 1, connectorId: 1, status: 'Available', errorCode: 'NoError', at: AT(0) },
  },
]
export const started: FactDraft = {
  kind: 'session.started',
  stationId: 'CS-1',
  sessionId: 'S-1',
  data: {
    evseId: 1,
    connectorId: 1,
    startedAt: AT(0),
    authorization: 'Accepted',
    idToken: { value: 'TAG', type: 'ISO14443' },
    startRegisterMilliWh: 1_000_000,
    transactionId: '77',
  },
}
export const meter = (
  minutes: number,
  registerMilliWh: number | undefined,
  powerW: number,
  values: FactData<'session.meter'>['values'] = [],
): FactDraft => ({
  kind: 'session.meter',
  stationId: 'CS-1',
  sessionId: 'S-1',
  data: {
    at: AT(minutes),
    evseId: 1,
    connectorId: 1,
    powerW,
    values,
    ...(registerMilliWh === undefined ? {} : { registerMilliWh }),
  },
})
export const ended = (
  revision: number,
  energyMilliWh: number,
  review: 'register-falling'[] = [],
): FactDraft => ({
  kind: 'session.ended',
  stationId: 'CS-1',
  sessionId: 'S-1',
  data: {
    evseId: 1,
    connectorId: 1,
    revision,
    startedAt: AT(0),
    endedAt: AT(60),
    durationMs: 3_600_000,
    startRegisterMilliWh: 1_000_000,
    endRegisterMilliWh: 1_000_000 + energyMilliWh,
    energyMilliWh,
    authorization: 'Accepted',
    idToken: { value: 'TAG', type: 'ISO14443' },
    reason: 'Local',
    presumed: revision === 1,
    review,
    profile: [],
    transactionId: '77',
  },
})
export const picture = (over: Partial<Live>, energyMilliWh: number): Live & { siteId: string } => ({
  siteId: SITE,
  v: 1,
  journalId: `journal-${SITE}`,
  epoch: 1,
  bootId: 'boot-1',
  n: 1,
  at: AT(20),
  ledgerSeq: 100,
  backlog: { ledger: 3, telemetry: 40 },
  stations: [
    {
      stationId: 'CS-1',
      connected: true,
      connectors: [
        {
          evseId: 1,
          connectorId: 1,
          status: 'Occupied',
          session: { sessionId: 'S-1', startedAt: AT(0), energyMilliWh, powerW: 7_200, readAt: AT(20) },
        },
      ],
    },
  ],
  outcomes: [],
  ...over,
})
