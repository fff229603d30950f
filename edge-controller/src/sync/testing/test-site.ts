/** A site whose sync, journal and state are the real ones; only its stations are played by the test. */
import type { Command } from '@switchyard/protocol/site/command.ts'
import type { Live } from '@switchyard/protocol/site/live.ts'
import type { TimeReference } from '../../clock-quality.ts'
import type { CommandResult } from '../../execute.ts'
import { InlineJournal } from '../../journal/testing/inline-journal.ts'
import type { Clock, Log } from '../../ports.ts'
import { systemRandom } from '../../random.ts'
import { SiteState } from '../../site-state.ts'
import { MqttBroker } from '../mqtt-broker.ts'
import { createSync, type Sync } from '../sync.ts'

/** Time that runs faster than the wall's, so that retransmissions come within a test's patience. */
export class FastClock implements Clock {
  readonly #speed: number

  constructor(speed: number) {
    this.#speed = speed
  }

  now(): number {
    return 1_800_000_000_000 + this.mono()
  }

  mono(): number {
    return performance.now() * this.#speed
  }

  quality(): 'synced' {
    return 'synced'
  }

  after(delayMs: number, work: () => void): () => void {
    const timer = setTimeout(work, delayMs / this.#speed)
    return () => clearTimeout(timer)
  }
}

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }

export interface TestSiteOptions {
  siteId: string
  file: string
  port: number
  clock: Clock
  execute?: (command: Command, remainingMs: number) => Promise<CommandResult>
  stations?: () => Live['stations']
  /** Names the journal if it is made now. */
  journalId?: string
}

export class TestSite {
  readonly journal: InlineJournal
  readonly state: SiteState
  readonly sync: Sync
  readonly times: TimeReference[] = []

  private constructor(journal: InlineJournal, state: SiteState, sync: (site: TestSite) => Sync) {
    this.journal = journal
    this.state = state
    this.sync = sync(this)
  }

  static async start(options: TestSiteOptions): Promise<TestSite> {
    const { siteId, file, port, clock } = options
    // Reconnects come at once: waiting is not what these tests are about.
    const random = { ...systemRandom, fraction: () => 0.001 }
    const journal = new InlineJournal(file, options.journalId ?? 'J1')
    const loaded = await journal.load()
    const state = new SiteState(journal, loaded, clock, random)
    const broker = new MqttBroker({ url: `mqtt://127.0.0.1:${port}`, siteId, clock, random, log: silent })
    const site = new TestSite(journal, state, (self) =>
      createSync({
        siteId,
        version: 'test',
        node: process.versions.node,
        journal,
        acked: loaded.acked,
        state,
        broker,
        clock,
        random,
        log: silent,
        execute: options.execute ?? (async () => ({ status: 'accepted' })),
        picture: () => ({ stations: options.stations?.() ?? [] }),
        onTime: (reference) => self.times.push(reference),
      }),
    )
    await site.sync.start()
    return site
  }

  /** Journals n ledger rows and as many of telemetry, as sessions make them. */
  async work(n: number): Promise<void> {
    for (let i = 0; i < n; i++) {
      const at = new Date(this.state.heads.ledger.seq * 1000).toISOString()
      await this.state.commit({
        facts: [
          { kind: 'session.register', stationId: 'S', sessionId: 's', data: { at, registerMilliWh: i } },
          { kind: 'station.meter', stationId: 'S', data: { at, evseId: 1, connectorId: 1, values: [] } },
        ],
        puts: [],
        deletes: [],
      })
    }
  }

  async stop(): Promise<void> {
    await this.sync.stop()
    await this.journal.close()
  }
}
