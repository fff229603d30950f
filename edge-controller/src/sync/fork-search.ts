/**
 * Whether the cloud's history of this journal is the one that is here, and if not, where the two part. What a welcome says is
 * held against the journal; what is left open is asked for with the next hello (see protocol/src/site/fork.ts).
 */
import type { Hello, Welcome } from '@switchyard/protocol/site/envelope.ts'
import { type FactData, STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import {
  type Checkpoint,
  type ForkBounds,
  firstBounds,
  isExact,
  isLostId,
  MAX_PROBES,
  narrowed,
} from '@switchyard/protocol/site/fork.ts'
import type { Journal } from '../journal/port.ts'
import type { SiteState } from '../site-state.ts'

export type Finding =
  | { kind: 'agrees' }
  /** The next hello asks on, or, after a false suspicion, asks nothing. */
  | { kind: 'ask-again' }
  | { kind: 'given-up'; reason: string }
  | { kind: 'fork'; shared: Record<Stream, number>; reason: FactData<'journal.forked'>['reason'] }

export class ForkSearch {
  readonly #journal: Journal
  readonly #state: SiteState
  readonly #root: () => Hello['root']
  /** What the next hello asks; undefined: nothing. */
  #probe: Hello['probe']
  /** What earlier answers told of each stream that has parted, also of one that need not be asked any more. */
  #found: Partial<Record<Stream, ForkBounds>> = {}
  #questions = 0

  constructor(ports: { journal: Journal; state: SiteState; root(): Hello['root'] }) {
    this.#journal = ports.journal
    this.#state = ports.state
    this.#root = ports.root
  }

  get probe(): Hello['probe'] {
    return this.#probe
  }

  /** Something did not fit: the next hello says so, and takes no authority before it is looked into. */
  suspect(): void {
    this.#probe ??= {}
  }

  /** Rejects only when the journal does. */
  async examine({ expected, checkpoints = [], forked, root }: Welcome): Promise<Finding> {
    const open: NonNullable<Hello['probe']> = {}
    const shared = { ledger: 0, telemetry: 0 }
    let hasParted = false
    let hasOwn = false
    for (const stream of STREAMS) {
      const parted = await this.#compare(stream, expected[stream])
      if (!parted) {
        delete this.#found[stream]
        shared[stream] = Math.max(expected[stream].seq, await this.#prunedUpTo(stream))
        continue
      }
      hasParted = true
      const bounds = await this.#narrow(stream, parted, checkpoints)
      this.#found[stream] = bounds
      if (!isExact(bounds)) open[stream] = bounds
      shared[stream] = bounds.shared
      hasOwn ||= bounds.shared < this.#state.heads[stream].seq
    }
    const isOpen = Object.keys(open).length > 0
    this.#probe = isOpen ? open : undefined
    if (isOpen || (forked && !hasParted)) {
      if (++this.#questions <= MAX_PROBES) return { kind: 'ask-again' }
      this.#restart()
      return { kind: 'given-up', reason: `${MAX_PROBES} questions did not tell where the histories part` }
    }
    this.#restart()
    if (hasParted) return { kind: 'fork', shared, reason: hasOwn ? 'parted' : 'lost' }
    const missing = await this.#missing(root)
    return missing ? { kind: 'fork', shared: missing, reason: 'lost' } : { kind: 'agrees' }
  }

  /**
   * What the cloud lacks of the journals before this one, since it was restored: it is taken up by another fork, from there on or
   * from the oldest row that is left. What comes a second time by that is known by its ids (see protocol/src/site/kin.ts).
   */
  async #missing(held: Welcome['root']): Promise<Record<Stream, number> | undefined> {
    const own = this.#root()
    const shared = { ledger: 0, telemetry: 0 }
    if (!held || !own) return undefined
    for (const stream of STREAMS) {
      const { seq: place, rowId } = held[stream]
      const wanted = place - own[stream]
      const id = await this.#idBefore(stream, wanted)
      // Of another box, which wrote there first since the cloud was restored: where the two part is not asked, all that is left is sent.
      const isOurs = rowId === '' || id === undefined || id === rowId
      if (wanted >= 0 && isOurs) continue
      const from = isOurs ? wanted : -own[stream]
      const [first] = (await this.#journal.readAfter(stream, from, 1, 1)).rows
      if (first) shared[stream] = Math.min(0, first.seq - (first.covers ?? 1))
    }
    return shared.ledger < 0 || shared.telemetry < 0 ? shared : undefined
  }

  /** Id of a row of the journals before, by its seq (0 or less); undefined: it is not left, or its true id is not known. */
  async #idBefore(stream: Stream, seq: number): Promise<string | undefined> {
    const [row] = (await this.#journal.readAfter(stream, seq - 1, 1, 1)).rows
    return row?.seq === seq && !isLostId(row.id) ? row.id : undefined
  }

  #restart(): void {
    this.#questions = 0
    this.#found = {}
  }

  /** Undefined: the row that the cloud holds last is the one here, or is too old to tell. */
  async #compare(stream: Stream, expected: Checkpoint): Promise<ForkBounds | undefined> {
    const head = this.#state.heads[stream]
    const pruned = await this.#prunedUpTo(stream)
    const first = firstBounds({ head: head.seq, pruned, expected: expected.seq })
    if (expected.seq > head.seq) return first
    const own = await this.#ownId(stream, expected.seq)
    if (own === undefined || own === expected.rowId) return undefined
    return { ...first, differs: Math.max(first.shared + 1, expected.seq) }
  }

  /** With what earlier answers told, unless the cloud has forgotten rows since. */
  async #narrow(
    stream: Stream,
    now: ForkBounds,
    checkpoints: NonNullable<Welcome['checkpoints']>,
  ): Promise<ForkBounds> {
    const before = this.#found[stream]
    const joined = before
      ? { shared: Math.max(now.shared, before.shared), differs: Math.min(now.differs, before.differs) }
      : now
    const bounds = joined.shared < joined.differs ? joined : now
    const told = checkpoints.filter((it) => it.stream === stream)
    const own = new Map<number, string | undefined>()
    for (const { seq } of told) own.set(seq, await this.#ownId(stream, seq))
    const after = narrowed(bounds, told, (seq) => own.get(seq))
    // Asked, and nothing was told from inside: the cloud has no rows of its own there, but one that stands for them (they came by
    // another journal of the family, see kin.ts). They are sent again under the new one, where those that are held are known.
    const isMute =
      this.#probe?.[stream] && before && after.shared === before.shared && after.differs === before.differs
    return isMute ? { shared: after.shared, differs: after.shared + 1 } : after
  }

  async #ownId(stream: Stream, seq: number): Promise<string | undefined> {
    return (await this.#journal.readAfter(stream, seq, 1, 1)).prevId
  }

  async #prunedUpTo(stream: Stream): Promise<number> {
    return (await this.#journal.readAfter(stream, 0, 1, 1)).pruned?.seq ?? 0
  }
}
