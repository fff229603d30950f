/** Connector statuses: what listeners were shown, and what the central system knows. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { Connector, ConnectorStatus } from './connector.ts'
import type { Call, Dialect } from './dialect.ts'

export interface StatusesOptions {
  dialect: Dialect
  connectors: readonly Connector[]
  online: () => boolean
  nowMs: () => number
  call: (call: Call) => Promise<JsonObject>
  onStatus: (connectorId: number, status: ConnectorStatus) => void
}

export class Statuses {
  readonly #options: StatusesOptions
  /** By connector, in the version's own words: several of ours may be one of its. */
  readonly #told = new Map<number, string>()
  readonly #shown = new Map<number, ConnectorStatus>()

  constructor(options: StatusesOptions) {
    this.#options = options
  }

  /** Tells a connector's status, if the central system does not know it yet. */
  tell(connector: Connector, evenIfKnown = false): void {
    const { dialect, online, onStatus } = this.#options
    const status = connector.status()
    if (this.#shown.get(connector.id) !== status) onStatus(connector.id, status)
    this.#shown.set(connector.id, status)
    const known = this.#told.get(connector.id) === dialect.statusWord(status)
    if (online() && (!known || evenIfKnown)) this.#send(connector.id, status)
  }

  /** 1.6: connector 0 is the station as a whole; 2.0.1 has no status of its own for that. */
  tellStation(): void {
    const { dialect, connectors, online } = this.#options
    if (dialect.version !== '1.6' || !online()) return
    this.#send(0, connectors.some((it) => it.operative) ? 'Available' : 'Unavailable')
  }

  /** After a boot the central system knows nothing. */
  forget(): void {
    this.#told.clear()
  }

  #send(connectorId: number, status: ConnectorStatus): void {
    const { dialect, call, nowMs } = this.#options
    const word = dialect.statusWord(status)
    this.#told.set(connectorId, word)
    call(dialect.status(connectorId, status, nowMs())).catch(() => {
      // Not known after all: told again at the next occasion.
      if (this.#told.get(connectorId) === word) this.#told.delete(connectorId)
    })
  }
}
