/** Both streams on their way up, the ledger first: while it lags, telemetry gets at most every second batch. */
import type { Ack } from '@switchyard/protocol/site/envelope.ts'
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import type { Journal } from '../journal/port.ts'
import type { Clock, Log, Random } from '../ports.ts'
import type { SiteState } from '../site-state.ts'
import type { Compress } from './batch.ts'
import { Lane } from './lane.ts'
import type { Conversation } from './link.ts'

export interface UplinkPorts {
  siteId: string
  journal: Journal
  state: SiteState
  clock: Clock
  random: Random
  log: Log
  compress?: Compress
  /** Highest acknowledged seqs that the journal remembers. */
  acked: Record<Stream, number>
  publish(stream: Stream, payload: Uint8Array): Promise<void>
  disagree(reason: string, parted?: boolean): void
  /** An acknowledgement arrived. */
  agreed(): void
}

export class Uplink {
  readonly #ports: UplinkPorts
  readonly #lanes: Record<Stream, Lane>
  /** A ledger batch was acknowledged since telemetry last started one. */
  #telemetryTurn = true
  #pumping = false

  constructor(ports: UplinkPorts) {
    this.#ports = ports
    const lane = (stream: Stream): Lane =>
      new Lane(
        stream,
        {
          ...ports,
          mayStart: () => stream === 'ledger' || this.#telemetryTurn || !this.#lanes.ledger.waiting,
          started: () => {
            if (stream === 'telemetry') this.#telemetryTurn = false
          },
          acknowledged: (upTo) => {
            if (stream === 'ledger') this.#telemetryTurn = true
            ports.agreed()
            ports.journal.acknowledge(stream, upTo).catch((error: Error) => {
              ports.log.error(
                { siteId: ports.siteId, stream, error },
                'an acknowledgement was not remembered',
              )
            })
          },
          wake: () => this.pump(),
        },
        ports.acked[stream],
      )
    this.#lanes = { ledger: lane('ledger'), telemetry: lane('telemetry') }
  }

  get backlog(): Record<Stream, number> {
    return { ledger: this.#lanes.ledger.backlog, telemetry: this.#lanes.telemetry.backlog }
  }

  /** Rows of a stream up to this one may have been sent. */
  sentTo(stream: Stream): number {
    return this.#lanes[stream].sentTo
  }

  begin(conversation: Conversation): void {
    this.#telemetryTurn = true
    for (const stream of STREAMS) {
      this.#ports.journal.withdraw(stream, conversation.expected[stream].seq).catch((error: Error) => {
        const { log, siteId } = this.#ports
        log.error({ siteId, stream, error }, 'what the cloud lacks again could not be noted')
      })
    }
    // Both have begun before either may end the conversation again by what it finds.
    this.#pumping = true
    for (const stream of STREAMS) this.#lanes[stream].begin(conversation)
    this.#pumping = false
    this.pump()
  }

  forked(): void {
    for (const stream of STREAMS) this.#lanes[stream].forked()
  }

  end(): void {
    for (const stream of STREAMS) this.#lanes[stream].end()
  }

  /** To be called when rows were committed. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    for (const stream of STREAMS) this.#lanes[stream].pump()
    this.#pumping = false
  }

  acked(ack: Ack): Promise<void> {
    return this.#lanes[ack.stream].acked(ack)
  }
}
