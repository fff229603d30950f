/** Which service answers what of `/api/v1`: the one table. What is not in it is not public. */
import type { TargetName } from '../platform/service.ts'

const RESOURCES: readonly [pattern: RegExp, target: TargetName][] = [
  [/^sites\/[^/]+\/health$/, 'monitoring-service'],
  [/^sites\/[^/]+\/lanes(\/|$)/, 'site-gateway'],
  [/^sites(\/|$)/, 'station-service'],
  [/^stations\/[^/]+\/logs(\/|$)/, 'site-gateway'],
  [/^stations(\/|$)/, 'station-service'],
  [/^settings-profiles(\/|$)/, 'station-service'],
  [/^quirks(\/|$)/, 'station-service'],
  [/^commands(\/|$)/, 'station-service'],
  [/^sessions\/[^/]+\/signed-data$/, 'billing-service'],
  [/^rollouts(\/|$)/, 'station-service'],
  [/^sessions(\/|$)/, 'station-service'],
  [/^reviews(\/|$)/, 'station-service'],
  [/^tokens(\/|$)/, 'driver-service'],
  [/^drivers(\/|$)/, 'driver-service'],
  [/^tariffs(\/|$)/, 'billing-service'],
  [/^cdrs(\/|$)/, 'billing-service'],
  [/^invoices(\/|$)/, 'billing-service'],
  [/^alerts(\/|$)/, 'monitoring-service'],
  [/^firmware(\/|$)/, 'site-gateway'],
  [/^poison(\/|$)/, 'site-gateway'],
]

/** Services that have public routes. */
export const PUBLIC_TARGETS: readonly TargetName[] = [...new Set(RESOURCES.map(([, target]) => target))]

/** `path` is what follows `/api/v1/`. */
export function targetOf(path: string): TargetName | undefined {
  return RESOURCES.find(([pattern]) => pattern.test(path))?.[1]
}
