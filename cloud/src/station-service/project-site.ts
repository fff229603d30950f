/** Whether a site is heard from, and how much of its journal is here. */
import type { TransactionSql } from 'postgres'
import type { LogEntry, ReadEntry, Reading } from '../platform/event-log/entry.ts'
import { HeldRows, type RowTable } from '../platform/event-log/held-rows.ts'

interface SiteRow {
  site_id: string
  tenant_id: string
  name: string
  time_zone: string
  created_at: Date
  online: boolean
  presence_since: Date | null
  last_heard_at: Date | null
  journal_id: string | null
  ledger_seq: number
  telemetry_seq: number
  unidentified_energy: 'review' | 'bill'
  position: number
}

const SITE: RowTable = {
  name: 'station.site',
  key: { site_id: 'text' },
  columns: [
    'tenant_id',
    'name',
    'time_zone',
    'created_at',
    'online',
    'presence_since',
    'last_heard_at',
    'journal_id',
    'ledger_seq',
    'telemetry_seq',
    'unidentified_energy',
    'position',
  ],
  onlyAtFirst: ['tenant_id', 'name', 'time_zone', 'created_at'],
}

export async function projectSites(tx: TransactionSql, readings: readonly Reading[]): Promise<void> {
  const keys = readings.flatMap(({ entry: { siteId } }) => (siteId === null ? [] : { site_id: siteId }))
  const sites = await HeldRows.of<SiteRow>(tx, SITE, keys)
  for (const { entry, read } of readings) {
    const { siteId } = entry
    if (siteId !== null) sites.change({ site_id: siteId }, (before) => siteAfter(before, entry, siteId, read))
  }
  await sites.write(tx)
}

/** The row after a fact; the same one when the fact is not newer than what it shows, or says nothing of it. */
function siteAfter(
  row: SiteRow | undefined,
  entry: LogEntry,
  siteId: string,
  fact: ReadEntry,
): SiteRow | undefined {
  if (fact.kind === 'site.registered')
    return row ?? newSite(entry, siteId, fact.data.name, fact.data.timeZone)
  if (fact.kind === 'site.policy') {
    const site = row ?? newSite(entry, siteId, siteId, 'UTC')
    const { unidentifiedEnergy } = fact.data
    return site.tenant_id === entry.tenantId ? { ...site, unidentified_energy: unidentifiedEnergy } : site
  }
  const journal = entry.journal?.authority ? entry.journal : undefined
  if (fact.kind !== 'site.online' && fact.kind !== 'site.offline' && !journal) return row
  // A fact may come before the site's own row, when a log is projected anew.
  const site = row ?? newSite(entry, siteId, siteId, 'UTC')
  if (site.tenant_id !== entry.tenantId || site.position >= entry.position) return site
  const { position } = entry
  switch (fact.kind) {
    case 'site.online': {
      const sameJournal = site.journal_id === fact.data.journalId
      return {
        ...site,
        position,
        presence_since: site.online ? site.presence_since : entry.receivedAt,
        online: true,
        last_heard_at: later(site.last_heard_at, entry.receivedAt),
        ledger_seq: sameJournal ? site.ledger_seq : 0,
        telemetry_seq: sameJournal ? site.telemetry_seq : 0,
        journal_id: fact.data.journalId,
      }
    }
    case 'site.offline':
      return {
        ...site,
        position,
        presence_since: site.online ? entry.receivedAt : site.presence_since,
        online: false,
        last_heard_at: later(site.last_heard_at, new Date(fact.data.lastHeardAt)),
      }
    default: {
      const { journalId, stream, seq } = journal!
      const isSame = site.journal_id === journalId
      const ledger = isSame ? site.ledger_seq : 0
      const telemetry = isSame ? site.telemetry_seq : 0
      return {
        ...site,
        position,
        ledger_seq: stream === 'ledger' ? Math.max(ledger, seq) : ledger,
        telemetry_seq: stream === 'telemetry' ? Math.max(telemetry, seq) : telemetry,
        journal_id: journalId,
        last_heard_at: later(site.last_heard_at, entry.receivedAt),
      }
    }
  }
}

function newSite(
  { tenantId, receivedAt }: LogEntry,
  siteId: string,
  name: string,
  timeZone: string,
): SiteRow {
  return {
    site_id: siteId,
    tenant_id: tenantId,
    name,
    time_zone: timeZone,
    created_at: receivedAt,
    online: false,
    presence_since: null,
    last_heard_at: null,
    journal_id: null,
    ledger_seq: 0,
    telemetry_seq: 0,
    unidentified_energy: 'review',
    position: 0,
  }
}

function later(held: Date | null, at: Date): Date {
  return held !== null && held.getTime() >= at.getTime() ? held : at
}
