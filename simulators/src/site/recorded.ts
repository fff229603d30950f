/** What a session file says, whatever its format. */

/** One session of the file. */
export interface Recorded {
  /** On the file's own time line. */
  arrivalMs: number
  departureMs: number
  /** What the driver asked for. */
  energyMilliWh: number
  station: string
}

/** The file cannot be replayed; the message names the file and the place in it. */
export class ReplayError extends Error {
  constructor(file: string, what: string) {
    super(`${file}: ${what}`)
  }
}
