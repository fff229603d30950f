/** A whole site as on the box (journal in its worker thread, real sockets) under a virtual clock, over a file that the test names. */
import type { Fact } from '@switchyard/protocol/site/fact.ts'
import { readFact } from '@switchyard/protocol/site/fact.ts'
import { WorkerJournal } from '../journal/worker-journal.ts'
import { listenOcpp, type OcppServer } from '../ocpp/server.ts'
import type { Log } from '../ports.ts'
import { systemRandom } from '../random.ts'
import { SiteClock } from '../site-clock.ts'
import { createSiteController, type SiteController, SPOKEN_VERSIONS } from '../site-controller.ts'
import { TEST_CONFIG } from './test-controller.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface TestBoxOptions {
  file: string
  maxBytes?: number
  retainedMaxBytes?: number
}

export class TestBox {
  readonly clock = new VirtualClock('2026-11-26T12:00:00.000Z')
  readonly fatal: Error[] = []
  journal!: WorkerJournal
  controller!: SiteController
  server!: OcppServer

  static async start({
    file,
    maxBytes,
    retainedMaxBytes = Number.MAX_SAFE_INTEGER,
  }: TestBoxOptions): Promise<TestBox> {
    const box = new TestBox()
    const onFatal = (error: Error): void => void box.fatal.push(error)
    const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
    box.journal = new WorkerJournal({ file, newJournalId: 'test-journal', maxBytes, onFailure: onFatal })
    box.controller = await createSiteController({
      siteId: 'site-1',
      version: 'test',
      node: process.versions.node,
      journal: box.journal,
      clock: new SiteClock(box.clock),
      random: systemRandom,
      log,
      config: TEST_CONFIG,
      retentionMs: 30 * 86_400_000,
      retainedMaxBytes,
      onFatal,
    })
    await box.controller.start()
    box.server = await listenOcpp({
      host: '127.0.0.1',
      port: 0,
      maxConnections: 100,
      versions: SPOKEN_VERSIONS,
      clock: box.clock,
      log,
      admit: box.controller.admit,
      accept: box.controller.accept,
    })
    return box
  }

  get url(): string {
    return this.server.url
  }

  async stop(): Promise<void> {
    void this.server.close()
    await this.controller.stop(1_000)
  }

  async facts(): Promise<Fact[]> {
    const { rows } = await this.journal.readAfter('ledger', 0, 100_000, 1 << 30)
    return rows.flatMap((row) => {
      const read = readFact(row.fact)
      return read.ok && read.known ? [read.fact] : []
    })
  }

  /** Resolves with what `look` finds; the virtual clock goes on by `stepMs` in between. */
  async until<T>(
    look: () => T | undefined | false | Promise<T | undefined | false>,
    stepMs = 5_000,
  ): Promise<T> {
    for (let turns = 0; turns < 500; turns++) {
      const found = await look()
      if (found) return found
      this.clock.advance(stepMs)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    throw new Error('what was waited for did not come')
  }
}
