/**
 * A replica of site-gateway: decides by the same functions as the real one, on a database that commits later and may not. It
 * answers after the commit; what dies before it was never there.
 */

import { instant } from '@switchyard/protocol/instant.ts'
import { mutated } from '@switchyard/protocol/mutation.ts'
import { accept } from '@switchyard/protocol/site/accept.ts'
import {
  type Ask,
  type Batch,
  type BatchRow,
  batch as batchShape,
  type Hello,
  type Welcome,
} from '@switchyard/protocol/site/envelope.ts'
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import { spacedBelow, spacedWithin } from '@switchyard/protocol/site/fork.ts'
import { receive } from '@switchyard/protocol/site/greeting.ts'
import { areApart, heldOfLine, lineOf, withoutHeld } from '@switchyard/protocol/site/kin.ts'
import { type DownChannel, downTopic, parseUpTopic } from '@switchyard/protocol/site/topics.ts'
import type { Random } from '../../random.ts'
import type { Mqtt, MqttClient } from '../network/mqtt.ts'
import type { AuthorityWatch } from '../oracle/authority.ts'
import type { Stage } from '../stage.ts'
import type { Desk } from './desk.ts'
import type { Lane, LoggedRow, Store } from './store.ts'

const FASTEST_COMMIT_MS = 3
const SLOWEST_COMMIT_MS = 80
const RETRY_MS = 3_000
/** Pictures are many and long, and only their head is looked at here. */
const LIVE_HEAD = /"journalId":"([^"]*)","epoch":(\d+),"bootId":"([^"]*)"/

export interface GatewayPorts {
  name: string
  stage: Stage
  mqtt: Mqtt
  store: Store
  desk: Desk
  /** Of both replicas. */
  authority: AuthorityWatch
  /** Sites that name no conversation in a batch, as an earlier version. */
  namesNoConversation(siteId: string): boolean
  /** Rows were committed. */
  committed(rows: readonly LoggedRow[]): void
}

type Address = Pick<Lane, 'siteId' | 'journalId' | 'epoch' | 'nonce'>

export class Gateway implements MqttClient {
  readonly name: string
  readonly #ports: GatewayPorts
  readonly #random: Random
  #lives = 0
  #isAlive = false

  constructor(ports: GatewayPorts) {
    this.name = ports.name
    this.#ports = ports
    this.#random = ports.stage.random(ports.name)
  }

  start(): void {
    this.#lives++
    this.#isAlive = true
    this.#connect()
  }

  dies(downMs: number): void {
    this.#isAlive = false
    this.#ports.mqtt.disconnect(this)
    this.#ports.stage.after(downMs, () => this.start())
  }

  onLost(): void {
    this.#connect()
  }

  onMessage(topic: string, payload: Uint8Array): void {
    const parsed = parseUpTopic(topic)
    if (!parsed || !this.#isAlive) return
    const { siteId, channel } = parsed
    const text = Buffer.from(payload).toString('utf8')
    if (channel === 'live') {
      this.#live(siteId, text)
      return
    }
    const value = JSON.parse(text) as never
    if (channel === 'hello') this.#commit(() => this.#hello(siteId, value))
    else if (channel === 'ask') this.#ask(siteId, value)
    else this.#batch(siteId, channel, value)
  }

  /** To the lane in authority only, but for answers to what a lane has asked itself. */
  send(to: Address, channel: DownChannel, body: object): void {
    const { mqtt } = this.#ports
    const { siteId, journalId, epoch, nonce } = to
    const text = JSON.stringify({ v: 1, journalId, epoch, nonce, ...body })
    mqtt.publish(this, downTopic(siteId, channel), Buffer.from(text), 1)
  }

  #connect(): void {
    if (!this.#isAlive || this.#ports.mqtt.isConnected(this)) return
    if (!this.#ports.mqtt.connect(this)) this.#ports.stage.after(RETRY_MS, () => this.#connect())
  }

  /** In a transaction: at its end all of it is there, or, if this replica dies first, nothing. */
  #commit(work: () => void): void {
    const life = this.#lives
    this.#ports.stage.after(this.#random.int(FASTEST_COMMIT_MS, SLOWEST_COMMIT_MS), () => {
      if (this.#isAlive && this.#lives === life) work()
    })
  }

  #hello(siteId: string, hello: Hello): void {
    const { store, stage, desk } = this.#ports
    const { journalId } = hello
    const site = store.site(siteId)
    const known = store.lane(siteId, journalId)
    const inAuthority = store.authority(siteId)
    const nothing = { seq: 0, rowId: '' }
    const held = known?.last ?? { ledger: nothing, telemetry: nothing }
    const token = `recall-${this.#random.int(0, 1_000_000_000)}`
    const taken = receive({ site, lane: known, inAuthority }, held, hello, stage.wallMs, token)
    const { granted, forked, recall, holdMs } = taken
    const lane = taken.lane ? store.keepLane(siteId, hello, taken.lane) : known
    const authority = granted?.authority ?? false
    if (granted) {
      this.#ports.authority.granted(siteId, hello, granted, site.journalId, inAuthority?.bootId ?? null)
      Object.assign(site, granted.site)
      if (authority) this.#heard(siteId)
      const fenced = granted.fences === undefined ? undefined : store.lane(siteId, granted.fences)
      if (fenced) fenced.fenced = true
      desk.heard(siteId, hello.documents, authority)
    }
    const how = forked ? ', its history has parted' : authority ? '' : ', fenced'
    stage.tell(this.name, `welcomes ${siteId} ${journalId} at epoch ${taken.epoch}${how}`)
    const to = { siteId, journalId, epoch: taken.epoch, nonce: hello.nonce }
    if (recall)
      this.send({ ...to, epoch: recall.epoch, nonce: recall.nonce }, 'recall', {
        reason: 'another box',
        token,
      })
    this.send(to, 'welcome', {
      generation: store.generation,
      tenantId: site.tenantId,
      authority,
      expected: lane?.last ?? held,
      ...(forked ? { forked, checkpoints: this.#checkpoints(hello, held) } : this.#heldBefore(siteId, hello)),
      ...(holdMs > 0 ? { holdMs } : {}),
      documents: authority ? desk.wanted() : {},
      time: instant(stage.wallMs),
      monoMs: hello.monoMs,
    })
    if (authority) desk.flush(siteId, true)
  }

  /** How much is held of the journals before a fork. */
  #heldBefore(siteId: string, { root, forkedFrom }: Hello): Pick<Welcome, 'root'> {
    const { store } = this.#ports
    if (!root) return {}
    const line = lineOf(store.lanesOf(siteId), forkedFrom, root.journalId)
    const held = Object.fromEntries(
      STREAMS.map((stream) => {
        const members = line.map((it) => ({ base: it.root[stream], last: it.last[stream].seq }))
        const { place, by } = heldOfLine(members, root[stream])
        const row = line[by] && store.row(line[by].journalId, stream, place - members[by]!.base)
        return [stream, { seq: place, rowId: row && !row.standsForOthers ? row.id : '' }]
      }),
    ) as NonNullable<Welcome['root']>
    return { root: held }
  }

  /** As the real one reads them from its log. */
  #checkpoints({ journalId, heads, probe }: Hello, expected: Lane['last']) {
    return STREAMS.flatMap((stream) => {
      const asked = probe?.[stream]
      if (!asked && (probe?.ledger || probe?.telemetry)) return []
      const bounds = asked && { ...asked, differs: Math.min(asked.differs, expected[stream].seq + 1) }
      const seqs = bounds
        ? spacedWithin(bounds)
        : spacedBelow(Math.min(heads[stream].seq, expected[stream].seq))
      return seqs.flatMap((seq) => {
        const row = this.#ports.store.row(journalId, stream, seq)
        return row ? [{ stream, seq, rowId: row.id }] : []
      })
    })
  }

  /** The lane in authority was heard. */
  #heard(siteId: string): void {
    const { store, stage, authority } = this.#ports
    const site = store.site(siteId)
    site.lastHeardMs = stage.wallMs
    if (site.journalId !== null) authority.heard(siteId, site.journalId)
  }

  #batch(siteId: string, stream: Stream, value: unknown): void {
    const parsed = batchShape.safeParse(value)
    if (!parsed.success || parsed.data.stream !== stream) return
    if (this.#ports.namesNoConversation(siteId)) delete parsed.data.nonce
    if (mutated('cloud-acks-before-commit')) this.#acknowledgeUnseen(siteId, parsed.data)
    this.#commit(() => this.#take(siteId, parsed.data))
  }

  #take(siteId: string, batch: Batch): void {
    const { store, stage, committed } = this.#ports
    const { journalId, stream } = batch
    const lane = store.lane(siteId, journalId)
    if (!lane) return
    const last = lane.last[stream]
    const state = { last: last.seq, lastId: last.rowId, epoch: lane.epoch, nonce: lane.nonce }
    const decision = accept(state, batch, (seq) => store.row(journalId, stream, seq)?.id)
    // To the conversation that sent it, which may have been replaced since and is told so.
    const { nonce } = batch
    const to = nonce === undefined ? lane : { siteId, journalId, epoch: batch.epoch, nonce }
    if (!decision.accepted) {
      const { refusal, reason } = decision
      stage.tell(this.name, `refuses ${journalId} ${stream} ${batch.from}..${batch.to}: ${refusal}`)
      this.send(to, 'ack', { stream, upTo: last.seq, rowId: last.rowId, refused: refusal, reason })
      return
    }
    const rows = this.#onceInFamily(lane, stream, decision.rows).map(({ seq, id, fact, covers }) => ({
      siteId,
      journalId,
      stream,
      seq,
      id,
      fact,
      covers: covers ?? 1,
      standsForOthers: covers !== undefined,
    }))
    this.#checkRows(lane, stream, rows)
    store.append(lane, rows, { seq: decision.next.last, rowId: decision.next.lastId })
    if (store.site(siteId).journalId === journalId) this.#heard(siteId)
    committed(rows)
    this.#acknowledge(lane, stream, to)
  }

  /** What others of the family hold already is not kept again. As the real one: nobody is looked at who is surely apart. */
  #onceInFamily(lane: Lane, stream: Stream, rows: readonly (BatchRow & { seq: number })[]) {
    const { store, stage } = this.#ports
    const own = { base: lane.root[stream], last: lane.last[stream].seq }
    const near = store.kinOf(lane).filter((it) => {
      const kin = { base: it.root[stream], last: it.last[stream].seq }
      return !areApart(own, kin, this.#haveParted(lane, it, stream))
    })
    if (near.length === 0 || mutated('rows-of-kin-twice')) return rows
    const heldAs = ({ seq, id }: { seq: number; id: string }) => {
      for (const { journalId, root } of near) {
        const row = store.row(journalId, stream, seq + own.base - root[stream])
        if (row?.id === id && !row.standsForOthers) return { journalId, seq: row.seq }
      }
      return undefined
    }
    return withoutHeld(rows, heldAs, instant(stage.wallMs))
  }

  #haveParted(own: Lane, kin: Lane, stream: Stream): boolean {
    const { seq } = own.last[stream]
    const [mine, theirs] = [
      this.#ports.store.row(own.journalId, stream, seq),
      this.#ports.store.row(kin.journalId, stream, seq + own.root[stream] - kin.root[stream]),
    ]
    if (!mine || !theirs || mine.standsForOthers || theirs.standsForOthers) return false
    return mine.id !== theirs.id
  }

  /** Only where the bug is planted. */
  #acknowledgeUnseen(siteId: string, { journalId, stream, to, rows }: Batch): void {
    const lane = this.#ports.store.lane(siteId, journalId)
    if (lane)
      this.#acknowledge(
        { ...lane, last: { ...lane.last, [stream]: { seq: to, rowId: rows.at(-1)!.id } } },
        stream,
      )
  }

  #acknowledge(lane: Lane, stream: Stream, to: Address = lane): void {
    const { seq, rowId } = lane.last[stream]
    const { store, stage } = this.#ports
    if (seq > 0 && store.row(lane.journalId, stream, seq)?.id !== rowId)
      stage.broken('I2', `${lane.journalId} ${stream}: row ${seq} is acknowledged and not committed`)
    this.send(to, 'ack', { stream, upTo: seq, rowId })
  }

  #checkRows(lane: Lane, stream: Stream, rows: readonly LoggedRow[]): void {
    const { store, stage } = this.#ports
    let { seq } = lane.last[stream]
    for (const row of rows) {
      const where = `${lane.siteId} ${lane.journalId} ${stream} ${row.seq}`
      if (row.seq - row.covers !== seq) stage.broken('I3', `${where} follows ${seq}`)
      seq = row.seq
      const before = store.rowById(row.id)
      if (before && !before.standsForOthers && !row.standsForOthers)
        stage.broken(
          'I1',
          `${where}: its row ${row.id} is there already, as ${before.journalId} ${before.seq}`,
        )
    }
  }

  /** Only the lane in authority shows the site. */
  #live(siteId: string, text: string): void {
    const { store, stage } = this.#ports
    const [, journalId, epoch, bootId] = LIVE_HEAD.exec(text) ?? []
    const authority = store.authority(siteId)
    if (authority?.journalId !== journalId || String(authority?.epoch) !== epoch) return
    if (authority?.bootId !== bootId) return
    if (authority?.fenced) stage.broken('I8', `${siteId}: the fenced ${journalId} shows the site`)
    this.#heard(siteId)
  }

  #ask(siteId: string, { id, nonce }: Ask): void {
    const lane = this.#ports.store.authority(siteId)
    if (lane && lane.nonce === nonce) this.send(lane, 'answer', { id, status: 'Accepted' })
  }
}

/** Rows of every stream that a lane holds. */
export function heldRows(lane: Lane): number {
  return STREAMS.reduce((sum, stream) => sum + lane.last[stream].seq, 0)
}
