/**
 * The disk of a hosted controller's journal: Postgres. Every write is one transaction that holds the site's lease, so that what a
 * fenced controller still wants to write fails, whatever it believes. Grouping and order are those of the journal at a site.
 */
import {
  type Acknowledgements,
  type GroupResult,
  type JournalDisk,
  type JournalDiskEvents,
  type LoadedJournal,
  MAX_FACT_BYTES,
  type Request,
  type RowsAfter,
  readFlat,
  type SerialisedChange,
  type SerialisedFork,
} from '@switchyard/edge-controller/site-controller.ts'
import type { Sql, TransactionSql } from 'postgres'
import type { Lease } from './lease.ts'

/** Most rows removed by one call of `prune`. */
export const PRUNE_MAX_ROWS = 5_000
/** SQLSTATE of the lease being another's. */
const FENCED = 'SWFEN'
/** SQLSTATE classes that say the change is wrong, not the database: data exception, integrity constraint. */
const FAULTS_OF_CHANGE = new Set(['22', '23'])

type Stream = 'ledger' | 'telemetry'
interface StreamRow {
  stream: Stream
  base: number
  head: number
  head_id: string
  acked: number
  pruned: number
  pruned_id: string
}

export class PostgresDisk implements JournalDisk {
  readonly #sql: Sql
  readonly #lease: Lease
  readonly #newJournalId: string
  readonly #events: JournalDiskEvents
  /** Called when a write found the lease to be another's. */
  readonly #fenced: () => void
  #last: Promise<void> = Promise.resolve()

  /** `newJournalId` names the journal if it is made now. */
  constructor(sql: Sql, lease: Lease, newJournalId: string, events: JournalDiskEvents, fenced: () => void) {
    this.#sql = sql
    this.#lease = lease
    this.#newJournalId = newJournalId
    this.#events = events
    this.#fenced = fenced
  }

