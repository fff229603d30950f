/** What the gateway counts. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export interface GatewayMetrics {
  batches: Counter<'stream'>
  rows: Counter<'stream'>
  refusals: Counter<'refused'>
  /** From the arrival of a batch to its acknowledgement, after the commit. */
  ackSeconds: Histogram
  /** Messages dropped at a bound, by channel. */
  dropped: Counter<'channel'>
}

export interface GatewayReadings {
  /** Batches that wait or are under way. */
  depth(): number
  /** Whether the broker is connected, and what sites send is subscribed to. */
  connected(): boolean
  /** Rows that are kept and cannot be read. */
  poison(): Promise<number>
}

export function createGatewayMetrics(
  registry: Registry,
  { depth, connected, poison }: GatewayReadings,
): GatewayMetrics {
  const registers = [registry]
  new Gauge({
    name: 'switchyard_broker_connected',
    help: 'Whether this gateway is connected to the broker (1) or not (0)',
    registers,
    collect() {
      this.set(connected() ? 1 : 0)
    },
  })
  new Gauge({
    name: 'switchyard_poison_rows',
    help: 'Rows of sites that are kept in the log and cannot be read',
    registers,
    async collect() {
      // Without the database there is no figure, and all others are still told.
      this.reset()
      const rows = await poison().catch(() => undefined)
      if (rows !== undefined) this.set(rows)
    },
  })
  new Gauge({
    name: 'switchyard_gateway_batch_queue',
    help: 'Batches that wait or are under way',
    registers,
    collect() {
      this.set(depth())
    },
  })
  return {
    batches: new Counter({
      name: 'switchyard_gateway_batches_total',
      help: 'Batches that were judged',
      labelNames: ['stream'],
      registers,
    }),
    rows: new Counter({
      name: 'switchyard_gateway_rows_total',
      help: 'New rows that were committed',
      labelNames: ['stream'],
      registers,
    }),
    refusals: new Counter({
      name: 'switchyard_gateway_refusals_total',
      help: 'Batches that were refused, by reason',
      labelNames: ['refused'],
      registers,
    }),
    ackSeconds: new Histogram({
      name: 'switchyard_gateway_ack_seconds',
      help: 'From the arrival of a batch to its acknowledgement',
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
      registers,
    }),
    dropped: new Counter({
      name: 'switchyard_gateway_dropped_total',
      help: 'Messages of sites that were dropped at a bound',
      labelNames: ['channel'],
      registers,
    }),
  }
}
