import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PRESSURE } from './journal/pressure.ts'
import { connectRaw, type RawSocket } from './testing/charge-point.ts'
import { TestBox } from './testing/test-box.ts'

const MIB = 1024 * 1024
let folder: string
let box: TestBox | undefined
const sockets: RawSocket[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-disk-'))
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close()
  await box?.stop()
  box = undefined
  rmSync(folder, { recursive: true, force: true })
})

async function station(identity: string): Promise<RawSocket> {
  const socket = await connectRaw(box!.url, identity)
  sockets.push(socket)
  return socket
}
let messages = 0
/** The answer; a connection that is closed instead answers with its code. */
async function ask(socket: RawSocket, action: string, payload: object): Promise<JsonObject> {
  socket.send(JSON.stringify([2, `m${++messages}`, action, payload]))
  const frame = await Promise.race([socket.next(), socket.closed.then(({ code }) => [0, '', { code }])])
  return frame[0] === 4 ? { error: String(frame[2]) } : (frame[2] as JsonObject)
}
const boot = (socket: RawSocket) =>
  ask(socket, 'BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' })
const start = (socket: RawSocket, idTag: string, agoMs = 0) =>
  ask(socket, 'StartTransaction', {
    connectorId: 1,
    idTag,
    meterStart: 1_000,
    timestamp: new Date(box!.clock.now() - agoMs).toISOString(),
  })
const stop = (socket: RawSocket, transactionId: unknown, meterStop: number) =>
  ask(socket, 'StopTransaction', {
    transactionId,
    meterStop,
    timestamp: new Date(box!.clock.now()).toISOString(),
  })
const reading = (socket: RawSocket, transactionId: unknown, wh: number) =>
  ask(socket, 'MeterValues', {
    connectorId: 1,
    transactionId,
    meterValue: [
      { timestamp: new Date(box!.clock.now()).toISOString(), sampledValue: [{ value: String(wh) }] },
    ],
  })
const levels = async () =>
  (await box!.facts()).flatMap((fact) => (fact.kind === 'journal.pressure' ? [fact.data.level] : []))
const reached = (level: number) => box!.until(async () => (await levels()).at(-1) === level)
/** Something that takes room in the journal, and can be taken out again. */
async function fill(id: string, mib: number): Promise<void> {
  const value = 'x'.repeat(Math.round(mib * MIB))
  await box!.journal.commit({ facts: [], puts: [{ kind: 'filler', id, value }], deletes: [] })
}

