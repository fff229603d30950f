import { expect, test } from 'vitest'
import { SITE, startStationService } from './testing.ts'

test('a station shows what became of its local list, and what had no room in it', async () => {
  const it = await startStationService()
  try {
    await it.createSite()
    const list = async () => {
      await it.platform.settle(it.service)
      return (await it.ask('GET', '/v1/stations/CS-1')).body.localList
    }
    await it.platform.appendFacts(SITE, [
      { kind: 'station.connected', stationId: 'CS-1', data: { ocpp: '1.6' } },
    ])
    expect(await list()).toBeNull()
    const kept = { outcome: 'kept', version: 7, entries: 2, omitted: 8, most: 2 } as const
    await it.platform.appendFacts(SITE, [
      {
        kind: 'station.local-list',
        stationId: 'CS-1',
        data: { ...kept, updateType: 'Differential', sent: 1 },
      },
    ])
    expect(await list()).toEqual({
      ...kept,
      updateType: 'Differential',
      reason: null,
      at: expect.any(String),
    })
    await it.platform.appendFacts(SITE, [
      { kind: 'station.local-list', stationId: 'CS-1', data: { outcome: 'failed', reason: 'Failed' } },
    ])
    expect(await list()).toMatchObject({ outcome: 'failed', reason: 'Failed', version: null })
  } finally {
    await it.stop()
  }
})
