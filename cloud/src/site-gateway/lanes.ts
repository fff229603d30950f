/** Rows of sites and their lanes, as the decision on a hello takes them and leaves them. */
import type { Hello, Welcome } from '@switchyard/protocol/site/envelope.ts'
import type { Stream } from '@switchyard/protocol/site/fact.ts'
import type { SiteAuthority } from '@switchyard/protocol/site/grant.ts'
import type { Lane } from '@switchyard/protocol/site/greeting.ts'
import type { Sql, TransactionSql } from 'postgres'

export interface LockedSite extends SiteAuthority {
  tenantId: string
  online: boolean
  direct: boolean
  /** Generation of the log in which it was last greeted. */
  generation: string | null
}
export interface KnownLane extends Lane {
  journalId: string
  controllerVersion: string
  forkedFrom: string | null
  fenceTold: boolean
}
interface LaneRow {
  journal_id: string
  epoch: number
  nonce: string
  fenced: boolean
  controller_version: string
  hello_at: Date
  first_hello_at: Date
  boot_id: string | null
  forked_from: string | null
  recall_token: string | null
  recalled_at: Date | null
  fence_told: boolean
}

/** Locks the site's row: hellos and decisions about one site come one after the other. */
export async function lockSite(tx: TransactionSql, siteId: string): Promise<LockedSite | undefined> {
  const [row] = await tx<
    {
      tenant_id: string
      journal_id: string | null
      epoch: number
      last_heard_at: Date | null
      online: boolean
      direct: boolean
      generation: string | null
    }[]
  >`
    select tenant_id, journal_id, epoch, last_heard_at, online, direct, generation from site_gateway.site
     where site_id = ${siteId} for update`
  return (
    row && {
      tenantId: row.tenant_id,
      journalId: row.journal_id,
      epoch: row.epoch,
      lastHeardMs: row.last_heard_at?.getTime() ?? null,
      online: row.online,
      direct: row.direct,
      generation: row.generation,
    }
  )
}

/** Those of the journals that the site has lanes of. */
export async function lanesOf(
  sql: Sql | TransactionSql,
  siteId: string,
  journalIds: readonly (string | null)[],
): Promise<Map<string, KnownLane>> {
  const rows = await sql<LaneRow[]>`
    select * from site_gateway.lane
     where site_id = ${siteId} and journal_id = any(${journalIds.filter((it) => it !== null)}::text[])`
  return new Map(rows.map((row) => [row.journal_id, laneOf(row)]))
}

/** Lanes of a site, the one in authority first, then by their newest hello. */
export async function listLanes(
  sql: Sql,
  tenantId: string,
  siteId: string,
  limit: number,
): Promise<(KnownLane & { authority: boolean; ledgerSeq: number })[]> {
  const rows = await sql<(LaneRow & { authority: boolean; ledger_seq: number })[]>`
    select l.*, l.journal_id is not distinct from s.journal_id as authority, coalesce(h.last, 0) as ledger_seq
      from site_gateway.lane l join site_gateway.site s on s.site_id = l.site_id
      left join log.lane h on h.site_id = l.site_id and h.journal_id = l.journal_id and h.stream = 'ledger'
     where l.site_id = ${siteId} and s.tenant_id = ${tenantId}
     order by authority desc, l.hello_at desc limit ${limit}`
  return rows.map((row) => ({ ...laneOf(row), authority: row.authority, ledgerSeq: row.ledger_seq }))
}

/** Last row of each stream of a journal that the log has. */
export async function heldOf(
  sql: Sql | TransactionSql,
  siteId: string,
  journalId: string,
): Promise<Welcome['expected']> {
  return heldIn(
    await sql<HeldRow[]>`
      select stream, last, last_id from log.lane where site_id = ${siteId} and journal_id = ${journalId}`,
  )
}

