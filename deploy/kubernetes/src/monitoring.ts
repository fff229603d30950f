/** For a cluster with the Prometheus operator: what is scraped, the rules of deploy/observability, and the way in and out for it. */
import type {
  PrometheusRule,
  ServiceMonitor,
} from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
import type { Role } from './labels.ts'
import { selectorOfRole } from './labels.ts'
import type { Manifest } from './manifest.ts'
import { namespaceOf, podsWithRole, policy, tcp } from './network.ts'
import { portOf, TARGETS } from './settings-of-cloud.ts'

/** Where Prometheus and the collector of traces are. */
const MONITORING_NAMESPACE = 'monitoring'
const TRACES_PORT = 4_318
const SERVICES: Role = 'service'

type Of<T> = T & { apiVersion: 'monitoring.coreos.com/v1'; kind: string; metadata: { name: string } }

export const serviceMonitor: Of<Pick<ServiceMonitor, 'spec'>> = {
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'ServiceMonitor',
  metadata: { name: 'switchyard' },
  spec: {
    selector: { matchLabels: selectorOfRole(SERVICES) },
    // The services tell their own names.
    endpoints: [{ port: 'http', path: '/metrics', interval: '10s', honorLabels: true }],
  },
}

/** `groups` are those of deploy/observability/prometheus/rules.yml. */
export const prometheusRule = (
  groups: NonNullable<NonNullable<PrometheusRule['spec']>['groups']>,
): Of<Pick<PrometheusRule, 'spec'>> => ({
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PrometheusRule',
  metadata: { name: 'switchyard' },
  spec: { groups },
})

export const monitoringPolicy: Manifest = policy('monitoring', {
  podSelector: podsWithRole(SERVICES).podSelector!,
  policyTypes: ['Ingress', 'Egress'],
  ingress: [{ from: [namespaceOf(MONITORING_NAMESPACE)], ports: tcp(...TARGETS.map(portOf)) }],
  egress: [{ to: [namespaceOf(MONITORING_NAMESPACE)], ports: tcp(TRACES_PORT) }],
})
