import { journalContract, row } from '@switchyard/edge-controller/journal/testing/journal-contract.ts'
import {
  GroupedJournal,
  type Journal,
  type JournalFailed,
} from '@switchyard/edge-controller/site-controller.ts'
import type { Sql } from 'postgres'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../platform/clock.ts'
import { createLog } from '../platform/log.ts'
import { createPool } from '../platform/postgres.ts'
import { createMigratedDatabase, type TestDatabase } from '../platform/testing.ts'
import { createLeases, type Lease, type Leases } from './lease.ts'
import { PostgresDisk } from './postgres-disk.ts'

let database: TestDatabase
let sql: Sql
let leases: Leases
let lease: Lease
const open: Journal[] = []

beforeEach(async () => {
  database = await createMigratedDatabase(
    [{ folder: 'ocpp-gateway', schema: 'ocpp_gateway', outbox: true }],
    createLog('silent'),
  )
  sql = createPool({ url: database.url, size: 3, name: 'test' })
  leases = createLeases(sql, 'one')
  lease = await leases.take('site-1', 'default')
})
afterEach(async () => {
  for (const journal of open.splice(0)) await journal.close()
  await sql.end()
  await database.drop()
})

function opened(
  under = lease,
  on: { failed?: (error: JournalFailed) => void; fenced?: () => void } = {},
): Journal {
  const journal = new GroupedJournal({
    disk: (events) => new PostgresDisk(sql, under, 'J1', events, on.fenced ?? (() => {})),
    soon: setImmediate,
    after: systemClock.after,
    onFailure: on.failed ?? (() => {}),
  })
  open.push(journal)
  return journal
}

describe('the journal on Postgres', () => {
  journalContract(() => opened())

  it('of many stations at once shares a pool of three connections, and none of them waits for another for ever', async () => {
    const journals = await Promise.all(
      Array.from({ length: 12 }, async (_, n) => opened(await leases.take(`site-at-once-${n}`, 'default'))),
    )
    await Promise.all(journals.map((journal) => journal.load()))
    const heads = await Promise.all(
      journals.map(async (journal) => {
        const commits = Array.from({ length: 20 }, (_, i) => journal.commit(row('ledger', `r${i}`)))
        return (await Promise.all(commits)).at(-1)
      }),
    )
    expect(heads.map((it) => it?.ledger.seq)).toEqual(journals.map(() => 20))
  })

  it('refuses a change that Postgres cannot hold, alone', async () => {
    const journal = opened()
    await journal.load()
    const results = await Promise.allSettled([
      journal.commit(row('ledger', 'a')),
      journal.commit({ facts: [], puts: [{ kind: 'k', id: 'nul\0', value: 1 }], deletes: [] }),
      journal.commit(row('ledger', 'b')),
    ])
    expect(results.map((it) => it.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await journal.readAfter('ledger', 0, 9, 1e6)).toMatchObject({ rows: [{ id: 'a' }, { id: 'b' }] })
  })
})

describe('a lease', () => {
  it('that was taken over fences every write of its former holder, and nothing of it is kept', async () => {
    const failed = vi.fn()
    const fenced = vi.fn()
    const before = opened(lease, { failed, fenced })
    await before.load()
    await before.commit(row('ledger', 'a'))
    const taken = await createLeases(sql, 'two').take('site-1', 'default')
    expect(taken.epoch).toBe(lease.epoch + 1)
    const after = opened(taken)
    expect(await after.load()).toMatchObject({ journalId: 'J1', heads: { ledger: { seq: 1, rowId: 'a' } } })

    await expect(before.commit(row('ledger', 'lost'))).rejects.toThrow(/held under another epoch/)
    expect(failed).toHaveBeenCalledOnce()
    expect(fenced).toHaveBeenCalledOnce()
    await expect(before.commit(row('ledger', 'lost too'))).rejects.toThrow()
    await expect(opened(lease).load()).rejects.toThrow(/held under another epoch/)

    expect((await after.commit(row('ledger', 'b'))).ledger).toEqual({ seq: 2, rowId: 'b' })
    expect(await after.readAfter('ledger', 0, 9, 1e6)).toMatchObject({ rows: [{ id: 'a' }, { id: 'b' }] })
  })

  it('is renewed by its holder alone, and adopted once it has expired', async () => {
    await sql`insert into ocpp_gateway.site values ('site-1', 'default')`
    const two = createLeases(sql, 'two')
    expect(await leases.renew([lease])).toEqual(new Set(['site-1']))
    expect(await two.adopt(10)).toEqual([])
    await two.release([{ ...lease, epoch: lease.epoch + 1 }])
    expect(await two.adopt(10)).toEqual([])

    await leases.release([lease])
    const [one, other] = await Promise.all([two.adopt(10), createLeases(sql, 'three').adopt(10)])
    const adopted = [...one, ...other]
    expect(adopted).toEqual([{ siteId: 'site-1', tenantId: 'default', epoch: lease.epoch + 1 }])
    expect(await leases.renew([lease])).toEqual(new Set())
    expect(await leases.renew(adopted)).toEqual(new Set(['site-1']))
  })

  it('that is taken over waits for the commit that is under way, which is then the new holder’s to read', async () => {
    const before = opened()
    await before.load()
    const many = Promise.allSettled(
      Array.from({ length: 200 }, (_, i) =>
        new Promise((resolve) => setTimeout(resolve, i % 20)).then(() =>
          before.commit(row('ledger', `r${i}`)),
        ),
      ),
    )
    await new Promise((resolve) => setTimeout(resolve, 8))
    const taken = await leases.take('site-1', 'default')
    const after = opened(taken)
    const { heads } = await after.load()
    const results = await many
    const kept = results.filter((it) => it.status === 'fulfilled').length
    expect(heads.ledger.seq).toBe(kept)
    expect((await after.readAfter('ledger', 0, 999, 1e6)).rows).toHaveLength(kept)
  })
})
