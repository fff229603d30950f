import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LedgerEntry, openLedger, readLedger, readStarts } from './ledger.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-ledger-'))
  file = join(folder, 'deep', 'ledger.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const entry = (sessionKey: string): LedgerEntry => ({
  sessionKey,
  stationId: 'A',
  connectorId: 1,
  evseId: 1,
  version: '1.6',
  idToken: 'T',
  startedAt: '2026-01-01T00:00:00.000Z',
  startRegisterWh: '10',
  endedAt: '2026-01-01T01:00:00.000Z',
  endRegisterWh: '12.5',
  energyWh: '2.5',
  transactionId: null,
  reason: 'Local',
})

describe('a ledger', () => {
  it('is empty before it exists', () => {
    expect(readLedger(file)).toEqual([])
    expect(readStarts(file)).toEqual([])
  })

  it('keeps ends and starts over openings, each session once', () => {
    const first = openLedger(file)
    const {
      endedAt: _e,
      endRegisterWh: _r,
      energyWh: _w,
      transactionId: _t,
      reason: _q,
      ...start
    } = entry('a')
    first.recordStart(start)
    first.recordEnd(entry('a'))
    first.close()
    const second = openLedger(file)
    second.recordEnd(entry('a'))
    second.recordEnd(entry('b'))
    expect(second.find('a')).toEqual(entry('a'))
    second.close()
    expect(readLedger(file)).toEqual([entry('a'), entry('b')])
    expect(readStarts(file)).toEqual([start])
  })

  it('drops a line that a crash left unfinished, and goes on after the last whole one', () => {
    const first = openLedger(file)
    first.recordEnd(entry('a'))
    first.close()
    appendFileSync(file, '{"sessionKey":"torn","sta')
    expect(readLedger(file)).toEqual([entry('a')])
    const second = openLedger(file)
    second.recordEnd(entry('b'))
    second.close()
    expect(readLedger(file)).toEqual([entry('a'), entry('b')])
    expect(readFileSync(file, 'utf8')).not.toContain('torn')
  })

  it('names the line that it cannot read', () => {
    openLedger(file).close()
    writeFileSync(file, `${JSON.stringify(entry('a'))}\nnonsense\n`)
    expect(() => readLedger(file)).toThrow(`${file}, line 2: not JSON`)
  })
})
