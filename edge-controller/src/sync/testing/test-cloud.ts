/** The cloud's side of sync in memory: the real acceptance function, with faults that a test turns on. */
import { gunzipSync } from 'node:zlib'
import { accept } from '@switchyard/protocol/site/accept.ts'
import type { Command } from '@switchyard/protocol/site/command.ts'
import {
  type Ack,
  type Ask,
  type Batch,
  batch as batchShape,
  type Hello,
  hello as helloShape,
  MAX_BATCH_COMPRESSED_BYTES,
  MAX_BATCH_INFLATED_BYTES,
  type Welcome,
} from '@switchyard/protocol/site/envelope.ts'
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import { type Live, live as liveShape } from '@switchyard/protocol/site/live.ts'
import { type DownChannel, downTopic, parseUpTopic, UP_FILTER } from '@switchyard/protocol/site/topics.ts'
import { connectAsync, type MqttClient } from 'mqtt'
import type { Clock } from '../../ports.ts'

interface StoredLane {
  epoch: number
  rows: Record<Stream, Map<number, { id: string; fact: string }>>
  last: Record<Stream, { seq: number; rowId: string }>
}

export class TestCloud {
  readonly siteId: string
  readonly clock: Clock
  readonly journals = new Map<string, StoredLane>()
  readonly hellos: Hello[] = []
  readonly batches: Batch[] = []
  readonly lives: Live[] = []
  generation = 'g1'
  /** Each may be replaced by a test. */
  answers: (ask: Ask) => string | undefined = () => undefined
  onBatch: (batch: Batch) => 'take' | 'drop' | 'busy' = () => 'take'
  sendAck: (ack: Ack) => boolean = () => true
  #client!: MqttClient
  #nonce = ''
  #journalId = ''
  #changed: (() => void)[] = []

  private constructor(siteId: string, clock: Clock) {
    this.siteId = siteId
    this.clock = clock
  }

  static async start(port: number, siteId: string, clock: Clock): Promise<TestCloud> {
    const cloud = new TestCloud(siteId, clock)
    cloud.#client = await connectAsync(`mqtt://127.0.0.1:${port}`, { clean: true })
    cloud.#client.on('message', (topic, payload) => cloud.#received(topic, payload))
    await cloud.#client.subscribeAsync(UP_FILTER, { qos: 1 })
    return cloud
  }

  async stop(): Promise<void> {
    await this.#client.endAsync(true)
  }

  /** Waits until the condition holds; looks again with every message from the site. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#changed.push(resolve))
  }

  /** Texts of the rows of a stream, over all journals, in order of journal and seq. */
  facts(stream: Stream): string[] {
    return [...this.journals.values()].flatMap((lane) =>
      [...lane.rows[stream].entries()].sort(([a], [b]) => a - b).map(([, row]) => row.fact),
    )
  }

  kinds(kind: string): { data: Record<string, unknown> }[] {
    return this.facts('ledger')
      .map((text) => JSON.parse(text))
      .filter((fact) => fact.kind === kind)
  }

  get epoch(): number {
    return this.journals.get(this.#journalId)?.epoch ?? 0
  }

  command(command: Command): void {
    this.send('command', { command })
  }

  send(channel: DownChannel, body: object): void {
    const addressed = { v: 1, journalId: this.#journalId, epoch: this.epoch, nonce: this.#nonce }
    this.#client.publish(downTopic(this.siteId, channel), JSON.stringify({ ...addressed, ...body }), {
      qos: 1,
    })
  }

  /** Forgets what came after the given seq, as a cloud restored from a backup has. */
  restore(stream: Stream, seq: number): void {
    for (const lane of this.journals.values()) {
      for (const s of lane.rows[stream].keys()) if (s > seq) lane.rows[stream].delete(s)
      lane.last[stream] = { seq, rowId: lane.rows[stream].get(seq)?.id ?? '' }
    }
  }

  #received(topic: string, payload: Buffer): void {
    const parsed = parseUpTopic(topic)
    if (parsed?.siteId !== this.siteId) return
    switch (parsed.channel) {
      case 'hello':
        this.#hello(helloShape.parse(JSON.parse(payload.toString())))
        break
      case 'ledger':
      case 'telemetry':
        this.#batch(payload)
        break
      case 'live':
        this.lives.push(liveShape.parse(JSON.parse(payload.toString())))
        break
      case 'ask': {
        const ask = JSON.parse(payload.toString()) as Ask
        const status = this.answers(ask)
        if (status) this.send('answer', { id: ask.id, status })
      }
    }
    for (const resolve of this.#changed.splice(0)) resolve()
  }

  #hello(hello: Hello): void {
    this.hellos.push(hello)
    this.#nonce = hello.nonce
    this.#journalId = hello.journalId
    let lane = this.journals.get(hello.journalId)
    if (!lane) {
      const epoch = Math.max(hello.epoch, ...[...this.journals.values()].map((l) => l.epoch)) + 1
      const nothing = { seq: 0, rowId: '' }
      lane = {
        epoch,
        rows: { ledger: new Map(), telemetry: new Map() },
        last: { ledger: nothing, telemetry: nothing },
      }
      this.journals.set(hello.journalId, lane)
    }
    const welcome: Omit<Welcome, 'v' | 'journalId' | 'epoch' | 'nonce'> = {
      generation: this.generation,
      tenantId: 'default',
      authority: true,
      expected: lane.last,
      documents: {},
      time: new Date(this.clock.now()).toISOString(),
      monoMs: hello.monoMs,
    }
    this.send('welcome', welcome)
  }

  #batch(payload: Buffer): void {
    if (payload.length > MAX_BATCH_COMPRESSED_BYTES) throw new Error(`a batch of ${payload.length} bytes`)
    const text = gunzipSync(payload, { maxOutputLength: MAX_BATCH_INFLATED_BYTES })
    const batch = batchShape.parse(JSON.parse(text.toString()))
    this.batches.push(batch)
    const { stream } = batch
    const lane = this.journals.get(batch.journalId)
    const verdict = this.onBatch(batch)
    if (!lane || verdict === 'drop') return
    const last = lane.last[stream]
    const ack = (more: Partial<Ack>): void => {
      const full = { stream, upTo: lane.last[stream].seq, rowId: lane.last[stream].rowId, ...more } as Ack
      if (this.sendAck(full)) this.send('ack', full)
    }
    if (verdict === 'busy') {
      ack({ refused: 'busy', retryAfterMs: 1_000 })
      return
    }
    const state = { last: last.seq, lastId: last.rowId, epoch: lane.epoch }
    const decision = accept(state, batch, (seq) => lane.rows[stream].get(seq)?.id)
    if (!decision.accepted) {
      ack({ refused: decision.refusal, reason: decision.reason })
      return
    }
    for (const row of decision.rows) lane.rows[stream].set(row.seq, row)
    lane.last[stream] = { seq: decision.next.last, rowId: decision.next.lastId }
    ack({})
  }

  /** Every stream of every journal has rows 1..last without a hole, none twice. */
  contiguous(): boolean {
    return [...this.journals.values()].every((lane) =>
      STREAMS.every((s) => {
        const seqs = [...lane.rows[s].keys()].sort((a, b) => a - b)
        return seqs.every((seq, i) => seq === i + 1) && seqs.length === lane.last[s].seq
      }),
    )
  }
}
