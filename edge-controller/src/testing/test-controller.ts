/** A site controller as in production (SQLite journal, real sockets on a free loopback port) under a virtual clock, for tests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Json } from '@switchyard/protocol/json.ts'
import type { DocumentBody, DocumentName } from '@switchyard/protocol/site/document.ts'
import { type Fact, type FactKind, readFact, type Stream } from '@switchyard/protocol/site/fact.ts'
import { type CentralSystem, createCentralSystem } from '../central-system.ts'
import type { CentralSystemPorts, SiteControllerConfig } from '../central-system-ports.ts'
import { DOCUMENT_KIND } from '../documents.ts'
import type { Change, Heads } from '../journal/port.ts'
import { InlineJournal } from '../journal/testing/inline-journal.ts'
import { SPOKEN_VERSIONS } from '../ocpp/modules.ts'
import { listenOcpp, type OcppServer } from '../ocpp/server.ts'
import type { TlsOptions } from '../ocpp/tls.ts'
import type { Log } from '../ports.ts'
import { systemRandom } from '../random.ts'
import { SiteState } from '../site-state.ts'
import { VirtualClock } from './virtual-clock.ts'

export const TEST_CONFIG: SiteControllerConfig = {
  onboarding: 'open',
  heartbeatIntervalS: 300,
  // A virtual clock leaps over many pings at once.
  pingIntervalMs: 0,
  offlinePolicy: 'accept',
  baseline: false,
  meterIntervalS: 60,
  maxPowerW: 22_000,
  failsafeMa: 6_000,
}

/** The journal with a disk that can be made to fail: what it refuses, it does not write. */
class FaultyJournal extends InlineJournal {
  fault: Error | undefined

  override async commit(change: Change): Promise<Heads> {
    if (this.fault) throw this.fault
    return super.commit(change)
  }
}

export interface TestControllerOptions {
  config?: Partial<SiteControllerConfig>
  ports?: Partial<
    Pick<CentralSystemPorts, 'ask' | 'askCertificates' | 'record' | 'onFatal' | 'signer' | 'security'>
  >
  tls?: TlsOptions
  at?: string
  maxConnections?: number
}

export class TestController {
  readonly clock: VirtualClock
  /** Lines of the log from `warn` up. */
  readonly warnings: { fields: object; message: string }[] = []
  readonly #options: TestControllerOptions
  readonly #directory = mkdtempSync(join(tmpdir(), 'switchyard-edge-'))
  #journal!: FaultyJournal
  #documents = 0
  state!: SiteState
  controller!: CentralSystem
  server!: OcppServer

  private constructor(options: TestControllerOptions) {
    this.#options = options
    this.clock = new VirtualClock(options.at ?? '2026-11-23T12:00:00.000Z')
  }

  static async start(options: TestControllerOptions = {}): Promise<TestController> {
    const test = new TestController(options)
    await test.#open()
    return test
  }

  get url(): string {
    return this.server.url
  }

  async #open(): Promise<void> {
    this.#journal = new FaultyJournal(join(this.#directory, 'journal.db'), 'test-journal')
    const { clock } = this
    const random = systemRandom
    this.state = new SiteState(this.#journal, await this.#journal.load(), clock, random)
    const keep = (fields: object, message: string) => void this.warnings.push({ fields, message })
    const log: Log = { debug() {}, info() {}, warn: keep, error: keep }
    const config = { ...TEST_CONFIG, ...this.#options.config }
    this.controller = createCentralSystem({
      state: this.state,
      clock,
      random,
      log,
      config,
      ...this.#options.ports,
    })
    this.controller.start()
    this.server = await listenOcpp({
      host: '127.0.0.1',
      port: 0,
      maxConnections: this.#options.maxConnections ?? 100,
      versions: SPOKEN_VERSIONS,
      tls: this.#options.tls,
      clock,
      log,
      admit: (knock) => this.controller.admit(knock),
      accept: (...admitted) => this.controller.accept(...admitted),
    })
  }

  async #close(): Promise<void> {
    await this.controller.stop(1_000)
    await this.server.close()
    await this.#journal.close()
  }

  /** Stops the controller and starts it again over the same journal; the port changes. */
  async restart(): Promise<void> {
    await this.#close()
    await this.#open()
  }

  async stop(): Promise<void> {
    await this.#close()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** Makes every commit fail from now on; undefined: they succeed again. */
  failCommits(fault: Error | undefined): void {
    this.#journal.fault = fault
  }

  /** Applies a document as the downlink does. */
  async apply<N extends DocumentName>(name: N, body: DocumentBody<N>): Promise<void> {
    const version = { generation: 'g1', n: ++this.#documents }
    await this.state.commit({
      facts: [{ kind: 'document.applied', data: { name, ...version } }],
      puts: [{ kind: DOCUMENT_KIND, id: name, value: { version, body } as unknown as Json }],
      deletes: [],
    })
  }

  /** All facts of a stream as they stand in the journal, each of them valid. */
  async facts(stream: Stream = 'ledger'): Promise<Fact[]> {
    const { rows } = await this.#journal.readAfter(stream, 0, 100_000, 1 << 30)
    return rows.map((row) => {
      const read = readFact(row.fact)
      if (!read.ok || !read.known) throw new Error(`no fact: ${row.fact}`)
      return read.fact
    })
  }

  async factsOf<K extends FactKind>(kind: K, stream?: Stream): Promise<Extract<Fact, { kind: K }>[]> {
    const facts = await this.facts(stream)
    return facts.filter((f): f is Extract<Fact, { kind: K }> => f.kind === kind)
  }

  /** Resolves with what `look` finds, looked for at every change of the site and in between. */
  async until<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
    for (let turns = 0; turns < 2_000; turns++) {
      const found = await look()
      if (found) return found
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    throw new Error('what was waited for did not come')
  }
}
