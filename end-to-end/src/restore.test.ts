/**
 * The cloud's database goes back to a point in time while sites have gone on: real processes, a real server that archives its log, the scripts of
 * deploy/backup. The oracle is what the stations told.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Alert, Cdr } from '@switchyard/protocol/api/shapes.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePorts } from '../../launcher/free-ports.mjs'
import { noPostgresPrograms, type PostgresServer, startPostgresServer } from './postgres-server.ts'
import { eventually } from './process.ts'
import { boot, type Connected, connect, type Told, tellSession } from './stations.ts'
import { type System, startSystem } from './system.ts'

const TOKEN = 'TOKEN-1'
/** A token of the lost hour. */
const LOST_TOKEN = 'TOKEN-2'

if (noPostgresPrograms) console.log(`restore to a point in time: not tested, ${noPostgresPrograms}`)

describe.skipIf(noPostgresPrograms)('a cloud that is restored to an earlier point in time', () => {
  let directory: string
  let server: PostgresServer
  let system: System
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'switchyard-restore-'))
    // The server may run as another user.
    chmodSync(directory, 0o755)
    const [port] = await freePorts(1)
    server = await startPostgresServer(join(directory, 'postgres'), port!)
    system = await startSystem({ broker: 'embedded', databaseServer: server.url })
    await system.api.post('/api/v1/tokens', { idToken: TOKEN, type: 'ISO14443', valid: true })
  }, 180_000)
  afterEach(async () => {
    await system?.stop().catch((error: unknown) => console.log(`the system did not stop in order: ${error}`))
    await server?.stop()
    if (directory) rmSync(directory, { recursive: true, force: true })
  }, 120_000)

  it('has every session billed once, and says what happened until every site is back', async () => {
    const { api } = system
    const told: Told[] = []
    const stations = [
      await connect(system.ocppUrl, 'PITR-1', '1.6'),
      await connect(system.ocppUrl, 'PITR-2', '2.0.1'),
    ]
    for (const it of stations) await boot(it)
    const charge = async (sessions: number) => {
      for (let i = 0; i < sessions; i++)
        for (const it of stations) told.push(await tellSession(it, plan(it, told.length)))
    }

    // Before the backup; between it and the point to which is restored; after that point.
    await charge(2)
    const base = await server.baseBackup()
    await charge(2)
    await billed(told.length)
    const point = await server.now()
    const before = await generationOf()
    const versions = await versionsAtSite()
    await api.post('/api/v1/tokens', { idToken: LOST_TOKEN, type: 'ISO14443', valid: true })
    await charge(3)
    const bills = await billed(told.length)
    await eventually(
      'the lost hour to have come down to the site',
      async () => (await versionsAtSite()).tokens! > versions.tokens!,
    )
    const streamId = await lastEventId()
    const { next } = await api.get<{ next: string }>('/api/v1/cdrs?limit=2')
    await server.archive()

    // The processes run on; the site keeps charging while there is no cloud.
    await server.crash()
    await charge(1)
    await server.restoreTo(base, point)
    await eventually('the cloud to notice, and to end itself', () => !system.cloud.running)
    expect(system.cloud.output.join('\n')).toContain('the database is a restored one')
    system.cloud.start()

    await eventually('the cloud to be back', async () => (await api.sites()).length === 1)
    const again = await billed(told.length)
    const ids = (all: Cdr[]) => all.map((it) => it.cdrId)
    expect(ids(again)).toEqual(expect.arrayContaining(ids(bills)))
    expect(again.every((it) => !it.credit)).toBe(true)
    const lines = (await api.invoices()).flatMap((it) => it.lines)
    expect(lines.map((it) => it.cdrId).sort()).toEqual(ids(again).sort())
    const sessions = await eventually('every session to show its bill', async () => {
      const all = await api.sessions()
      return all.length >= told.length && all.every((it) => it.cost !== null) && all
    })
    expect(sessions).toHaveLength(told.length)
    await eventually('the backlog to drain', async () => {
      const [site] = await api.sites()
      return site?.online && site.backlog?.ledger === 0 && site.backlog.telemetry === 0
    })

    expect(await generationOf()).not.toBe(before)
    await eventually('the alert to be raised, and to be over', async () => {
      const restored = (await api.all<Alert>('/api/v1/alerts?state=all')).filter(
        (it) => it.rule === 'cloud-restored',
      )
      return restored.length === 1 && restored[0]!.clearedAt !== null
    })
    // What was entered after the point is gone, at the site too: its documents come from the restored cloud.
    expect((await api.all<{ idToken: string }>('/api/v1/tokens')).map((it) => it.idToken)).toEqual([TOKEN])
    await eventually('the site to refuse the lost token', async () => {
      const station = stations[0]!
      const answer = await station.client.call<{ idTagInfo: { status: string } }>('Authorize', {
        idTag: LOST_TOKEN,
      })
      return answer.idTagInfo.status !== 'Accepted'
    })
    // Clients of the lost hour are told to begin again.
    expect(await firstEvent(streamId)).toBe('reset')
    await expect(api.get(`/api/v1/cdrs?limit=2&cursor=${next}`)).rejects.toMatchObject({ status: 410 })

    // And it goes on.
    await charge(1)
    await billed(told.length)
    for (const it of stations) await it.client.close()

    async function billed(count: number): Promise<Cdr[]> {
      const cdrs = await eventually(`${count} sessions to be billed`, async () => {
        const all = await api.cdrs()
        return all.length >= count && all
      })
      const energies = (all: number[]) => all.sort((a, b) => a - b)
      expect(energies(cdrs.map((it) => it.energyWh))).toEqual(
        energies(told.map((it) => it.endWh - it.startWh)),
      )
      return cdrs
    }
  }, 400_000)

  async function versionsAtSite(): Promise<Record<string, number | null>> {
    const { items } = await system.api.get<{ items: { name: string; applied: number | null }[] }>(
      `/api/v1/sites/${system.siteId}/documents`,
    )
    return Object.fromEntries(items.map((it) => [it.name, it.applied]))
  }

  async function generationOf(): Promise<string> {
    return (await lastEventId()).split('.')[0]!
  }

  /** The first id that a new stream gives. */
  async function lastEventId(): Promise<string> {
    return await fromStream(undefined, (line) => (line.startsWith('id: ') ? line.slice(4) : undefined))
  }

  async function firstEvent(resumeFrom: string): Promise<string> {
    return await fromStream(resumeFrom, (line) =>
      line.startsWith('event: ') && line !== 'event: live' ? line.slice(7) : undefined,
    )
  }

  async function fromStream(
    resumeFrom: string | undefined,
    find: (line: string) => string | undefined,
  ): Promise<string> {
    const ended = new AbortController()
    const response = await system.api.stream(resumeFrom, ended.signal)
    try {
      let text = ''
      for await (const chunk of response.body!) {
        text += Buffer.from(chunk).toString()
        const found = text
          .split('\n')
          .slice(0, -1)
          .map(find)
          .find((it) => it !== undefined)
        if (found !== undefined) return found
      }
      throw new Error(`the stream ended: ${text}`)
    } finally {
      ended.abort()
    }
  }
})

/** One session of `index` hours ago, of a size that tells it apart. */
function plan(station: Connected, index: number) {
  const endMs = Date.now() - (60 - index) * 3_600_000
  return {
    stationId: station.stationId,
    idToken: TOKEN,
    startMs: endMs - 1_800_000,
    endMs,
    startWh: 100_000 + index * 10_000,
    energyWh: 1_000 + index,
    readings: 3,
  }
}
