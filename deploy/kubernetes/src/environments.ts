/** Three environments: what differs between them, and nothing else. An installation of your own is an overlay on one of them (docs/deployment.md). */
import type { Outside } from './ingress.ts'
import type { Bounds } from './scaling.ts'
import { POSTGRES_CONNECTIONS } from './servers.ts'
import type { Settings, TargetName } from './settings-of-cloud.ts'

export interface Environment {
  name: 'development' | 'staging' | 'production'
  says: string
  namespace: string
  /** Tag of the cloud's image: a version, never `latest`, as an upgrade is a change of it. */
  version: string
  settings: Settings
  /** Of one service alone, in place of what the table of services says. */
  ownSettings?: Readonly<Partial<Record<TargetName, Settings>>>
  bounds: Readonly<Record<TargetName, Bounds>>
  outside: Outside
  /** Where managed Postgres and Redis are; undefined: in the cluster, for evaluation. */
  managedServers?: string
  /** Sites reach the broker from outside, with TLS. */
  sites?: true
  /** CPU and memory that a service asks for, where they are not those of the base. */
  requests?: { cpu: string; memory: string }
}

const VERSION = '0.1.0'
const between = (smallest: number, largest: number): Bounds => ({ smallest, largest })

export const environments: readonly Environment[] = [
  {
    name: 'development',
    says: 'Everything in one cluster of your own (kind, minikube, k3s): one replica of each service, no TLS.',
    namespace: 'switchyard-development',
    version: VERSION,
    settings: {
      LOG_LEVEL: 'debug',
      DATABASE_MAX_CONNECTIONS: String(POSTGRES_CONNECTIONS),
    },
    bounds: {
      'api-gateway': between(1, 2),
      'station-service': between(1, 2),
      'driver-service': between(1, 2),
      'billing-service': between(1, 2),
      'monitoring-service': between(1, 2),
      'ocpp-gateway': between(1, 2),
      'site-gateway': between(1, 2),
    },
    outside: {
      hosts: {
        'api-gateway': 'api.switchyard.localhost',
        'ocpp-gateway': 'ocpp.switchyard.localhost',
        'site-gateway': 'files.switchyard.localhost',
      },
    },
    requests: { cpu: '50m', memory: '128Mi' },
  },
  {
    name: 'staging',
    says: 'A rehearsal of production: its checks and its TLS, two of each service, with Postgres and Redis in the cluster.',
    namespace: 'switchyard-staging',
    version: VERSION,
    settings: {
      LOG_LEVEL: 'debug',
      DATABASE_MAX_CONNECTIONS: String(POSTGRES_CONNECTIONS),
      OCPP_BEHIND_TLS: 'true',
    },
    ownSettings: { 'api-gateway': { BOOTSTRAP_OPERATOR_EMAIL: 'operator@staging.example' } },
    bounds: {
      'api-gateway': between(2, 3),
      'station-service': between(2, 4),
      'driver-service': between(2, 3),
      'billing-service': between(2, 4),
      'monitoring-service': between(2, 3),
      'ocpp-gateway': between(2, 4),
      'site-gateway': between(2, 4),
    },
    outside: {
      hosts: {
        'api-gateway': 'csms.staging.example',
        'ocpp-gateway': 'ocpp.staging.example',
        'site-gateway': 'files.staging.example',
      },
      issuer: 'letsencrypt',
    },
    sites: true,
  },
  {
    name: 'production',
    says: 'Managed Postgres and Redis, at least two of everything, as many as the log has partitions where they share it.',
    namespace: 'switchyard',
    version: VERSION,
    settings: {
      LOG_LEVEL: 'info',
      DATABASE_MAX_CONNECTIONS: '300',
      OCPP_BEHIND_TLS: 'true',
    },
    ownSettings: { 'api-gateway': { BOOTSTRAP_OPERATOR_EMAIL: 'operator@switchyard.example' } },
    bounds: {
      'api-gateway': between(2, 6),
      'station-service': between(2, 8),
      'driver-service': between(2, 4),
      'billing-service': between(2, 8),
      'monitoring-service': between(2, 4),
      'ocpp-gateway': between(3, 8),
      'site-gateway': between(2, 8),
    },
    outside: {
      hosts: {
        'api-gateway': 'csms.switchyard.example',
        'ocpp-gateway': 'ocpp.switchyard.example',
        'site-gateway': 'files.switchyard.example',
      },
      issuer: 'letsencrypt',
    },
    managedServers: '10.0.0.0/8',
    sites: true,
    requests: { cpu: '500m', memory: '320Mi' },
  },
]
