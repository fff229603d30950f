/** The alert of what is set aside: one for a site, raised with every row, cleared with the last. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { LogEntry } from './entry.ts'

export function poisonAlert({ tenantId, siteId }: Pick<LogEntry, 'tenantId' | 'siteId'>, nowMs: number) {
  return {
    tenantId,
    siteId,
    kind: 'alert.raised' as const,
    at: instant(nowMs),
    data: {
      alertId: alertId(siteId),
      rule: 'poison',
      severity: 'warning' as const,
      text: `Facts of ${siteId === null ? 'the cloud' : `site ${siteId}`} cannot be read by this version. They are kept, and listed at /api/v1/poison; after a fix or an upgrade they are taken by POST /api/v1/poison/replay.`,
    },
  }
}

export function poisonCleared({ tenantId, siteId }: Pick<LogEntry, 'tenantId' | 'siteId'>, nowMs: number) {
  return {
    tenantId,
    siteId,
    kind: 'alert.cleared' as const,
    at: instant(nowMs),
    data: { alertId: alertId(siteId) },
  }
}

function alertId(siteId: string | null): string {
  return `poison-${siteId ?? 'cloud'}`
}
