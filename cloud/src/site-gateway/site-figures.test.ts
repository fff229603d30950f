import type { Live } from '@switchyard/protocol/site/live.ts'
import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { createSiteFigures, figuresOf, SITES_TOLD } from './site-figures.ts'

const picture = (more: Partial<Live> = {}): Live => ({
  v: 1,
  journalId: 'j',
  epoch: 1,
  bootId: 'b',
  n: 1,
  at: '2026-11-01T12:00:00.000Z',
  ledgerSeq: 0,
  backlog: { ledger: 0, telemetry: 0 },
  stations: [],
  outcomes: [],
  ...more,
})
const charging = (readAt: string, chargingState?: string): Live['stations'] => [
  {
    stationId: 's',
    connected: true,
    connectors: [
      {
        evseId: 1,
        connectorId: 1,
        status: 'occupied',
        session: {
          sessionId: 'x',
          startedAt: '2026-11-01T11:00:00.000Z',
          readAt,
          ...(chargingState ? { chargingState } : {}),
        },
      },
    ],
  },
]

it('a picture stands out by its backlog, a phase over the limit, and meters that stand still', () => {
  expect(figuresOf(picture({ backlog: { ledger: 300, telemetry: 699 } })).backlogRows).toBe(0)
  expect(figuresOf(picture({ backlog: { ledger: 300, telemetry: 700 } })).backlogRows).toBe(1_000)
  const load = (...usedMa: number[]) => figuresOf(picture({ load: { limitMa: 63_000, usedMa } })).overLimitMa
  expect(load(63_000, 10, 10)).toBe(0)
  expect(load(10, 64_500, 63_100)).toBe(1_500)
  expect(figuresOf(picture({ load: { usedMa: [900_000] } })).overLimitMa).toBe(0)
  const stale = (...told: [string, string?]) =>
    figuresOf(picture({ stations: charging(...told) })).staleMeters
  expect(stale('2026-11-01T11:54:59.000Z')).toBe(1)
  expect(stale('2026-11-01T11:55:01.000Z')).toBe(0)
  expect(stale('2026-11-01T11:00:00.000Z', 'SuspendedEV')).toBe(0)
})

it('of many sites the worst are told, and one that is not heard any more is not', async () => {
  let now = 0
  const registry = new Registry()
  const figures = createSiteFigures(registry, { mono: () => now } as never)
  for (let i = 0; i < SITES_TOLD + 50; i++)
    figures.take(`site-${i}`, picture({ backlog: { ledger: 1_000 + i, telemetry: 0 } }))
  const told = async () =>
    (await registry.getSingleMetricAsString('switchyard_site_backlog_rows')).match(/site-\d+/g) ?? []
  expect(await told()).toHaveLength(SITES_TOLD)
  expect((await told())[0]).toBe(`site-${SITES_TOLD + 49}`)
  figures.take('site-249', picture())
  expect(await told()).not.toContain('site-249')
  now = 60_000
  expect(await told()).toEqual([])
})
