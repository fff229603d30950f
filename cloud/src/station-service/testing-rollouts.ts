/** For tests of roll-outs: station-service with an image, sites, and stations that update as they are told to. */
import type { Rollout, RolloutStation } from '@switchyard/protocol/api/rollouts.ts'
import type { Command } from '@switchyard/protocol/site/command.ts'
import type { FactDraft } from '@switchyard/protocol/site/fact.ts'
import { expect } from 'vitest'
import { LOOK_MS } from './rollout-decide.ts'
import { startStationService, type TestStationService } from './testing.ts'

/** A machine with other work is slower; what is wrong never comes. */
const LOOKED_WITHIN_MS = 20_000
export const FIRMWARE_ID = '01234567-89ab-4def-8123-456789abcdef'

export const boot = (firmware: string, connected?: 'connected'): FactDraft[] => [
  ...(connected ? [{ kind: 'station.connected' as const, data: { ocpp: '2.0.1' } }] : []),
  {
    kind: 'station.booted',
    data: { ocpp: '2.0.1', vendor: 'Acme', model: 'One', firmware, status: 'Accepted' },
  },
]
export const says = (status: string): FactDraft[] => [
  { kind: 'station.event', data: { events: [{ action: 'FirmwareStatusNotification', status }] } },
]
/** Its start, or its end. */
export const session = (ended = false): FactDraft[] => {
  const told = {
    evseId: 1,
    connectorId: 1,
    startedAt: '2026-11-23T12:00:00Z',
    authorization: 'Accepted',
    transactionId: '7',
  }
  if (!ended) return [{ kind: 'session.started', sessionId: 'S-1', data: told }]
  const endedAt = '2026-11-23T12:30:00Z'
  const data = { ...told, revision: 1, endedAt, durationMs: 1, reason: 'Local', presumed: false }
  return [{ kind: 'session.ended', sessionId: 'S-1', data: { ...data, review: [], profile: [] } }]
}

export class TestRollouts {
  readonly it: TestStationService
  /** Of the newest that was created. */
  rolloutId = ''
  /** As site-gateway tells it. */
  readonly image = {
    firmwareId: FIRMWARE_ID,
    vendor: 'Acme',
    model: null,
    version: '2.0',
    bytes: 1,
    bytesHere: 1,
    sha256: 'ab'.repeat(32),
    signed: false,
    status: 'ready',
    createdAt: '2026-11-23T12:00:00.000Z',
  }

  private constructor(it: TestStationService) {
    this.it = it
    it.platform.onClient((target, request) => {
      const path = new URL(request.url).pathname
      if (path === `/v1/firmware/${FIRMWARE_ID}`) return Response.json(this.image)
      if (path.startsWith('/v1/firmware/')) return Response.json({ status: 404 }, { status: 404 })
      return Response.json({ username: target, password: 'told-once' })
    })
  }

  static async start(): Promise<TestRollouts> {
    return new TestRollouts(await startStationService())
  }

  stop(): Promise<void> {
    return this.it.stop()
  }

  /** Makes sites with stations, which have booted: `{a: ['A-1', 'A-2']}`. */
  async sites(of: Record<string, string[]>): Promise<void> {
    for (const [siteId, stationIds] of Object.entries(of)) {
      await this.it.ask('POST', '/v1/sites', { siteId, name: siteId, timeZone: 'Europe/Berlin' })
      for (const stationId of stationIds) await this.facts(stationId, boot('1.0', 'connected'))
      await this.presence(siteId, true)
    }
  }

  async presence(siteId: string, online: boolean): Promise<void> {
    const { sql } = this.it.platform
    await sql`update station.site set online = ${online}, presence_since = now() where site_id = ${siteId}`
  }

  /** Told by the site of the station, each thing at a time of its own. */
  async facts(stationId: string, drafts: FactDraft[]): Promise<void> {
    const { platform, service } = this.it
    platform.clock.advance(10)
    const siteId = stationId.split('-')[0]!.toLowerCase()
    await platform.appendFacts(
      siteId,
      drafts.map((draft) => ({ ...draft, stationId })),
    )
    await platform.settle(service)
  }

  /** The outcome of the command by which it was told. */
  async answers(
    stationId: string,
    status: string,
    error?: { code: string; description: string },
  ): Promise<void> {
    const commandId = (await this.station(stationId)).commandId!
    const reply = error ? {} : { reply: { status: status === 'accepted' ? 'Accepted' : status } }
    const outcome = error ? 'failed' : status === 'accepted' ? 'accepted' : 'rejected'
    await this.facts(stationId, [
      {
        kind: 'command.outcome',
        data: { commandId, status: outcome, ...reply, ...(error ? { error } : {}) },
      },
    ])
  }

  /** It is told, installs, and comes back with the version. */
  async updates(stationId: string): Promise<void> {
    await this.answers(stationId, 'accepted')
    await this.facts(stationId, says('Installed'))
    await this.facts(stationId, boot('2.0'))
  }

  async create(input: object): Promise<void> {
    const { status, body } = await this.it.ask('POST', '/v1/rollouts', { firmwareId: FIRMWARE_ID, ...input })
    expect(status, JSON.stringify(body)).toBe(201)
    this.rolloutId = body.rolloutId
  }

  async rollout(): Promise<Rollout> {
    return (await this.it.ask('GET', `/v1/rollouts/${this.rolloutId}`)).body
  }

  async stations(): Promise<RolloutStation[]> {
    return (await this.it.ask('GET', `/v1/rollouts/${this.rolloutId}/stations`)).body.items
  }

  async station(stationId: string): Promise<RolloutStation> {
    return (await this.stations()).find((it) => it.stationId === stationId)!
  }

  /** `{A-1: 'updating', A-2: 'waiting: canary'}`. */
  async states(): Promise<Record<string, string>> {
    const told = ({ state, heldBy }: RolloutStation) => (heldBy === null ? state : `${state}: ${heldBy}`)
    return Object.fromEntries((await this.stations()).map((it) => [it.stationId, told(it)]))
  }

  /** Until the service has looked at every open roll-out once more. */
  async look(): Promise<void> {
    const { clock, sql } = this.it.platform
    const since = new Date(clock.now())
    await expect
      .poll(
        async () => {
          clock.advance(LOOK_MS)
          const [behind] = await sql<{ n: number }[]>`
          select count(*)::int as n from station.rollout where open and looked_at <= ${since}`
          return behind!.n
        },
        { timeout: LOOKED_WITHIN_MS },
      )
      .toBe(0)
  }

  /** What stations were told, in the log. */
  async requested(): Promise<Command[]> {
    await this.it.platform.settle(this.it.service)
    const entries = await this.it.platform.entries('command.requested')
    return entries.map(({ text }) => JSON.parse(text).data.command)
  }

  async alerts(): Promise<{ kind: string; alertId: string; rule?: string }[]> {
    await this.it.platform.settle(this.it.service)
    const entries = await this.it.platform.entries()
    return entries
      .filter(({ kind }) => kind.startsWith('alert.'))
      .map(({ kind, text }) => ({ kind, ...JSON.parse(text).data }))
  }
}
