/**
 * Reads what can still be read of a damaged journal into a new file: rows around the damaged pages, entities, and what the journal
 * knows of itself. Every row that is lost is told in its place by a loss fact, so that sequences stay whole.
 *
 * The journal keeps its id wherever that can be found. Where its newest rows are lost and the cloud has them, the cloud's welcome
 * shows it, and the journal forks as a restored backup does.
 */
import { type FactData, readFact, STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import { LOST_ID } from '@switchyard/protocol/site/fork.ts'
import type { Database } from './sqlite-driver.ts'

/** Rows read in one go while all goes well. */
const CHUNK_ROWS = 500
/** Most single rows that are looked for in the holes of one stream; what lies further in is given up. */
const MAX_PROBES = 20_000
/** What ids of rows are made of. */
const PRINTABLE = /^[\x21-\x7e]+$/

export type Salvaged = FactData<'journal.salvaged'>

interface Row {
  seq: number
  id: string
  fact: string
  covers: number | null
}
type Meta = Map<string, string | number>
type Entity = [kind: string, id: string, json: string]

/** Entity (`journal`, `salvaged`): what was found, until it is told as a fact. */
export const SALVAGED_KIND = 'journal'
export const SALVAGED_ID = 'salvaged'

/** Copies from the damaged database into one that was just made as a journal; `reason` is what was found to be wrong. */
export function salvage(from: Database, to: Database, reason: string): Salvaged {
  const meta = readMeta(from, 'meta')
  const identity = readMeta(from, 'identity')
  const { entities, whole } = readEntities(from)
  const salvaged: Salvaged = {
    reason: reason.slice(0, 500),
    rows: { ledger: 0, telemetry: 0 },
    lost: [],
    entities: entities.length,
    entitiesLost: !whole,
    newestUnknown: false,
    newJournal: false,
  }
  const write = to.transaction(() => {
    const put = to.prepare('INSERT OR REPLACE INTO entity VALUES (?, ?, ?)')
    for (const entity of entities) put.run(...entity)
    const bases = Object.fromEntries(STREAMS.map((s) => [s, baseOf(s, meta, identity)]))
    let named = meta.get('journalId') ?? nameOf(identity)
    for (const stream of STREAMS) {
      const copied = copyRows(from, to, stream, bases[stream]!, meta, salvaged)
      if (stream === 'ledger') named ??= copied.journalId
      if (!meta.has('journalId') && copied.first > bases[stream]! + 1)
        beginsAt(to, stream, copied.first - bases[stream]!)
      // Beyond the last row that is left, what comes will be other rows.
      const acked = Number(meta.get(`acked.${stream}`) ?? 0)
      meta.set(`acked.${stream}`, Math.max(0, Math.min(acked, copied.last - bases[stream]!)))
    }
    for (const stream of STREAMS) if (bases[stream]! > 0) meta.set(`base.${stream}`, bases[stream]!)
    const putMeta = to.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)')
    for (const [key, value] of meta) putMeta.run(key, value)
    if (named === undefined) salvaged.newJournal = true
    else putMeta.run('journalId', named)
    put.run(SALVAGED_KIND, SALVAGED_ID, JSON.stringify(salvaged))
  })
  write.immediate()
  return salvaged
}

function baseOf(stream: Stream, meta: Meta, identity: Meta): number {
  const base = Number(meta.get(`base.${stream}`) ?? identity.get(`base.${stream}`) ?? 0)
  return Number.isSafeInteger(base) ? base : 0
}

function nameOf(identity: Meta): string | undefined {
  const name = identity.get('journalId')
  return typeof name === 'string' && PRINTABLE.test(name) ? name : undefined
}

function readMeta(from: Database, table: 'meta' | 'identity'): Meta {
  try {
    return new Map(from.prepare(`SELECT key, value FROM ${table}`).raw().all() as [string, string | number][])
  } catch {
    return new Map()
  }
}

/** From both ends up to what cannot be read. */
function readEntities(from: Database): { entities: Entity[]; whole: boolean } {
  const found = new Map<string, Entity>()
  let whole = true
  for (const order of ['ASC', 'DESC'])
    try {
      const rows = from.prepare(`SELECT kind, id, json FROM entity ORDER BY kind ${order}, id ${order}`).raw()
      for (const entity of rows.iterate() as Iterable<Entity>)
        if (isEntity(entity)) found.set(`${entity[0]}\n${entity[1]}`, entity)
        else whole = false
      break
    } catch {
      whole = false
    }
  return { entities: [...found.values()], whole }
}

function isEntity([kind, id, json]: Entity): boolean {
  return typeof kind === 'string' && typeof id === 'string' && isJson(json)
}

function isJson(text: unknown): boolean {
  return typeof text === 'string' && attempt(() => JSON.parse(text)) !== FAILED
}

interface Copied {
  /** The first row that was read; 0: none. */
  first: number
  /** The last one; where there is none, the one that was pruned last. */
  last: number
  /** As the newest start that was read has told it. */
  journalId?: string
}

