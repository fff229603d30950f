/** The rule `site-offline`: a site that was online and has not been heard from for too long. Looked at when one is told offline, and on a timer, by any replica. */
import { instant } from '@switchyard/protocol/instant.ts'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { ServiceContext } from '../platform/service.ts'
import { offlineSince, raise } from './queries.ts'
import { tellRaised } from './tell.ts'

export const SITE_OFFLINE = 'site-offline'
/** How often is looked without being woken. */
const SWEEP_MS = 2_000
/** Most alerts of one look; the next takes the rest. */
const MAX_PER_SWEEP = 500

/** Raises what is due; gives how many alerts. */
export async function sweepOffline({ sql, eventLog, clock, config }: ServiceContext): Promise<number> {
  const now = clock.now()
  const raised = await sql.begin(async (tx) => {
    const sites = await offlineSince(
      tx,
      SITE_OFFLINE,
      new Date(now - config.siteOfflineAlertMs),
      MAX_PER_SWEEP,
    )
    for (const site of sites) {
      const alert = {
        alert_id: `${SITE_OFFLINE}:${site.site_id}:${site.since.getTime()}`,
        tenant_id: site.tenant_id,
        rule: SITE_OFFLINE,
        severity: 'critical' as const,
        site_id: site.site_id,
        station_id: null,
        text: `Site ${site.site_id} has not been heard from since ${instant(site.since.getTime())}. Charging there goes on; its facts come when it is back.`,
        raised_at: new Date(now),
      }
      if (await raise(tx, alert)) await tellRaised(tx, eventLog, alert)
    }
    return sites.length
  })
  if (raised > 0) eventLog.wake()
  return raised
}

export function startOfflineSweep(context: ServiceContext): Loop {
  const { clock, log } = context
  return createLoop({
    clock,
    log,
    name: 'site-offline',
    pollMs: SWEEP_MS,
    work: async () => (await sweepOffline(context)) === MAX_PER_SWEEP,
  })
}
