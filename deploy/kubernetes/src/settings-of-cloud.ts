/** The settings that all services share (docs/configuration.md), in the names that the programs read: a wrong name does not compile. */
import { TARGETS, type TargetName } from '../../../cloud/src/platform/service.ts'
import { DEFAULT_PORTS, envName, type settings } from '../../../cloud/src/platform/settings.ts'

export type SettingName = keyof typeof settings.shape
export type Settings = Partial<Record<SettingName, string>>

export { TARGETS, type TargetName }
export const portOf = (target: TargetName): number => DEFAULT_PORTS[target]

/** Where the settings of all services stand, and those of one alone. */
export const SETTINGS_MAP = 'switchyard-settings'
export const ownSettingsMap = (target: TargetName): string => `${target}-settings`
/** How long a stop waits for what is under way. */
export const SHUTDOWN_DEADLINE_SECONDS = 10

/** What every environment has. */
export const sharedSettings = (): Settings => ({
  NODE_ENV: 'production',
  ...Object.fromEntries(TARGETS.map((it) => [envName(it, 'URL'), `http://${it}:${portOf(it)}`])),
  SHUTDOWN_DEADLINE_MS: String(SHUTDOWN_DEADLINE_SECONDS * 1_000),
})

/** So many replicas may stand at once: what autoscaling allows, and one more while a new version comes up. They are the budget of connections. */
export const replicaSettings = (largest: Readonly<Record<TargetName, number>>): Settings =>
  Object.fromEntries(TARGETS.map((it) => [envName(it, 'REPLICAS'), String(largest[it] + 1)]))
