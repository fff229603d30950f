/** Projection `monitoring`: presence of sites, and alerts. */
import type { TransactionSql } from 'postgres'
import { type LogEntry, oneByOne, type Projection } from '../platform/event-log/entry.ts'
import type { EventLog } from '../platform/event-log/event-log.ts'
import { storable } from '../platform/event-log/storable.ts'
import { clear, clearRule, clearRuleOfStation, raise } from './queries.ts'
import { markWaiting } from './review-waiting.ts'
import {
  alertOf,
  CLOCK_UNSET,
  LANE_RULES,
  laneAlertId,
  pressureAlertIds,
  reviewAlertId,
  stopAlertId,
} from './rules.ts'
import { SITE_OFFLINE } from './site-offline.ts'
import { alertsOver, SECURITY_EVENT } from './station-rules.ts'
import { tellCleared, tellRaised } from './tell.ts'

/** `wentOffline` is called after the commit of facts that tell of sites gone. */
export function monitoringProjection(eventLog: EventLog, wentOffline: () => void): Projection {
  return {
    consumer: 'monitoring',
    kinds: [
      'site.online',
      'site.offline',
      'site.lane-fenced',
      'site.authority-given',
      'site.clone-suspected',
      'journal.forked',
      'stream.loss',
      'stream.row-packed',
      'controller.started',
      'clock.placed',
      'journal.pressure',
      'journal.salvaged',
      'station.connected',
      'station.booted',
      'station.security-event',
      'station.connection-refused',
      'station.certificate',
      'station.certificate-not-renewed',
      'station.der-alarm',
      'session.held',
      'session.reviewed',
      'session.stop-unmatched',
      'cdr.issued',
      'log.generation-begun',
      'alert.raised',
      'alert.cleared',
    ],
    apply: oneByOne(async (tx, entry, read) => {
      const fact = storable(read)
      const alert = alertOf(entry, fact)
      if (alert && (await raise(tx, alert)) && fact.kind !== 'alert.raised')
        await tellRaised(tx, eventLog, alert)
      await markWaiting(tx, entry, fact)
      for (const alertId of alertsOver(entry, fact)) await clearOne(tx, eventLog, entry, alertId)
      switch (fact.kind) {
        case 'site.online':
          if (await presence(tx, entry, true, entry.receivedAt))
            await clearAll(tx, eventLog, entry, SITE_OFFLINE)
          return
        case 'controller.started':
          if (fact.clock !== 'unknown') await clearAll(tx, eventLog, entry, CLOCK_UNSET)
          return
        case 'station.booted':
          for (const alertId of await clearRuleOfStation(tx, entry, SECURITY_EVENT))
            await tellCleared(tx, eventLog, entry, alertId)
          return
        case 'journal.pressure':
          await relieved(tx, eventLog, entry, fact.data.level)
          return
        case 'site.offline':
          await presence(tx, entry, false, new Date(fact.data.lastHeardAt))
          return
        case 'site.authority-given':
          await decided(tx, eventLog, entry, fact.data)
          return
        case 'cdr.issued':
          if (!fact.data.cdr.credit) await settled(tx, eventLog, entry, fact.data.cdr)
          return
        case 'session.reviewed':
          if (entry.sessionId !== null)
            await settled(tx, eventLog, entry, { ...fact.data, sessionId: entry.sessionId })
          return
        case 'alert.cleared':
          await clear(tx, entry.tenantId, fact.data.alertId, entry.receivedAt)
          return
      }
    }),
    committed(entries) {
      eventLog.wake()
      if (entries.some((it) => it.kind === 'site.offline')) wentOffline()
    },
  }
}

/** False when a newer fact is shown already. */
async function presence(
  tx: TransactionSql,
  entry: LogEntry,
  online: boolean,
  heardAt: Date,
): Promise<boolean> {
  const rows = await tx`
    insert into monitoring.site as s (site_id, tenant_id, online, since, last_heard_at, position)
    values (${entry.siteId}, ${entry.tenantId}, ${online}, ${online ? entry.receivedAt : heardAt}, ${heardAt}, ${entry.position})
    on conflict (site_id) do update set
      since = case when s.online = excluded.online then s.since else excluded.since end,
      online = excluded.online, last_heard_at = greatest(s.last_heard_at, excluded.last_heard_at), position = excluded.position
    where s.position < excluded.position
    returning 1`
  return rows.length > 0
}

/** A revision that is billed or decided replaces all before it, and with them what was held against them. */
async function settled(
  tx: TransactionSql,
  eventLog: EventLog,
  entry: LogEntry,
  { sessionId, revision }: { sessionId: string; revision: number },
): Promise<void> {
  const alertIds = [stopAlertId(sessionId)]
  for (let held = 1; held <= revision; held++) alertIds.push(reviewAlertId(sessionId, held))
  for (const alertId of alertIds) await clearOne(tx, eventLog, entry, alertId)
}

/** One alert for the level that holds: those of other levels are over. */
async function relieved(
  tx: TransactionSql,
  eventLog: EventLog,
  entry: LogEntry,
  level: number,
): Promise<void> {
  if (entry.journal?.authority === false) return
  for (const alertId of pressureAlertIds(entry.siteId, level)) await clearOne(tx, eventLog, entry, alertId)
}

/** Who speaks for the site is settled: by an operator for every lane, else for the one that has authority now. */
async function decided(
  tx: TransactionSql,
  eventLog: EventLog,
  entry: LogEntry,
  { journalId, cause }: { journalId: string; cause: string },
): Promise<void> {
  if (cause === 'operator') {
    for (const rule of LANE_RULES) await clearAll(tx, eventLog, entry, rule)
    return
  }
  await clearOne(tx, eventLog, entry, laneAlertId('lane-fenced', entry.siteId, journalId))
}

/** Clears an alert, and tells so where it was open. */
async function clearOne(
  tx: TransactionSql,
  eventLog: EventLog,
  entry: LogEntry,
  alertId: string,
): Promise<void> {
  if (await clear(tx, entry.tenantId, alertId, entry.receivedAt))
    await tellCleared(tx, eventLog, entry, alertId)
}

async function clearAll(
  tx: TransactionSql,
  eventLog: EventLog,
  entry: LogEntry,
  rule: string,
): Promise<void> {
  for (const alertId of await clearRule(tx, entry.tenantId, rule, entry.siteId!, entry.receivedAt))
    await tellCleared(tx, eventLog, entry, alertId)
}
