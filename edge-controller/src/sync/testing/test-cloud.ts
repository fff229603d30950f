/** The cloud's side of sync in memory: the real functions for hellos and batches, with faults that a test turns on. */

import { gunzipSync } from 'node:zlib'
import { accept } from '@switchyard/protocol/site/accept.ts'
import type { CertificateReply } from '@switchyard/protocol/site/certificate-question.ts'
import type { Command } from '@switchyard/protocol/site/command.ts'
import {
  type Ack,
  type Ask,
  type Batch,
  batch as batchShape,
  type CertificateAsk,
  type Hello,
  hello as helloShape,
  MAX_BATCH_COMPRESSED_BYTES,
  MAX_BATCH_INFLATED_BYTES,
  type Welcome,
} from '@switchyard/protocol/site/envelope.ts'
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import { spacedBelow, spacedWithin } from '@switchyard/protocol/site/fork.ts'
import { give, isSilent, isUnrivalled, type SiteAuthority } from '@switchyard/protocol/site/grant.ts'
import { type Lane, receive } from '@switchyard/protocol/site/greeting.ts'
import { type Live, live as liveShape } from '@switchyard/protocol/site/live.ts'
import { type DownChannel, downTopic, parseUpTopic, UP_FILTER } from '@switchyard/protocol/site/topics.ts'
import { connectAsync, type MqttClient } from 'mqtt'
import type { Clock } from '../../ports.ts'

interface StoredLane extends Lane {
  rows: Record<Stream, Map<number, { id: string; fact: string }>>
  last: Record<Stream, { seq: number; rowId: string }>
}

export class TestCloud {
  readonly siteId: string
  readonly clock: Clock
  readonly journals = new Map<string, StoredLane>()
  readonly hellos: Hello[] = []
  /** The box in authority is up: at a clock's speed a machine that stands still for a second would have made it silent. */
  heardAlways = false
  readonly batches: Batch[] = []
  readonly lives: Live[] = []
  generation = 'g1'
  /** Each may be replaced by a test. */
  answers: (ask: Ask) => string | undefined = () => undefined
  finds: (ask: CertificateAsk) => CertificateReply | undefined = () => undefined
  onBatch: (batch: Batch) => 'take' | 'drop' | 'busy' | 'unreadable' = () => 'take'
  sendAck: (ack: Ack) => boolean = () => true
  site: SiteAuthority = { journalId: null, epoch: 0, lastHeardMs: null }
  #client!: MqttClient
  #tokens = 0
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

