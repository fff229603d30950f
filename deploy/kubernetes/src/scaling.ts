/** How many replicas there are: autoscalers between the bounds of an environment, and what a drained node may take away. */
import type { HorizontalPodAutoscalerBehavior, MetricSpec } from 'kubernetes-types/autoscaling/v2'
import { labels, selectorOf } from './labels.ts'
import type { Manifest, Patch } from './manifest.ts'
import type { CloudService } from './services.ts'
import type { TargetName } from './settings-of-cloud.ts'

export interface Bounds {
  smallest: number
  largest: number
}

/** Share of what a pod requests. Memory is watched as well, for an ocpp-gateway's grows with its stations. */
const CPU_PERCENT = 70
const MEMORY_PERCENT = 85
/** A replica that leaves sends its sockets elsewhere: slowly down, quickly up. */
export const behavior: HorizontalPodAutoscalerBehavior = {
  scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 2, periodSeconds: 30 }] },
  scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] },
}

const utilization = (name: string, averageUtilization: number): MetricSpec => ({
  type: 'Resource',
  resource: { name, target: { type: 'Utilization', averageUtilization } },
})
export const resourceMetrics: readonly MetricSpec[] = [
  utilization('cpu', CPU_PERCENT),
  utilization('memory', MEMORY_PERCENT),
]

export function scaling({ name }: CloudService): Manifest[] {
  return [
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name, labels: labels(name, 'service') },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        minReplicas: 1,
        maxReplicas: 2,
        metrics: [...resourceMetrics],
        behavior,
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name, labels: labels(name, 'service') },
      // Of any number: also a single replica may be moved, one by one they may all.
      spec: { selector: { matchLabels: selectorOf(name) }, maxUnavailable: 1 },
    },
  ]
}

/** The bounds of one environment. */
export const boundsPatch = (name: TargetName, { smallest, largest }: Bounds): Patch => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name },
  spec: { minReplicas: smallest, maxReplicas: largest },
})
