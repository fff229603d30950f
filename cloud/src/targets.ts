/** The service table: every target of this program, in the order in which they start. */
import { ConfigError } from './platform/config.ts'
import type { MigrationSource } from './platform/migrations.ts'
import type { Service, TargetName } from './platform/service.ts'

export interface Target {
  name: TargetName
  /** Loaded when asked for, so that a process carries only what it runs. */
  load(): Promise<Service>
  /** Its own Postgres schema; null: it has no tables. */
  schema: string | null
}

export const targets: readonly Target[] = [
  {
    name: 'site-gateway',
    schema: 'site_gateway',
    load: async () => (await import('./site-gateway/service.ts')).siteGateway,
  },
  {
    name: 'station-service',
    schema: 'station',
    load: async () => (await import('./station-service/service.ts')).stationService,
  },
  {
    name: 'driver-service',
    schema: 'driver',
    load: async () => (await import('./driver-service/service.ts')).driverService,
  },
  {
    name: 'billing-service',
    schema: 'billing',
    load: async () => (await import('./billing-service/service.ts')).billingService,
  },
  {
    name: 'monitoring-service',
    schema: 'monitoring',
    load: async () => (await import('./monitoring-service/service.ts')).monitoringService,
  },
  {
    name: 'ocpp-gateway',
    schema: 'ocpp_gateway',
    load: async () => (await import('./ocpp-gateway/service.ts')).ocppGateway,
  },
  {
    name: 'api-gateway',
    schema: 'gateway',
    load: async () => (await import('./api-gateway/service.ts')).apiGateway,
  },
]

/** Where the tables of these targets come from. */
export function migrationSources(of: readonly Target[]): MigrationSource[] {
  return of.flatMap(({ name, schema }) => (schema === null ? [] : [{ folder: name, schema, outbox: true }]))
}

/** `all`, or names with commas between them. Throws ConfigError naming what is no target. */
export function selectTargets(text: string): readonly Target[] {
  if (text === 'all') return targets
  const names = text.split(',').map((it) => it.trim())
  const unknown = names.filter((it) => !targets.some((target) => target.name === it))
  if (unknown.length > 0)
    throw new ConfigError([
      `--target: ${unknown.join(', ')} is no target; there are ${targets.map((it) => it.name).join(', ')}`,
    ])
  return targets.filter((it) => names.includes(it.name))
}