interface HeldRow {
  stream: Stream
  last: number
  last_id: string
}
function heldIn(rows: readonly HeldRow[]): Welcome['expected'] {
  const held = { ledger: { seq: 0, rowId: '' }, telemetry: { seq: 0, rowId: '' } }
  for (const row of rows) held[row.stream] = { seq: row.last, rowId: row.last_id }
  return held
}

function laneOf(row: LaneRow): KnownLane {
  return {
    journalId: row.journal_id,
    epoch: row.epoch,
    nonce: row.nonce,
    fenced: row.fenced,
    controllerVersion: row.controller_version,
    helloMs: row.hello_at.getTime(),
    firstHelloMs: row.first_hello_at.getTime(),
    bootId: row.boot_id,
    forkedFrom: row.forked_from,
    recall:
      row.recall_token === null || row.recalled_at === null
        ? null
        : { token: row.recall_token, atMs: row.recalled_at.getTime() },
    fenceTold: row.fence_told,
  }
}

/** The lane as a hello leaves it. What an older version of the site does not tell of its family stays as it was. */
export async function keepLane(
  tx: TransactionSql,
  siteId: string,
  { journalId, controller, forkedFrom, root }: Hello,
  lane: Lane,
): Promise<void> {
  const { epoch, nonce, fenced, bootId, recall } = lane
  await tx`
    insert into site_gateway.lane as l (site_id, journal_id, epoch, nonce, fenced, controller_version, hello_at,
                                        first_hello_at, boot_id, forked_from, recall_token, recalled_at, fence_told,
                                        root_id, root_ledger, root_telemetry)
    values (${siteId}, ${journalId}, ${epoch}, ${nonce}, ${fenced}, ${controller.version}, ${new Date(lane.helloMs)},
            ${new Date(lane.firstHelloMs)}, ${bootId}, ${forkedFrom ?? null}, ${recall?.token ?? null},
            ${recall ? new Date(recall.atMs) : null}, ${fenced}, ${root?.journalId ?? null}, ${root?.ledger ?? 0},
            ${root?.telemetry ?? 0})
    on conflict (site_id, journal_id) do update set
      epoch = excluded.epoch, nonce = excluded.nonce, fenced = excluded.fenced,
      controller_version = excluded.controller_version, hello_at = excluded.hello_at, boot_id = excluded.boot_id,
      forked_from = excluded.forked_from, recall_token = excluded.recall_token, recalled_at = excluded.recalled_at,
      fence_told = excluded.fenced, root_id = coalesce(l.root_id, excluded.root_id),
      root_ledger = case when l.root_id is null then excluded.root_ledger else l.root_ledger end,
      root_telemetry = case when l.root_id is null then excluded.root_telemetry else l.root_telemetry end`
}

/** Members of the family of a journal that says hello, itself among them; each knows from now on that there are others. None: it has none. */
export async function tieKin(tx: TransactionSql, siteId: string, { journalId }: Hello): Promise<string[]> {
  const rows = await tx<{ journal_id: string }[]>`
    with family as (
      select k.journal_id from site_gateway.lane l
        join site_gateway.lane k on k.site_id = l.site_id
         and coalesce(k.root_id, k.journal_id) = coalesce(l.root_id, l.journal_id)
       where l.site_id = ${siteId} and l.journal_id = ${journalId})
    update site_gateway.lane l set kin = true from family f
     where l.site_id = ${siteId} and l.journal_id = f.journal_id and (select count(*) from family) > 1
    returning l.journal_id`
  return rows.map((it) => it.journal_id)
}

/** As `heldOf`, once every append that is under way is over: what was judged before the last commit here is in it, or is refused. */
export async function heldAtRest(
  sql: Sql,
  partition: number,
  siteId: string,
  journalId: string,
): Promise<Welcome['expected']> {
  return heldIn(
    await sql<HeldRow[]>`select * from log.held_at_rest(${partition}::smallint, ${siteId}, ${journalId})`,
  )
}
