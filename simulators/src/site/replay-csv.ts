/** Session files in CSV: columns by name, arrival and departure with their offset, energy in kWh. */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import { energyToMilliWh } from '@switchyard/protocol/units.ts'
import { type Recorded, ReplayError } from './recorded.ts'

const ARRIVAL = 'arrival'
const DEPARTURE = 'departure'
const ENERGY = 'requested_energy (kWh)'
const STATION = 'station_id'
const NEEDED = [ARRIVAL, DEPARTURE, ENERGY, STATION]

/** Reads all rows; the first bad field throws ReplayError with its line and column. */
export function readCsv(file: string, text: string): Recorded[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const header = fields(file, 1, lines[0] ?? '')
  for (const name of NEEDED) {
    if (!header.includes(name)) {
      throw new ReplayError(file, `line 1: there is no column "${name}" among ${header.join(', ')}`)
    }
  }
  const recorded: Recorded[] = []
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line.trim() === '') continue
    const number = index + 1
    const row = fields(file, number, line)
    if (row.length !== header.length) {
      throw new ReplayError(
        file,
        `line ${number}: ${row.length} fields, where the header has ${header.length}`,
      )
    }
    const bad = (column: string, what: string) =>
      new ReplayError(file, `line ${number}, column "${column}": "${cell(column).slice(0, 60)}" is ${what}`)
    const cell = (column: string) => row[header.indexOf(column)] ?? ''
    const instantOf = (column: string) => {
      // RFC 3339 with a blank instead of the T; without an offset nobody knows when it was.
      const text = cell(column).trim()
      const atMs = /([zZ]|[+-]\d{2}:?\d{2})$/.test(text) ? parseInstant(text) : undefined
      if (atMs === undefined) throw bad(column, 'no time with an offset, such as 2019-05-01 06:33:14-07:00')
      return atMs
    }
    const arrivalMs = instantOf(ARRIVAL)
    const departureMs = instantOf(DEPARTURE)
    if (departureMs <= arrivalMs) throw bad(DEPARTURE, 'not after the arrival')
    const energyMilliWh = energyToMilliWh(cell(ENERGY), 'kWh')
    if (energyMilliWh === undefined || energyMilliWh < 0) throw bad(ENERGY, 'no energy in kWh')
    if (cell(STATION) === '') throw bad(STATION, 'no station')
    recorded.push({ arrivalMs, departureMs, energyMilliWh, station: cell(STATION) })
  }
  return recorded
}

/** The fields of one line; quotes may enclose commas, and a doubled quote stands for one. */
function fields(file: string, number: number, line: string): string[] {
  const found: string[] = []
  for (let at = 0; at <= line.length; at++) {
    if (line[at] !== '"') {
      const end = line.indexOf(',', at)
      const field = line.slice(at, end < 0 ? undefined : end)
      found.push(field)
      at += field.length
      continue
    }
    const match = /^"((?:[^"]|"")*)"(?=,|$)/.exec(line.slice(at))
    if (!match) {
      throw new ReplayError(file, `line ${number}, column ${found.length + 1}: a quote that does not end`)
    }
    found.push(match[1]!.replaceAll('""', '"'))
    at += match[0].length
  }
  return found
}