describe('a journal with a bound', { timeout: 60_000 }, () => {
  const open = async () => {
    box = await TestBox.start({ file: join(folder, 'journal.db'), maxBytes: 32 * MIB })
  }

  it('gives up telemetry, then new sessions, and takes them again when there is room', async () => {
    await open()
    const first = await station('CP1')
    await boot(first)
    const { transactionId } = await start(first, 'TAG-1')
    await fill('a', 20)
    await reached(PRESSURE.thin)
    await fill('b', 3)
    await reached(PRESSURE.noTelemetry)
    const before = (await box!.journal.readAfter('telemetry', 0, 100, MIB)).rows.length
    expect(await reading(first, transactionId, 1_500)).toEqual({})
    expect((await box!.journal.readAfter('telemetry', 0, 100, MIB)).rows).toHaveLength(before)

    await fill('c', 4)
    await reached(PRESSURE.noSessions)
    const second = await station('CP2')
    await boot(second)
    // Refused, and recorded all the same: a station may go on charging whatever it is answered.
    expect(await start(second, 'TAG-2')).toMatchObject({ idTagInfo: { status: 'Blocked' } })
    // This one has flowed already.
    const late = await start(second, 'TAG-3', 3_600_000)
    expect(late).toMatchObject({ idTagInfo: { status: 'Accepted' } })
    expect(await stop(second, late.transactionId, 9_000)).toEqual({})
    expect(await stop(first, transactionId, 2_500)).toEqual({})
    const facts = await box!.facts()
    expect(facts.filter((f) => f.kind === 'session.started').map((f) => f.data.authorization)).toEqual([
      'Accepted',
      'Blocked',
      'Accepted',
    ])
    expect(
      facts.flatMap((f) => (f.kind === 'session.ended' && !f.data.presumed ? [f.data.energyMilliWh] : [])),
    ).toEqual([8_000_000, 1_500_000])

    await box!.journal.commit({
      facts: [],
      puts: [],
      deletes: ['a', 'b', 'c'].map((id) => ({ kind: 'filler', id })),
    })
    await reached(PRESSURE.none)
    const told = (await box!.facts()).filter((f) => f.kind === 'journal.pressure')
    expect(told.map((f) => f.data.unwritten).reduce((a, b) => a + b)).toBe(1)
    expect(await start(second, 'TAG-4')).toMatchObject({ idTagInfo: { status: 'Accepted' } })
  })

  it('when nothing fits any more, the reserve ends what runs, and a start stays with its station', async () => {
    await open()
    const first = await station('CP1')
    await boot(first)
    const { transactionId } = await start(first, 'TAG-1')
    let isSpent = false
    box!.journal.upkeep.onReserveSpent(() => {
      isSpent = true
    })
    for (let n = 0; !isSpent; n++) await fill(`f${n}`, 1)
    await reached(PRESSURE.reserve)
    const second = await station('CP2')
    await boot(second)
    expect(await start(second, 'TAG-2')).toEqual({ code: 1013 })
    expect(await stop(first, transactionId, 2_500)).toEqual({})
    expect((await box!.facts()).find((f) => f.kind === 'session.ended')?.data).toMatchObject({
      energyMilliWh: 1_500_000,
    })

    const deletes = Array.from({ length: 40 }, (_, n) => ({ kind: 'filler', id: `f${n}` }))
    await box!.journal.commit({ facts: [], puts: [], deletes })
    await reached(PRESSURE.none)
    expect(statSync(join(folder, 'journal.db-reserve')).size).toBe(2 * MIB)
    const again = await station('CP2')
    await boot(again)
    expect(await start(again, 'TAG-2', 120_000)).toMatchObject({ idTagInfo: { status: 'Accepted' } })
    expect((await box!.facts()).filter((f) => f.kind === 'session.started')).toHaveLength(2)
    expect(box!.fatal).toEqual([])
  })

  it('acknowledged rows go first, and nothing that is not acknowledged', async () => {
    await open()
    const facts = Array.from({ length: 300 }, (_, n) => ({
      stream: 'ledger' as const,
      id: `r${n}`,
      text: JSON.stringify('y'.repeat(60_000)),
    }))
    const { ledger } = await box!.journal.commit({ facts, puts: [], deletes: [] })
    await box!.journal.acknowledge('ledger', ledger.seq - 50)
    await fill('a', 6)
    const first = () => box!.journal.readAfter('ledger', 0, 1, 1)
    const { pruned } = await box!.until(async () => {
      const it = await first()
      return it.pruned ? it : undefined
    })
    expect(pruned!.seq).toBeLessThanOrEqual(ledger.seq - 50)
    const { rows } = await box!.journal.readAfter('ledger', ledger.seq - 50, 50, 1 << 30)
    expect(rows).toHaveLength(50)
  })
})

describe('a journal that is longer than what is to be kept', () => {
  it('loses acknowledged rows, without any pressure', async () => {
    box = await TestBox.start({ file: join(folder, 'journal.db'), retainedMaxBytes: 4 * MIB })
    const facts = Array.from({ length: 200 }, (_, n) => ({
      stream: 'telemetry' as const,
      id: `r${n}`,
      text: JSON.stringify('y'.repeat(60_000)),
    }))
    await box.journal.commit({ facts, puts: [], deletes: [] })
    await box.journal.acknowledge('telemetry', 200)
    await box.until(async () => (await box!.journal.readAfter('telemetry', 0, 1, 1)).pruned)
    expect(await levels()).toEqual([])
  })
})

