/** The cloud's database in memory: what is in it is committed, all at once, and comes back from a backup as it was. */
import type { Command } from '@switchyard/protocol/site/command.ts'
import type { DocumentName, DocumentVersion } from '@switchyard/protocol/site/document.ts'
import type { Hello } from '@switchyard/protocol/site/envelope.ts'
import { STREAMS, type Stream } from '@switchyard/protocol/site/fact.ts'
import type { Lane as GreetedLane } from '@switchyard/protocol/site/greeting.ts'

export interface LoggedRow {
  siteId: string
  journalId: string
  stream: Stream
  seq: number
  id: string
  fact: string
  covers: number
  /** A gap, a loss, or rows that stand under another journal: it has the id of the last of them. */
  standsForOthers: boolean
}

export interface Lane extends GreetedLane {
  siteId: string
  journalId: string
  last: Record<Stream, { seq: number; rowId: string }>
  /** The journal at the root of its family, and rows of that one before its own first. */
  root: { journalId: string } & Record<Stream, number>
  forkedFrom: string | undefined
}

export interface SiteRow {
  tenantId: string
  journalId: string | null
  epoch: number
  lastHeardMs: number | null
}

export interface PendingCommand {
  siteId: string
  command: Command
  sentAtMs: number | undefined
  /** The lane and its authority that it was sent to. */
  sentTo: { journalId: string; epoch: number; bootId: string | null } | undefined
}

export interface StoredDocument {
  name: DocumentName
  version: DocumentVersion
  sha256: string
  body: string
}

interface Tables {
  sites: Map<string, SiteRow>
  lanes: Map<string, Lane>
  /** Rows in the order in which they were committed. */
  log: LoggedRow[]
  commands: Map<string, PendingCommand>
  documents: Map<DocumentName, StoredDocument>
  /** Per site: what it said it has, and what was sent last. */
  held: Map<string, DocumentVersion>
  sent: Map<string, { n: number; generation: string; atMs: number }>
}

/** Sites in turn belong to one of two tenants. */
const TENANT_OF = (siteId: string): string => `tenant-${siteId.endsWith('2') ? 'b' : 'a'}`

export interface Backup {
  tables: Tables
}

export class Store {
  generation = 'g1'
  #tables: Tables = {
    sites: new Map(),
    lanes: new Map(),
    log: [],
    commands: new Map(),
    documents: new Map(),
    held: new Map(),
    sent: new Map(),
  }
  /** `journalId/stream/seq` -> row, and row id -> row: indexes over the log. */
  #bySeq = new Map<string, LoggedRow>()
  #byId = new Map<string, LoggedRow>()
  #restores = 0

  get tables(): Readonly<Tables> {
    return this.#tables
  }

  get isRestored(): boolean {
    return this.#restores > 0
  }

  lane(siteId: string, journalId: string): Lane | undefined {
    return this.#tables.lanes.get(`${siteId}/${journalId}`)
  }

  site(siteId: string): SiteRow {
    let site = this.#tables.sites.get(siteId)
    if (!site) {
      site = { tenantId: TENANT_OF(siteId), journalId: null, epoch: 0, lastHeardMs: null }
      this.#tables.sites.set(siteId, site)
    }
    return site
  }

  /** The lane that speaks for the site. */
  authority(siteId: string): Lane | undefined {
    const { journalId } = this.site(siteId)
    return journalId === null ? undefined : this.lane(siteId, journalId)
  }

  keepLane(siteId: string, { journalId, root: told, forkedFrom }: Hello, change: GreetedLane): Lane {
    const known = this.lane(siteId, journalId)
    const nothing = { seq: 0, rowId: '' }
    const last = known?.last ?? (Object.fromEntries(STREAMS.map((s) => [s, nothing])) as Lane['last'])
    const root = told ?? known?.root ?? { journalId, ledger: 0, telemetry: 0 }
    const lane: Lane = { ...change, siteId, journalId, last, root, forkedFrom }
    this.#tables.lanes.set(`${siteId}/${journalId}`, lane)
    return lane
  }

  lanesOf(siteId: string): Lane[] {
    return [...this.#tables.lanes.values()].filter((it) => it.siteId === siteId)
  }

  /** The others of its family. */
  kinOf({ siteId, journalId, root }: Lane): Lane[] {
    return this.lanesOf(siteId).filter(
      (it) => it.journalId !== journalId && it.root.journalId === root.journalId,
    )
  }

  row(journalId: string, stream: Stream, seq: number): LoggedRow | undefined {
    return this.#bySeq.get(`${journalId}/${stream}/${seq}`)
  }

  rowById(id: string): LoggedRow | undefined {
    return this.#byId.get(id)
  }

  append(lane: Lane, rows: readonly LoggedRow[], last: { seq: number; rowId: string }): void {
    for (const row of rows) {
      this.#tables.log.push(row)
      this.#index(row)
    }
    const stream = rows[0]?.stream
    if (stream) lane.last = { ...lane.last, [stream]: last }
  }

  backup(): Backup {
    const { log, sites, lanes, ...rest } = this.#tables
    const copied = <K, V extends object>(map: Map<K, V>) =>
      new Map([...map].map(([key, value]) => [key, { ...value }]))
    return {
      tables: {
        ...rest,
        log: log.slice(),
        sites: copied(sites),
        lanes: copied(lanes),
        commands: copied(rest.commands),
        documents: new Map(rest.documents),
        held: new Map(rest.held),
        sent: new Map(rest.sent),
      },
    }
  }

  /** From a backup: what came after it is gone, and the cloud says so by its generation. */
  restore({ tables }: Backup): void {
    this.#tables = tables
    this.generation = `g${++this.#restores + 1}`
    this.#bySeq.clear()
    this.#byId.clear()
    for (const row of tables.log) this.#index(row)
  }

  #index(row: LoggedRow): void {
    this.#bySeq.set(`${row.journalId}/${row.stream}/${row.seq}`, row)
    if (!row.standsForOthers || !this.#byId.has(row.id)) this.#byId.set(row.id, row)
  }
}
