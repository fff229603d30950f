import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readReplay } from './replay.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-replay-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const HEADER = 'arrival,departure,requested_energy (kWh),delivered_energy (kWh),station_id,session_id'
const GOOD = '2019-05-01 06:33:14-07:00,2019-05-01 11:50:55-07:00,21.84,17.666,CA-314,x'

describe('a session file', () => {
  it('is read from CSV, packed or not, in the order of arrival', () => {
    const earlier = '2019-05-01 05:00:00-07:00,2019-05-01 06:00:00-07:00,4.0,2.9,"CA-1, left",y'
    const text = `${HEADER}\r\n${GOOD}\r\n${earlier}\r\n`
    for (const path of [file('a.csv', text), file('a.csv.gz', gzipSync(text))]) {
      expect(readReplay(path)).toEqual([
        {
          arrivalMs: Date.UTC(2019, 4, 1, 12),
          departureMs: Date.UTC(2019, 4, 1, 13),
          energyMilliWh: 4_000_000,
          station: 'CA-1, left',
        },
        {
          arrivalMs: Date.UTC(2019, 4, 1, 13, 33, 14),
          departureMs: Date.UTC(2019, 4, 1, 18, 50, 55),
          energyMilliWh: 21_840_000,
          station: 'CA-314',
        },
      ])
    }
  })

  it('is read from acnportal JSON, a string in JSON', () => {
    const queue = {
      context_dict: {
        1: { class: 'acnportal.acnsim.models.battery.Battery', attributes: {} },
        2: {
          class: 'acnportal.acnsim.models.ev.EV',
          attributes: { _arrival: 76, _departure: 92, _requested_energy: 4.216, _station_id: 'CA-315' },
        },
      },
    }
    const path = file('q.json.gz', gzipSync(JSON.stringify(JSON.stringify(queue))))
    expect(readReplay(path)).toEqual([
      { arrivalMs: 76 * 300_000, departureMs: 92 * 300_000, energyMilliWh: 4_216_000, station: 'CA-315' },
    ])
  })

  it.each([
    [
      'a column that is missing',
      'arrival,departure,station_id',
      'line 1: there is no column "requested_energy (kWh)"',
    ],
    ['a row that is short', `${HEADER}\n${GOOD}\n2019,1`, 'line 3: 2 fields, where the header has 6'],
    [
      'a time that is none',
      `${HEADER}\n${GOOD.replace('2019-05-01 06:33:14-07:00', 'soon')}`,
      'line 2, column "arrival": "soon" is no time',
    ],
    [
      'a time without an offset',
      `${HEADER}\n${GOOD.replace('06:33:14-07:00', '06:33:14')}`,
      'line 2, column "arrival": "2019-05-01 06:33:14" is no time with an offset',
    ],
    [
      'a departure before the arrival',
      `${HEADER}\n${GOOD.replace('11:50:55', '01:50:55')}`,
      'line 2, column "departure": "2019-05-01 01:50:55-07:00" is not after the arrival',
    ],
    [
      'an energy that is none',
      `${HEADER}\n${GOOD.replace('21.84', 'lots')}`,
      'line 2, column "requested_energy (kWh)": "lots" is no energy',
    ],
    ['a quote that does not end', `${HEADER}\n"${GOOD}`, 'line 2, column 1: a quote'],
    ['no session', HEADER, 'there is no session in it'],
  ])('is refused for %s, naming the place', (_, text, message) => {
    const path = file('bad.csv', text)
    expect(() => readReplay(path)).toThrow(message)
    expect(() => readReplay(path)).toThrow(path)
  })

  it('is refused when it is no gzip, absent, or of another kind', () => {
    expect(() => readReplay(file('x.csv.gz', 'plain'))).toThrow('no whole gzip file (incorrect header check)')
    expect(() => readReplay(join(folder, 'absent.csv'))).toThrow('ENOENT')
    expect(() => readReplay(file('x.xlsx', ''))).toThrow('a name ending in .csv')
    expect(() => readReplay(file('x.json', '{"context_dict": {"1": {"class": "a.EV"}}}'))).toThrow(
      'object 1, attribute _arrival: undefined is no period',
    )
  })
})