function copyRows(
  from: Database,
  to: Database,
  stream: Stream,
  base: number,
  meta: Meta,
  salvaged: Salvaged,
): Copied {
  const insert = to.prepare(`INSERT INTO row_${stream} (seq, id, fact, covers) VALUES (?, ?, ?, ?)`)
  // Rows of journals before this one may be missing: nobody asks for them any more.
  const begin = base + Number(meta.get(`pruned.${stream}.seq`) ?? 0)
  const copied: Copied = { first: 0, last: begin }
  let last: Row = { seq: begin, id: '', fact: '', covers: null }
  let isForked = false
  for (const row of readableRows(from, stream, begin, salvaged)) {
    const covered = row.covers ?? 1
    // Without what the journal knew of itself, its first row is the first that can be read.
    const isStart = copied.first === 0 && !meta.has('journalId')
    if (row.seq - covered > last.seq && !isStart) {
      const [first, to_] = [last.seq + 1, row.seq - covered]
      insert.run(to_, lostId(stream, to_), lossOf(last, first - base, to_ - base), to_ - last.seq)
      salvaged.lost.push({ stream, from: first - base, to: to_ - base })
    }
    insert.run(row.seq, row.id, row.fact, row.covers)
    salvaged.rows[stream]++
    if (copied.first === 0) copied.first = row.seq
    last = row
    copied.last = row.seq
    if (row.fact.includes('"journal.forked"')) isForked = true
    if (row.fact.includes('"controller.started"')) {
      const read = readFact(row.fact)
      if (read.ok && read.known && read.fact.kind === 'controller.started')
        copied.journalId = read.fact.data.journalId
    }
  }
  // After a fork, seqs count from a place that is not known any more.
  if (isForked) delete copied.journalId
  return copied
}

/** Every row that can be read after a place, in order, each once. */
function* readableRows(from: Database, stream: Stream, begin: number, salvaged: Salvaged): Generator<Row> {
  const columns = `SELECT seq, id, fact, covers FROM row_${stream}`
  const newest = attempt(() => from.prepare(`${columns} ORDER BY seq DESC LIMIT 1`).get() as Row | undefined)
  if (newest === FAILED || (newest && !isRow(newest))) salvaged.newestUnknown = true
  let after = begin
  let probes = 0
  for (;;) {
    const rows = attempt(
      () => from.prepare(`${columns} WHERE seq > ? ORDER BY seq LIMIT ?`).all(after, CHUNK_ROWS) as Row[],
    )
    if (rows === FAILED) {
      const found = probe(
        from,
        `${columns} WHERE seq = ?`,
        after,
        newest === FAILED ? undefined : newest?.seq,
        probes,
      )
      probes = found.probes
      if (!found.row) {
        yield* tailOf(from, columns, after)
        return
      }
      yield found.row
      after = found.row.seq
      continue
    }
    for (const row of rows) {
      if (!isRow(row)) continue
      yield row
      after = row.seq
    }
    if (rows.length === 0) return
    after = Math.max(after, rows.at(-1)!.seq)
  }
}

/** Rows after a place from the newest one back to what cannot be read: where the way down to single rows is broken. */
function* tailOf(from: Database, columns: string, after: number): Generator<Row> {
  const tail: Row[] = []
  try {
    const rows = from.prepare(`${columns} WHERE seq > ? ORDER BY seq DESC LIMIT ?`).iterate(after, MAX_PROBES)
    for (const row of rows as Iterable<Row>) if (isRow(row)) tail.push(row)
  } catch {
    // What was read until here is what there is.
  }
  yield* tail.reverse()
}

/** The next row after a place that can be read by itself, when a run of rows cannot. */
function probe(
  from: Database,
  sql: string,
  after: number,
  newest: number | undefined,
  before: number,
): { row?: Row; probes: number } {
  const upTo = Math.min(newest ?? Number.POSITIVE_INFINITY, after + MAX_PROBES - before)
  const get = attempt(() => from.prepare(sql))
  if (get === FAILED) return { probes: MAX_PROBES }
  for (let seq = after + 1; seq <= upTo; seq++) {
    const row = attempt(() => get.get(seq) as Row | undefined)
    if (row !== FAILED && row && isRow(row)) return { row, probes: before + seq - after }
  }
  return { probes: MAX_PROBES }
}

/** A page that reads as one may still hold nonsense: one that was cut off in its middle goes on in zeros, and rows in it with it. */
function isRow({ seq, id, fact, covers }: Row): boolean {
  return (
    Number.isSafeInteger(seq) &&
    typeof id === 'string' &&
    PRINTABLE.test(id) &&
    isJson(fact) &&
    (covers === null || (Number.isSafeInteger(covers) && covers > 0))
  )
}

const FAILED = Symbol('failed')
function attempt<T>(work: () => T): T | typeof FAILED {
  try {
    return work()
  } catch {
    return FAILED
  }
}

const lostId = (stream: Stream, seq: number): string => `${LOST_ID}${stream}-${seq}`

/** Stamped like the row before the hole, under a clock that says that nothing is known of it. */
function lossOf({ fact }: Row, from: number, to: number): string {
  const read = readFact(fact)
  const { at, monoMs, bootId } = read.ok
    ? read.fact
    : { at: '1970-01-01T00:00:00.000Z', monoMs: 0, bootId: 'unknown' }
  const data: FactData<'stream.loss'> = {
    from,
    to,
    reason: 'unreadable: the file of the journal was damaged',
  }
  return JSON.stringify({ kind: 'stream.loss', at, monoMs, bootId, clock: 'unknown', data })
}

/** Nothing is known of what came before the first row that was read. */
function beginsAt(to: Database, stream: Stream, first: number): void {
  const put = to.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)')
  put.run(`pruned.${stream}.seq`, first - 1)
  put.run(`pruned.${stream}.rowId`, lostId(stream, first - 1))
}
