/**
 * Scaling by what waits, beside CPU and memory: entries of the event log that a consumer has not passed, rows that sites have not brought.
 * Autoscalers get these figures by prometheus-adapter (its rules are rendered here) or by KEDA; neither is needed for anything else.
 */
import type { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1'
import type { MetricSpec } from 'kubernetes-types/autoscaling/v2'
import { labels } from './labels.ts'
import type { Patch } from './manifest.ts'
import { type Bounds, behavior, resourceMetrics } from './scaling.ts'
import { type CloudService, services } from './services.ts'
import type { TargetName } from './settings-of-cloud.ts'

export const PROMETHEUS_URL = 'http://prometheus-operated.monitoring:9090'
/** Entries that one replica may have before it: some seconds of work (docs/testing.md). */
const ENTRIES_A_REPLICA = 10_000
const ROWS_A_REPLICA = 20_000
const CONSUMER_BACKLOG = 'switchyard_consumer_backlog_entries'
const SITE_BACKLOG = 'switchyard_sites_backlog_rows'

/** Sites tell it from 1,000 rows on (site-figures.ts); without a value an autoscaler does not scale down. */
const backlogOfSites = (matchers = ''): string =>
  `sum(max by (site) (switchyard_site_backlog_rows${matchers})) or vector(0)`

interface Waiting {
  /** Its name among the external metrics, and what of it belongs to the service. */
  metric: string
  of?: Record<string, string>
  /** In Prometheus. Replicas tell the same of the fleet: the highest counts, never the sum over them. */
  query: string
  perReplica: number
}

function waiting({ consumer, takesBacklogOfSites }: CloudService): Waiting[] {
  return [
    ...(consumer
      ? [
          {
            metric: CONSUMER_BACKLOG,
            of: { consumer },
            query: `max(switchyard_consumer_lag_entries{consumer="${consumer}"})`,
            perReplica: ENTRIES_A_REPLICA,
          },
        ]
      : []),
    ...(takesBacklogOfSites
      ? [
          {
            metric: SITE_BACKLOG,
            query: backlogOfSites(),
            perReplica: ROWS_A_REPLICA,
          },
        ]
      : []),
  ]
}

/** What prometheus-adapter serves as external metrics: its configuration, or `rules.external` of its chart. */
export const adapterRules = {
  externalRules: [
    {
      seriesQuery: 'switchyard_consumer_lag_entries{namespace!=""}',
      resources: { overrides: { namespace: { resource: 'namespace' } } },
      name: { as: CONSUMER_BACKLOG },
      metricsQuery: 'max by (consumer) (<<.Series>>{<<.LabelMatchers>>})',
    },
    {
      // The adapter serves only what it finds: what each site-gateway tells at any time stands for what it seldom tells.
      seriesQuery: 'switchyard_broker_connected{namespace!=""}',
      resources: { overrides: { namespace: { resource: 'namespace' } } },
      name: { as: SITE_BACKLOG },
      metricsQuery: backlogOfSites('{<<.LabelMatchers>>}'),
    },
  ],
}

const scaledByLag = services.filter((it) => waiting(it).length > 0)

/** Autoscalers with these figures; a list of metrics is replaced whole. */
export const lagPatches: readonly Patch[] = scaledByLag.map((service) => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: service.name },
  spec: {
    metrics: [
      ...resourceMetrics,
      ...waiting(service).map(
        ({ metric, of, perReplica }): MetricSpec => ({
          type: 'External',
          external: {
            metric: { name: metric, ...(of ? { selector: { matchLabels: of } } : {}) },
            target: { type: 'AverageValue', averageValue: String(perReplica) },
          },
        }),
      ),
    ],
  },
}))

/** KEDA makes the autoscalers itself: ours go. */
export const kedaPatches: readonly Patch[] = scaledByLag.map(({ name }) => ({
  $patch: 'delete',
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name },
}))

type ScaledObjectManifest = Pick<
  ConstructorParameters<typeof ScaledObject>[0] & object,
  'metadata' | 'spec'
> & { apiVersion: string; kind: string }

/** One for each service that has something waiting, within the bounds of an environment. */
export const scaledObjects = (bounds: Readonly<Record<TargetName, Bounds>>): ScaledObjectManifest[] =>
  scaledByLag.map((service) => {
    const { smallest, largest } = bounds[service.name]
    return {
      apiVersion: 'keda.sh/v1alpha1',
      kind: 'ScaledObject',
      metadata: { name: service.name, labels: labels(service.name, 'service') },
      spec: {
        scaleTargetRef: { name: service.name },
        minReplicaCount: smallest,
        maxReplicaCount: largest,
        advanced: { horizontalPodAutoscalerConfig: { behavior } },
        triggers: [
          ...resourceMetrics.map(({ resource }) => ({
            type: resource!.name,
            metricType: 'Utilization' as const,
            metadata: { value: String(resource!.target.averageUtilization) },
          })),
          ...waiting(service).map(({ query, perReplica }) => ({
            type: 'prometheus',
            metricType: 'AverageValue' as const,
            metadata: { serverAddress: PROMETHEUS_URL, query, threshold: String(perReplica) },
          })),
        ],
      },
    }
  })
