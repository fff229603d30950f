/** The seven services: whom each asks, what it knows of the secrets, by what it scales. Network policies and workloads follow from here. */
import type { SecretSetting } from './secrets.ts'
import { type Settings, TARGETS, type TargetName } from './settings-of-cloud.ts'

export interface CloudService {
  name: TargetName
  /** Services that it sends requests to; nothing else is let through. */
  asks: readonly TargetName[]
  secrets: readonly SecretSetting[]
  /** Its own settings, beside those of all: whoever has a name without the secret that belongs to it does not start. */
  settings?: Settings
  /** Clients from outside come to it through the ingress, under these paths. */
  paths?: readonly string[]
  broker?: true
  /** It asks OCSP responders and certificate services on the internet (docs/iso15118.md). */
  internet?: true
  /** Name of its consumer of the event log; more replicas than the log has partitions would have nothing to take. */
  consumer?: string
  /** What sites have not brought yet waits for it. */
  takesBacklogOfSites?: true
}

const COMMON: readonly SecretSetting[] = ['DATABASE_URL', 'REDIS_URL', 'SERVICE_KEY']

const table: Readonly<Record<TargetName, Omit<CloudService, 'name'>>> = {
  'api-gateway': {
    // `/api/v1/services` asks all of them how they are, itself too.
    asks: TARGETS,
    secrets: [...COMMON, 'BOOTSTRAP_API_KEY', 'BOOTSTRAP_OPERATOR_PASSWORD'],
    settings: {
      BOOTSTRAP_OPERATOR_EMAIL: 'operator@switchyard.local',
      // Only the ingress and pods reach it (network policies): the ingress says where a sign-in comes from.
      TRUSTED_PROXIES: '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16',
    },
    paths: ['/'],
  },
  'station-service': {
    asks: ['billing-service', 'site-gateway'],
    secrets: COMMON,
    consumer: 'station',
  },
  'driver-service': { asks: ['station-service'], secrets: COMMON },
  'billing-service': { asks: ['station-service'], secrets: COMMON, consumer: 'billing' },
  'monitoring-service': { asks: [], secrets: COMMON, consumer: 'monitoring' },
  'ocpp-gateway': {
    asks: ['site-gateway'],
    secrets: COMMON,
    paths: ['/ocpp'],
    consumer: 'ocpp-gateway',
  },
  'site-gateway': {
    asks: ['driver-service'],
    secrets: [...COMMON, 'MQTT_PASSWORD', 'MQTT_ADMIN_PASSWORD'],
    settings: {
      // Only its pods reach the broker's plain port (network policies); sites come to another one, with TLS.
      MQTT_URL: 'mqtt://mosquitto:1883',
      ALLOW_PLAIN_MQTT: 'true',
      MQTT_ADMIN_USERNAME: 'switchyard-admin',
      MQTT_SHARED_SUBSCRIPTIONS: 'true',
    },
    // Files of sites; what else it serves is for other services alone.
    paths: ['/site'],
    broker: true,
    internet: true,
    consumer: 'site-gateway',
    takesBacklogOfSites: true,
  },
}

export const services: readonly CloudService[] = TARGETS.map((name) => ({ name, ...table[name] }))
