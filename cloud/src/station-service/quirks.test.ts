import { expect, test } from 'vitest'
import { SITE, startStationService } from './testing.ts'

test('a station shows what its model is known for, any other nothing', async () => {
  const it = await startStationService()
  try {
    await it.createSite()
    const boot = (stationId: string, vendor: string, model: string) => ({
      kind: 'station.booted' as const,
      stationId,
      data: { ocpp: '2.0.1' as const, vendor, model, status: 'Accepted' as const },
    })
    await it.platform.appendFacts(SITE, [
      boot('CS-1', 'Iocharger', 'IOCAW12-22TE-CRW4'),
      boot('CS-2', 'Acme', 'One'),
    ])
    await it.platform.settle(it.service)
    const { body } = await it.ask('GET', '/v1/stations')
    expect(body.items.map((s: { quirks: unknown }) => s.quirks)).toEqual([
      [{ name: 'zero-start-placeholder', description: expect.stringContaining('held for review') }],
      [],
    ])
  } finally {
    await it.stop()
  }
})