  /** The lane in authority. */
  get #speaking(): StoredLane | undefined {
    return this.site.journalId === null ? undefined : this.journals.get(this.site.journalId)
  }

  get epoch(): number {
    return this.#speaking?.epoch ?? 0
  }

  command(command: Command): void {
    this.send('command', { command })
  }

  /** To the lane in authority, unless the message names another conversation. */
  send(channel: DownChannel, body: object): void {
    const addressed = {
      v: 1,
      journalId: this.site.journalId ?? '',
      epoch: this.epoch,
      nonce: this.#speaking?.nonce ?? '',
    }
    this.#client.publish(downTopic(this.siteId, channel), JSON.stringify({ ...addressed, ...body }), {
      qos: 1,
    })
  }

  /** As an operator does: the lanes concerned are asked for a new hello. */
  give(journalId: string): void {
    const lane = this.journals.get(journalId)!
    const given = give(this.site, journalId, lane)
    const recalled = [lane, this.#speaking].filter((it) => it !== undefined)
    const conversations = recalled.map((it) => this.#addressOf(it))
    const loser = given.fences === undefined ? undefined : this.journals.get(given.fences)
    if (loser) loser.fenced = true
    Object.assign(lane, { epoch: given.epoch, fenced: false })
    this.site = { ...this.site, ...given.site }
    for (const to of conversations) this.send('recall', { ...to, reason: 'authority was given anew' })
  }

  /** As the gateway does every few seconds: a new journal is asked again once the one in authority is silent. */
  askSuccessors(): void {
    if (!isSilent(this.site, this.clock.now())) return
    for (const lane of this.journals.values())
      if (lane.fenced && isUnrivalled(this.site, lane))
        this.send('recall', { ...this.#addressOf(lane), reason: 'the journal in authority is silent' })
  }

  #addressOf(lane: StoredLane): { journalId: string; epoch: number; nonce: string } {
    const [journalId] = [...this.journals].find(([, it]) => it === lane)!
    return { journalId, epoch: lane.epoch, nonce: lane.nonce }
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
      case 'live': {
        const picture = liveShape.parse(JSON.parse(payload.toString()))
        this.lives.push(picture)
        if (picture.bootId === this.#speaking?.bootId) this.#heard()
        break
      }
      case 'ask': {
        const ask = JSON.parse(payload.toString()) as Ask | CertificateAsk
        if ('certificates' in ask) {
          const certificates = this.finds(ask)
          if (certificates) this.send('answer', { id: ask.id, certificates })
          break
        }
        const status = this.answers(ask)
        if (status) this.send('answer', { id: ask.id, status })
      }
    }
    for (const resolve of this.#changed.splice(0)) resolve()
  }

  #heard(): void {
    this.site = { ...this.site, lastHeardMs: this.clock.now() }
  }

  #hello(hello: Hello): void {
    this.hellos.push(hello)
    if (this.heardAlways && this.site.lastHeardMs !== null) this.#heard()
    const { journalId, nonce } = hello
    const before = this.journals.get(journalId)
    const nothing = { seq: 0, rowId: '' }
    const held = before?.last ?? { ledger: nothing, telemetry: nothing }
    const known = { site: this.site, lane: before, inAuthority: this.#speaking }
    const taken = receive(known, held, hello, this.clock.now(), `recall-${++this.#tokens}`)
    const { lane, recall, granted } = taken
    if (recall) this.send('recall', { journalId, reason: 'another box has this journal', ...recall })
    if (lane) {
      const rows = before?.rows ?? { ledger: new Map(), telemetry: new Map() }
      this.journals.set(journalId, Object.assign(before ?? { rows, last: held }, lane))
    }
    const loser = granted?.fences === undefined ? undefined : this.journals.get(granted.fences)
    if (loser) loser.fenced = true
    if (granted) this.site = { ...this.site, ...granted.site }
    if (granted?.authority) this.#heard()
    const checkpoints = taken.forked ? this.#checkpoints(hello, held) : []
    const welcome: Omit<Welcome, 'v'> = {
      journalId,
      nonce,
      epoch: taken.epoch,
      generation: this.generation,
      tenantId: 'default',
      authority: granted?.authority ?? false,
      expected: held,
      ...(taken.forked ? { forked: true, checkpoints } : {}),
      ...(taken.holdMs > 0 ? { holdMs: taken.holdMs } : {}),
      documents: {},
      time: new Date(this.clock.now()).toISOString(),
      monoMs: hello.monoMs,
    }
    this.send('welcome', welcome)
  }

  #checkpoints({ journalId, heads, probe }: Hello, held: Welcome['expected']): Welcome['checkpoints'] {
    const asksNothing = !probe?.ledger && !probe?.telemetry
    return STREAMS.flatMap((stream) => {
      const bounds = probe?.[stream]
      if (!bounds && !asksNothing) return []
      const top = Math.min(heads[stream].seq, held[stream].seq)
      const rows = this.journals.get(journalId)?.rows[stream]
      return (bounds ? spacedWithin(bounds) : spacedBelow(top)).flatMap((seq) => {
        const row = rows?.get(seq)
        return row ? [{ stream, seq, rowId: row.id }] : []
      })
    })
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
      const { journalId, epoch, nonce = lane.nonce } = batch
      const { seq: upTo, rowId } = lane.last[stream]
      const full = { journalId, epoch, nonce, stream, upTo, rowId, ...more } as Ack
      if (this.sendAck(full)) this.send('ack', full)
    }
    if (verdict === 'unreadable') {
      ack({ refused: 'unreadable', reason: 'odd', upTo: 0, rowId: '' })
      return
    }
    if (verdict === 'busy') {
      ack({ refused: 'busy', retryAfterMs: 1_000 })
      return
    }
    const state = { last: last.seq, lastId: last.rowId, epoch: lane.epoch, nonce: lane.nonce }
    const decision = accept(state, batch, (seq) => lane.rows[stream].get(seq)?.id)
    if (!decision.accepted) {
      ack({ refused: decision.refusal, reason: decision.reason })
      return
    }
    for (const row of decision.rows) lane.rows[stream].set(row.seq, row)
    lane.last = { ...lane.last, [stream]: { seq: decision.next.last, rowId: decision.next.lastId } }
    if (lane === this.#speaking) this.#heard()
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
