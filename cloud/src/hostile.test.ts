/** No fact of a site, whatever stands in it, stops a consumer: every kind with hostile content through every projection. */
import { FACT_KINDS, type FactKind } from '@switchyard/protocol/site/fact.ts'
import { HOSTILE_TEXTS, hostileData, hostileText } from '@switchyard/protocol/site/testing/hostile.ts'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { billingService } from './billing-service/service.ts'
import { driverService } from './driver-service/service.ts'
import { monitoringService } from './monitoring-service/service.ts'
import type { RunningService, Service } from './platform/service.ts'
import {
  askOf,
  createTestDatabase,
  createTestPlatform,
  type TestDatabase,
  type TestPlatform,
} from './platform/testing.ts'
import { stationService } from './station-service/service.ts'

const SERVICES: Service[] = [stationService, billingService, monitoringService, driverService]
const MOMENT = '2026-11-23T12:00:00.000Z'

let database: TestDatabase
let parts: { platform: TestPlatform; running: RunningService; service: Service }[]
beforeAll(async () => {
  database = await createTestDatabase()
  parts = []
  for (const service of SERVICES) {
    const platform = await createTestPlatform({ service, database })
    parts.push({ platform, running: await service.start(platform.context), service })
  }
})
afterAll(async () => {
  for (const { platform, running } of parts) {
    await running.stop(1_000)
    await platform.close()
  }
  await database.drop()
})

let seq = 0
/** Puts texts of facts into the log as rows of a site's ledger. */
async function append(siteId: string, texts: string[]): Promise<void> {
  const { eventLog } = parts[0]!.platform.context
  const rows = texts.map((fact) => ({ seq: ++seq, id: `r${seq}`, fact }))
  const [result] = await eventLog.append(eventLog.partitionOf(siteId), [
    {
      tenantId: 'default',
      siteId,
      journalId: 'j',
      stream: 'ledger',
      after: rows[0]!.seq - 1,
      rows,
      authority: true,
    },
  ])
  if (!result?.appended) throw new Error('the rows were not appended')
}

async function settle(): Promise<void> {
  for (let moved = 1; moved > 0; ) {
    for (const { platform, running } of parts)
      for (const projection of running.projections ?? []) await platform.catchUp(projection)
    moved = 0
    for (const { platform } of parts) moved += await platform.relay()
  }
}

async function expectNothingParked(): Promise<void> {
  const parked = await parts[0]!.platform.sql`select consumer, park_key, reason from log.parked`
  expect(parked).toEqual([])
}

const head = fc.record({
  stationId: fc.oneof(fc.constant('CP1'), hostileText),
  sessionId: fc.oneof(fc.constant('0193d000-0000-7000-8000-000000000001'), hostileText),
  at: fc.oneof(fc.constant(MOMENT), hostileText),
  trace: fc.option(hostileText, { nil: undefined }),
})

describe('a site that sends anything', () => {
  it.each(FACT_KINDS)('%s: no consumer stops at it', { timeout: 120_000 }, async (kind: FactKind) => {
    const texts = fc.sample(
      fc
        .record({ head, data: hostileData(kind) })
        .map(({ head, data }) =>
          JSON.stringify({ kind, monoMs: 1, bootId: 'b', clock: 'synced', ...head, data }),
        ),
      { numRuns: 40, seed: 7 },
    )
    await append('hostile', texts)
    await settle()
    await expectNothingParked()
  })

  it('texts that are no facts at all are kept, and stop nothing', { timeout: 60_000 }, async () => {
    const [a] = HOSTILE_TEXTS
    await append('hostile', [
      a ?? '',
      ...HOSTILE_TEXTS,
      '['.repeat(30_000) + ']'.repeat(30_000),
      `{"kind":"station.event","at":"${MOMENT}","monoMs":1,"bootId":"b","clock":"synced","data":{"events":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`,
      `{"kind":"station.connected","kind":"__proto__","at":"${MOMENT}","monoMs":1e400,"bootId":"b","clock":"synced","data":{}}`,
      `{"__proto__":{"kind":"x"},"kind":"station.connected","at":"${MOMENT}","monoMs":1,"bootId":"b","clock":"synced","data":{"ocpp":"x"}}`,
      `{"kind":"session.register","sessionId":"s","at":"${MOMENT}","monoMs":1,"bootId":"b","clock":"synced","data":{"at":"${MOMENT}","registerMilliWh":1e400}}`,
      `{"kind":"of.a.newer.version\\u0000","at":"${MOMENT}","monoMs":1,"bootId":"b","clock":"synced","data":{"\\ud800":1}}`,
    ])
    await settle()
    await expectNothingParked()
    // And after all of it the site goes on as any other.
    await append('hostile', [
      JSON.stringify({
        kind: 'station.connected',
        stationId: 'CP-after',
        at: MOMENT,
        monoMs: 1,
        bootId: 'b',
        clock: 'synced',
        data: { ocpp: 'ocpp1.6' },
      }),
    ])
    await settle()
    const ask = askOf(parts[0]!.running)
    expect((await ask('GET', '/v1/stations/CP-after')).status).toBe(200)
  })

  it('is listed by the API, page by page', async () => {
    for (const { running, service } of parts) {
      const ask = askOf(running)
      const paths = {
        'station-service': ['/v1/sites', '/v1/stations', '/v1/sessions'],
        'billing-service': ['/v1/cdrs', '/v1/invoices'],
        'monitoring-service': ['/v1/alerts'],
      }[service.name as string]
      for (const path of paths ?? []) {
        let next: string | null = ''
        while (next !== null) {
          const { status, body } = await ask(
            'GET',
            `${path}?limit=50${next ? `&cursor=${encodeURIComponent(next)}` : ''}`,
          )
          expect({ path, status, body: status === 200 ? undefined : body }).toEqual({
            path,
            status: 200,
            body: undefined,
          })
          next = body.next
        }
      }
    }
  })
})
