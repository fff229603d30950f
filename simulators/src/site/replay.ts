/** Cars that come and ask as they once did: sessions read from a file. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { type Recorded, ReplayError } from './recorded.ts'
import { readAcnportal } from './replay-acnportal.ts'
import { readCsv } from './replay-csv.ts'

/** Largest file, inflated; a larger one is refused. */
export const REPLAY_MAX_BYTES = 256 * 1024 * 1024

/** Reads `.csv`, `.csv.gz`, `.json` or `.json.gz`; sessions in the order of arrival, at least one. Throws ReplayError. */
export function readReplay(file: string): Recorded[] {
  const text = inflate(file)
  const name = file.replace(/\.gz$/i, '').toLowerCase()
  if (!name.endsWith('.csv') && !name.endsWith('.json')) {
    throw new ReplayError(file, 'a name ending in .csv, .csv.gz, .json or .json.gz is needed')
  }
  const recorded = name.endsWith('.csv') ? readCsv(file, text) : readAcnportal(file, text)
  if (recorded.length === 0) throw new ReplayError(file, 'there is no session in it')
  return recorded.sort((a, b) => a.arrivalMs - b.arrivalMs)
}

function inflate(file: string): string {
  try {
    const bytes = readFileSync(file)
    const whole = /\.gz$/i.test(file) ? gunzipSync(bytes, { maxOutputLength: REPLAY_MAX_BYTES }) : bytes
    if (whole.length > REPLAY_MAX_BYTES) throw new Error(`larger than ${REPLAY_MAX_BYTES} bytes`)
    return whole.toString('utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // zlib says "incorrect header check", or that data ended early.
    throw new ReplayError(file, code?.startsWith('Z_') ? `no whole gzip file (${message})` : message)
  }
}
