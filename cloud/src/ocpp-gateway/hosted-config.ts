/** How hosted controllers are configured: as a site's controller is by default, but for what is not so in the cloud. */

import type {
  Random as EdgeRandom,
  SiteControllerConfig,
} from '@switchyard/edge-controller/site-controller.ts'
import { DEFAULT_MAX_POWER_W } from '@switchyard/protocol/billing/plausible.ts'
import type { Random } from '../platform/clock.ts'
import type { Config } from '../platform/config.ts'

/** Rows that the log has are kept as long as somebody may look for them: they come back from the same backup as the log. */
export const RETENTION_MS = 3_600_000
export const RETAINED_MAX_BYTES = 64 * 1024 * 1024

/** Under the idle timeouts of load balancers, which close a silent connection after 60 s (AWS, nginx). */
const PING_INTERVAL_MS = 30_000
const METER_INTERVAL_S = 60
const FAILSAFE_MA = 6_000

export function hostedConfig(config: Config): SiteControllerConfig {
  return {
    // The port faces the internet: whoever is not known is nobody.
    onboarding: 'closed',
    heartbeatIntervalS: config.ocppHeartbeatIntervalS,
    pingIntervalMs: PING_INTERVAL_MS,
    offlinePolicy: 'refuse',
    baseline: true,
    meterIntervalS: METER_INTERVAL_S,
    maxPowerW: DEFAULT_MAX_POWER_W,
    // Without a limit of the site no profile is ever sent: there is no load management over hosted stations.
    failsafeMa: FAILSAFE_MA,
  }
}

/** The cloud's randomness as a controller takes it. */
export function randomOf(random: Random): EdgeRandom {
  return { bytes: (length) => random.bytes(length), fraction: () => random.below(2 ** 32) / 2 ** 32 }
}