  /** One after the other, as a file would. */
  send(request: Request): void {
    const { n } = request
    this.#last = this.#last.then(async () => {
      try {
        this.#events.answered({ n, ok: true, value: await this.#perform(request) })
      } catch (error) {
        const { code, message } = error as { code?: string; message: string }
        if (code === FENCED) this.#fenced()
        const name = isFaultOfChange(error) ? 'ChangeRefused' : 'JournalFailed'
        this.#events.answered({ n, ok: false, name, message })
      }
    })
  }

  async end(): Promise<void> {
    await this.#last
  }

  async #perform(request: Request): Promise<unknown> {
    const { siteId, epoch } = this.#lease
    switch (request.op) {
      case 'open':
        return await this.#sql.begin((tx) => this.#open(tx))
      case 'group':
        return await this.#group(readFlat(request.changes), request.acknowledged)
      case 'readAfter':
        return await this.#readAfter(request)
      case 'fork':
        return await this.#sql.begin((tx) => this.#fork(tx, request.fork))
      case 'withdraw':
        return await this.#sql.begin(async (tx) => {
          await tx`select ocpp_gateway.hold(${siteId}, ${epoch})`
          await tx`
            update ocpp_gateway.stream set acked = least(acked, ${request.upTo})
             where site_id = ${siteId} and stream = ${request.stream}`
        })
      case 'prune': {
        const [row] = await this.#sql<{ removed: number }[]>`
          select ocpp_gateway.prune(${siteId}, ${epoch}, ${request.stream}, ${request.upTo}, ${PRUNE_MAX_ROWS}) as removed`
        return row?.removed
      }
      // The database's disk is watched by whoever runs the database, and so are its backups.
      case 'measure':
      case 'growReserve':
      case 'close':
        return undefined
      case 'thin':
        return { removed: 0 }
      case 'backup':
        throw new Error('a hosted journal is backed up with the database')
    }
  }

  async #open(tx: TransactionSql): Promise<LoadedJournal> {
    const { siteId, tenantId, epoch } = this.#lease
    await tx`select ocpp_gateway.hold(${siteId}, ${epoch})`
    await tx`
      insert into ocpp_gateway.journal (site_id, tenant_id, journal_id)
      values (${siteId}, ${tenantId}, ${this.#newJournalId}) on conflict do nothing`
    await tx`
      insert into ocpp_gateway.stream (site_id, stream) values (${siteId}, 'ledger'), (${siteId}, 'telemetry')
      on conflict do nothing`
    const [journal] = await tx<{ journal_id: string }[]>`
      select journal_id from ocpp_gateway.journal where site_id = ${siteId}`
    const streams = await tx<StreamRow[]>`select * from ocpp_gateway.stream where site_id = ${siteId}`
    const entities = await tx<LoadedJournal['entities']>`
      select kind, id, json from ocpp_gateway.entity where site_id = ${siteId}`
    const acked = { ledger: 0, telemetry: 0 }
    for (const it of streams) acked[it.stream] = it.acked
    return { journalId: journal!.journal_id, heads: headsOf(streams), acked, entities: [...entities] }
  }

  /** A change that cannot be written is refused alone. */
  async #group(changes: readonly SerialisedChange[], acknowledged: Acknowledgements): Promise<GroupResult> {
    const refused: GroupResult['refused'] = {}
    const fine = changes.filter((change, i) => {
      const message = tooLong(change)
      if (message !== undefined) refused[i] = { name: 'ChangeRefused', message }
      return message === undefined
    })
    try {
      return { heads: await this.#write(this.#sql, fine, acknowledged), refused, reserveSpent: false }
    } catch (error) {
      if (!isFaultOfChange(error)) throw error
    }
    for (const [i, change] of changes.entries()) {
      if (refused[i]) continue
      try {
        await this.#write(this.#sql, [change], {})
      } catch (error) {
        if (!isFaultOfChange(error)) throw error
        refused[i] = { name: 'ChangeRefused', message: (error as Error).message }
      }
    }
    return { heads: await this.#write(this.#sql, [], acknowledged), refused, reserveSpent: false }
  }

  async #write(
    sql: Sql | TransactionSql,
    changes: readonly SerialisedChange[],
    acknowledged: Acknowledgements,
  ): Promise<GroupResult['heads']> {
    const { siteId, epoch } = this.#lease
    const facts = changes.flatMap((it) => it.facts)
    /** What each entity is in the end: its text, or undefined where it is deleted. */
    const entities = new Map<string, { kind: string; id: string; json: string | undefined }>()
    for (const { puts, deletes } of changes) {
      for (const it of puts) entities.set(`${it.kind}\n${it.id}`, it)
      for (const it of deletes) entities.set(`${it.kind}\n${it.id}`, { ...it, json: undefined })
    }
    const puts = [...entities.values()].filter((it) => it.json !== undefined)
    const deletes = [...entities.values()].filter((it) => it.json === undefined)
    const streams = await sql<StreamRow[]>`
      select * from ocpp_gateway.write(${siteId}, ${epoch},
        ${facts.map((it) => it.stream)}::text[], ${facts.map((it) => it.id)}::text[], ${facts.map((it) => it.text)}::text[],
        ${puts.map((it) => it.kind)}::text[], ${puts.map((it) => it.id)}::text[], ${puts.map((it) => it.json!)}::text[],
        ${deletes.map((it) => it.kind)}::text[], ${deletes.map((it) => it.id)}::text[],
        ${acknowledged.ledger ?? 0}, ${acknowledged.telemetry ?? 0})`
    return headsOf(streams)
  }

  async #fork(tx: TransactionSql, { journalId, shared, change }: SerialisedFork) {
    const { siteId, epoch } = this.#lease
    const message = tooLong(change)
    if (message !== undefined) throw Object.assign(new Error(message), { code: '22001' })
    const [row] = await tx<{ forked: boolean }[]>`
      select ocpp_gateway.fork(${siteId}, ${epoch}, ${journalId}, ${shared.ledger}, ${shared.telemetry}) as forked`
    return await this.#write(tx, row?.forked ? [change] : [], {})
  }

  async #readAfter({ stream, seq, maxRows, maxBytes }: Request & { op: 'readAfter' }): Promise<RowsAfter> {
    const { siteId } = this.#lease
    const [at] = await this.#sql<(StreamRow & { id_at: string | null })[]>`
      select s.*, (select r.id from ocpp_gateway.row r where r.site_id = s.site_id and r.stream = s.stream
                      and r.place = s.base + ${seq}) as id_at
        from ocpp_gateway.stream s where s.site_id = ${siteId} and s.stream = ${stream}`
    if (!at) throw new Error(`the journal of site ${siteId} is not there`)
    const { base, pruned, pruned_id } = at
    // A row at or below the base was another journal's.
    const prevId = seq === 0 ? '' : seq === pruned ? pruned_id : (at.id_at ?? undefined)
    if (seq < pruned) return { prevId, rows: [], pruned: { seq: pruned, rowId: pruned_id } }
    const rows = await this.#sql<{ seq: number; id: string; fact: string }[]>`
      select place - ${base} as seq, id, fact from (
        select place, id, fact, row_number() over w as n, sum(octet_length(fact)) over w as bytes
          from (select place, id, fact from ocpp_gateway.row
                 where site_id = ${siteId} and stream = ${stream} and place > ${base + seq}
                 order by place limit ${maxRows}) following
        window w as (order by place)) counted
       where n = 1 or bytes <= ${maxBytes} order by place`
    return { prevId, rows: [...rows] }
  }
}

function headsOf(streams: readonly StreamRow[]): GroupResult['heads'] {
  const heads = { ledger: { seq: 0, rowId: '' }, telemetry: { seq: 0, rowId: '' } }
  for (const it of streams) heads[it.stream] = { seq: it.head, rowId: it.head_id }
  return heads
}

function tooLong({ facts }: SerialisedChange): string | undefined {
  const bytes = Math.max(0, ...facts.map((it) => Buffer.byteLength(it.text)))
  if (bytes > MAX_FACT_BYTES) return `a fact of ${bytes} bytes is over the bound of ${MAX_FACT_BYTES}`
  return undefined
}

function isFaultOfChange(error: unknown): boolean {
  const { code } = error as { code?: string }
  return code !== undefined && FAULTS_OF_CHANGE.has(code.slice(0, 2))
}
