/** Alerts as facts: whoever reads the stream learns of them, once the table shows them. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { TransactionSql } from 'postgres'
import type { LogEntry } from '../platform/event-log/entry.ts'
import type { EventLog } from '../platform/event-log/event-log.ts'
import type { NewAlert } from './queries.ts'

/** In the transaction that raised it. */
export async function tellRaised(tx: TransactionSql, eventLog: EventLog, alert: NewAlert): Promise<void> {
  await eventLog.publish(tx, {
    tenantId: alert.tenant_id,
    siteId: alert.site_id,
    kind: 'alert.raised',
    at: instant(alert.raised_at.getTime()),
    ...(alert.station_id === null ? {} : { stationId: alert.station_id }),
    data: { alertId: alert.alert_id, rule: alert.rule, severity: alert.severity, text: alert.text },
  })
}

/** The same when it is over; `entry` is what ended it. */
export async function tellCleared(
  tx: TransactionSql,
  eventLog: EventLog,
  { tenantId, siteId, receivedAt }: Pick<LogEntry, 'tenantId' | 'siteId' | 'receivedAt'>,
  alertId: string,
): Promise<void> {
  const at = instant(receivedAt.getTime())
  await eventLog.publish(tx, { tenantId, siteId, kind: 'alert.cleared', at, data: { alertId } })
}
