import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { FactKind } from '@switchyard/protocol/site/fact.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SALVAGED_ID, SALVAGED_KIND, type Salvaged } from './journal/salvage.ts'
import { openDatabase } from './journal/sqlite-driver.ts'
import { type ChargePoint, connect } from './testing/charge-point.ts'
import { TestBox } from './testing/test-box.ts'

let folder: string
let file: string
let box: TestBox
let station: ChargePoint

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-salvaged-'))
  file = join(folder, 'journal.db')
  await open()
})
afterEach(async () => {
  await station.close()
  await box.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function open() {
  box = await TestBox.start({ file })
  station = await connect(box.url, 'CP1')
  await station.call('BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' })
}
/** Out of the station's queue: the box has never learnt the time, so what it was told by its own clock would go to review. */
const at = (seconds: number) => new Date(Date.parse('2026-11-26T11:00:00Z') + seconds * 1_000).toISOString()
const start = (): Promise<JsonObject> =>
  station.call('StartTransaction', { connectorId: 1, idTag: 'TAG-1', meterStart: 1_000, timestamp: at(0) })
const reading = (transactionId: unknown, wh: number, seconds: number) =>
  station.call('MeterValues', {
    connectorId: 1,
    transactionId,
    meterValue: [{ timestamp: at(seconds), sampledValue: [{ value: String(wh) }] }],
  })
const stop = (transactionId: unknown, meterStop: number, seconds: number) =>
  station.call('StopTransaction', { transactionId, meterStop, timestamp: at(seconds) })
const told = async (kind: FactKind) => (await box.facts()).filter((fact) => fact.kind === kind)

/** The rows are whole, and pages of the state are lost: what a salvage leaves. */
async function loses(kinds: string[], rows?: string) {
  await station.close()
  await box.stop()
  const db = openDatabase(file, { timeout: 1_000 })
  for (const kind of kinds) db.prepare('DELETE FROM entity WHERE kind = ?').run(kind)
  if (rows) db.exec(rows)
  const salvaged: Salvaged = {
    ...{ reason: 'a page', rows: { ledger: 9, telemetry: 9 }, lost: [], entities: 1 },
    ...{ entitiesLost: true, newestUnknown: false, newJournal: false },
  }
  db.prepare('INSERT INTO entity VALUES (?, ?, ?)').run(SALVAGED_KIND, SALVAGED_ID, JSON.stringify(salvaged))
  db.close()
  await open()
}

it('a session of an older version, which held what was metered itself, goes on where its meter was', async () => {
  const { transactionId } = await start()
  await reading(transactionId, 1_030, 10)
  await station.close()
  await box.stop()
  const db = openDatabase(file, { timeout: 1_000 })
  db.exec(`
    UPDATE entity SET json = json_patch(json, (SELECT m.json FROM entity m WHERE m.kind = 'session.metered' AND m.id = entity.id))
     WHERE kind = 'session';
    DELETE FROM entity WHERE kind = 'session.metered'`)
  db.close()
  await open()
  await reading(transactionId, 1_050, 20)
  await station.call('StartTransaction', {
    ...{ connectorId: 1, idTag: 'TAG-2', meterStart: 1_050, timestamp: at(30) },
  })
  expect(await told('session.ended')).toMatchObject([{ data: { energyMilliWh: 50_000, presumed: true } }])
  await box.stop()
  const after = openDatabase(file, { timeout: 1_000 })
  const kept = after.prepare("SELECT json FROM entity WHERE kind = 'session'").pluck().all() as string[]
  after.close()
  expect(kept.some((json) => 'register' in JSON.parse(json))).toBe(false)
  await open()
})

describe('a journal that kept its rows and lost its state', () => {
  for (const kinds of [
    ['session', 'session.metered', 'session.profile', 'station', 'transaction'],
    ['session'],
    ['session.metered'],
    ['station'],
    ['transaction'],
  ])
    it(`goes on with the session that runs (without ${kinds.join(', ')})`, async () => {
      const { transactionId } = await start()
      await reading(transactionId, 1_030, 10)
      await loses(kinds)
      const [started] = await told('session.started')
      expect((await told('controller.started')).at(-1)).toMatchObject({
        data: { running: [started!.sessionId] },
      })
      // The station sends its start again: it was not answered, as far as it knows.
      expect((await start()).transactionId).toBe(transactionId)
      await reading(transactionId, 1_050, 20)
      await stop(transactionId, 1_060, 30)
      expect(await told('session.started')).toHaveLength(1)
      expect(await told('session.ended')).toMatchObject([
        {
          sessionId: started!.sessionId,
          data: { energyMilliWh: 60_000, idToken: { value: 'TAG-1' }, presumed: false, review: [] },
        },
      ])
    })

  it('ends a session at its last register, where what was metered is lost', async () => {
    const { transactionId } = await start()
    await reading(transactionId, 1_030, 10)
    await loses(['session.metered'])
    await station.call('StartTransaction', {
      ...{ connectorId: 1, idTag: 'TAG-2', meterStart: 1_030, timestamp: at(20) },
    })
    expect(await told('session.ended')).toMatchObject([{ data: { energyMilliWh: 30_000, presumed: true } }])
  })

  it('knows a session that has ended for what it is', async () => {
    const { transactionId } = await start()
    await stop(transactionId, 1_060, 30)
    await loses(['session', 'station', 'transaction'])
    expect((await start()).transactionId).toBe(transactionId)
    await stop(transactionId, 1_060, 30)
    expect(await told('session.started')).toHaveLength(1)
    expect(await told('session.ended')).toHaveLength(1)
    expect((await told('controller.started')).at(-1)).toMatchObject({ data: { running: [] } })
  })

  it('tells that it does not know a session whose rows are gone as well', async () => {
    await start()
    await loses(['session', 'station', 'transaction'], 'DELETE FROM row_ledger WHERE seq < 8')
    expect((await told('controller.started')).at(-1)).toMatchObject({ data: { running: [] } })
  })
})