const isRoot = process.getuid?.() === 0
describe('a disk that is full to the last byte', { timeout: 60_000 }, () => {
  const skip =
    isRoot && process.platform === 'linux' ? '' : ' (skipped: mounting a small disk needs root on Linux)'
  it.skipIf(skip !== '')(`ends and bills what runs, also after a restart, and recovers${skip}`, async () => {
    await onSmallDisk(async (disk) => {
      const file = join(disk, 'journal.db')
      box = await TestBox.start({ file })
      const first = await station('CP1')
      await boot(first)
      const { transactionId } = await start(first, 'TAG-1')
      const other = await station('CP2')
      await boot(other)
      const { transactionId: otherId } = await start(other, 'TAG-2')

      const makeRoom = fillDisk(disk)
      // The log is written over from its beginning while it can be; then the reserve goes.
      let isSpent = false
      box.journal.upkeep.onReserveSpent(() => {
        isSpent = true
      })
      for (let n = 0; !isSpent; n++) await fill(`x${n}`, 0.1)
      await reached(PRESSURE.reserve)
      expect(await reading(first, transactionId, 1_500)).toEqual({})
      expect(await stop(first, transactionId, 2_500)).toEqual({})
      const third = await station('CP3')
      await boot(third)
      expect(await start(third, 'TAG-3')).toEqual({ code: 1013 })

      for (const socket of sockets.splice(0)) socket.close()
      await box.stop()
      box = await TestBox.start({ file })
      const again = await station('CP2')
      expect(await stop(again, otherId, 3_500)).toEqual({})
      const energies = (await box.facts()).flatMap((f) =>
        f.kind === 'session.ended' ? [f.data.energyMilliWh] : [],
      )
      expect(energies).toEqual([1_500_000, 2_500_000])

      makeRoom()
      await box.until(async () => ((await levels()).at(-1) ?? 9) <= PRESSURE.prune)
      const back = await station('CP3')
      await boot(back)
      expect(await start(back, 'TAG-3')).toMatchObject({ idTagInfo: { status: 'Accepted' } })
      expect(box.fatal).toEqual([])
    })
  })

  it.skipIf(skip !== '')(`registers who came meanwhile by the first message that fits${skip}`, async () => {
    await onSmallDisk(async (disk) => {
      box = await TestBox.start({ file: join(disk, 'journal.db') })
      const makeRoom = fillDisk(disk)
      // The reserve is used up too.
      for (let bytes = 64 * 1024; bytes > 64; ) {
        const text = JSON.stringify('y'.repeat(bytes))
        const facts = [{ stream: 'ledger' as const, id: `r${messages++}`, text }]
        await box.journal.commit({ facts, puts: [], deletes: [] }).catch(() => {
          bytes /= 2
        })
      }
      const socket = await station('CP1')
      expect(await boot(socket)).toEqual({ error: 'InternalError' })
      makeRoom()
      await box.until(async () => (await boot(socket)).status === 'Accepted')
      expect((await box.facts()).filter((f) => f.kind === 'station.registered')).toHaveLength(1)
    })
  })
})

async function onSmallDisk(test: (disk: string) => Promise<void>): Promise<void> {
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk])
  try {
    await test(disk)
  } finally {
    for (const socket of sockets.splice(0)) socket.close()
    await box?.stop()
    box = undefined
    execFileSync('umount', [disk])
  }
}

/** Another program fills the disk from one moment to the next; returns how it goes again. */
function fillDisk(disk: string): () => void {
  const filler = join(disk, 'filler')
  let written = 0
  for (const size of [MIB, 4096, 1])
    try {
      for (;;) {
        writeFileSync(`${filler}-${written}`, Buffer.alloc(size, 1))
        written++
      }
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC')
    }
  return () => {
    for (let n = 0; n < written; n++) rmSync(`${filler}-${n}`)
  }
}
