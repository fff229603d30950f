/**
 * Keeps one station at something that is wanted of it: after every boot, at once when that changes, and when it comes back without a
 * boot after a change. In the background, one attempt at a time: sessions do not wait for it.
 */
import type { Connection } from './connection.ts'
import type { OcppModule } from './module.ts'

/** The connection of a station, and how its version says things. */
export interface StationLine {
  connection: Connection
  module: OcppModule
}

export interface Attempt {
  /** What was wanted when the station was brought to it last is not known: not since its boot, or our start. */
  isFirst: boolean
  /** False: the connection has closed, or the station has booted; what was read before says nothing any more. */
  isCurrent(): boolean
}

export interface ReconciliationPorts<Wanted> {
  wanted(line: StationLine): Wanted
  /** Brings the station to it, as far as it goes. */
  settle(line: StationLine, wanted: Wanted, attempt: Attempt): Promise<void>
}

export class Reconciliation<Wanted> {
  readonly #ports: ReconciliationPorts<Wanted>
  #line: StationLine | undefined
  #isRunning = false
  #boots = 0
  /** What was wanted when the station was brought to it last. */
  #settled: string | undefined

  constructor(ports: ReconciliationPorts<Wanted>) {
    this.#ports = ports
  }

  /** The station has booted: it may have lost what it had, or taken what a reboot was required for. */
  booted(line: StationLine): void {
    this.#boots += 1
    this.#settled = undefined
    this.begin(line)
  }

  /** The station is there; again on the same connection, where something may have changed. */
  begin(line: StationLine): void {
    this.#line = line
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#run().finally(() => {
      this.#isRunning = false
    })
  }

  hasBegunOn(connection: Connection): boolean {
    return this.#line?.connection === connection
  }

  async #run(): Promise<void> {
    for (let line = this.#line; line && !line.connection.closed; line = this.#line) {
      const { connection } = line
      const wanted = this.#ports.wanted(line)
      const text = JSON.stringify(wanted)
      if (text === this.#settled) return
      const boots = this.#boots
      const isCurrent = () => !connection.closed && this.#boots === boots
      await this.#ports.settle(line, wanted, { isFirst: this.#settled === undefined, isCurrent })
      if (isCurrent()) this.#settled = text
    }
  }
}
