/** What a station is asked to tell, by TriggerMessage (1.6 section 5.17, 2.x F06), because the site lacks it or knows better. */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import type { StateReader } from '../draft.ts'
import type { Clock } from '../ports.ts'
import { stationOf } from '../station/station.ts'
import type { Connection } from './connection.ts'

/** A station whose timestamps are off by more is asked for a heartbeat, from the answer to which it takes its time. */
export const STATION_CLOCK_OFF_MS = 2 * 60_000

/** Messages that are not queued while a station is offline: their time is now. */
const TOLD_AS_IT_IS: ReadonlySet<string> = new Set(['StatusNotification'])

export class Asks {
  readonly #stationId: string
  readonly #state: StateReader
  readonly #clock: Clock
  #forBoot: Connection | undefined
  #toldOf: { connection: Connection; as: 'Accepted' | 'Rejected'; bootAt: string | undefined } | undefined
  #unbooted: Connection | undefined
  #forTime: Connection | undefined
  /** A status could not be journalled, as the disk was full; stations tell it once only. */
  #missedStatus = false

  constructor(stationId: string, state: StateReader, clock: Clock) {
    this.#stationId = stationId
    this.#state = state
    this.#clock = clock
  }

  /**
   * A station that was booted by another card does not boot again because this one does not know it: it is asked to, once a
   * connection, or its sessions would be refused for ever. So is one that was accepted and is not any more: it shall hear so. One
   * that waits for approval has booted.
   */
  boot(connection: Connection): void {
    const boot = stationOf(this.#state, this.#stationId)?.boot
    if (this.#forBoot === connection || (boot && boot.status !== 'Accepted')) return
    this.#forBoot = connection
    void trigger(connection, 'BootNotification')
  }

  /** An operator has accepted it, and on this connection it was heard without having booted here. */
  heardUnbooted(connection: Connection): void {
    this.#unbooted = connection
    this.boot(connection)
  }

  /** And it still has not. */
  wasHeardUnbooted(connection: Connection | undefined): boolean {
    const isSame = connection !== undefined && connection === this.#unbooted
    return isSame && stationOf(this.#state, this.#stationId)?.boot === undefined
  }

  /**
   * Its boot would be answered `as` that now; asked once for each change of mind, whatever else changes until it boots. A station
   * that cannot be triggered boots again by itself after its interval.
   */
  bootAgain(connection: Connection, as: 'Accepted' | 'Rejected'): void {
    const bootAt = stationOf(this.#state, this.#stationId)?.boot?.at
    const told = this.#toldOf
    if (told?.connection === connection && told.as === as && told.bootAt === bootAt) return
    this.#toldOf = { connection, as, bootAt }
    void trigger(connection, 'BootNotification')
  }

  statusWasMissed(): void {
    this.#missedStatus = true
  }

  /** Asks for what was missed, if anything was. */
  missed(connection: Connection): void {
    if (!this.#missedStatus) return
    this.#missedStatus = false
    for (const { evseId, connectorId } of stationOf(this.#state, this.#stationId)?.connectors ?? []) {
      const place =
        connection.version === '1.6' ? { connectorId: evseId } : { evse: { id: evseId, connectorId } }
      if (evseId > 0) void trigger(connection, 'StatusNotification', place)
    }
  }

  /** Our clock was wrong until now, and the station may have its time from us. */
  time(connection: Connection): void {
    this.#forTime = connection
    void trigger(connection, 'Heartbeat')
  }

  /**
   * Looks at the time that a message tells, once our own is known; the station is asked once a connection. What it kept while it was
   * offline (transactions, events) tells old times rightly: of the past only a status counts, which is told as it is now. No queue
   * tells a time to come.
   */
  heardTime(connection: Connection, { action, payload }: { action: string; payload: unknown }): void {
    const { timestamp } = payload as { timestamp?: unknown }
    if (this.#forTime === connection || typeof timestamp !== 'string') return
    const atMs = this.#clock.quality() === 'synced' ? parseInstant(timestamp) : undefined
    if (atMs === undefined) return
    const aheadMs = atMs - this.#clock.now()
    const isOff =
      aheadMs > STATION_CLOCK_OFF_MS || (TOLD_AS_IT_IS.has(action) && -aheadMs > STATION_CLOCK_OFF_MS)
    if (isOff) this.time(connection)
  }
}

function trigger(connection: Connection, requestedMessage: string, place: object = {}): Promise<unknown> {
  return connection.call('TriggerMessage', { requestedMessage, ...place })
}
