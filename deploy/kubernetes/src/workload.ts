/** A service in the cluster: its Service and its Deployment. Bounds that differ between environments are patched by the overlays. */
import type { Container, Probe } from 'kubernetes-types/core/v1'
import { confined, DRAIN_SECONDS, podOf, USER } from './confined.ts'
import { labels, selectorOf } from './labels.ts'
import type { Manifest } from './manifest.ts'
import { fileVariables, type SecretSetting, secretsMount, secretsOf } from './secrets.ts'
import type { CloudService } from './services.ts'
import { ownSettingsMap, portOf, SETTINGS_MAP, SHUTDOWN_DEADLINE_SECONDS } from './settings-of-cloud.ts'

/** Replaced by each overlay's `images`. */
export const CLOUD_IMAGE = 'switchyard/cloud'
/** Draining, the stop itself, the second after which the program cuts (cloud/src/main.ts), and room. */
const GRACE_SECONDS = DRAIN_SECONDS + SHUTDOWN_DEADLINE_SECONDS + 15
/** A database that only comes up is waited for a minute (cloud/src/main.ts); migrations may take the rest. */
const STARTUP = { periodSeconds: 2, failureThreshold: 90 }
/** A roll-out that has not gone on for so long has failed, and `kubectl rollout status` says so. */
const PROGRESS_SECONDS = 300

/** The program of all services, with the settings of all and the secrets that are named. */
export function cloudContainer(name: string, args: string[], secrets: readonly SecretSetting[]): Container {
  return confined({
    name,
    image: CLOUD_IMAGE,
    args,
    envFrom: [{ configMapRef: { name: SETTINGS_MAP } }],
    env: fileVariables(secrets),
    volumeMounts: [secretsMount],
    resources: {
      requests: { cpu: '250m', memory: '320Mi' },
      limits: { cpu: '1', memory: '512Mi' },
    },
  })
}

export function workload(service: CloudService): Manifest[] {
  const { name, secrets } = service
  const ask = (path: string): Probe => ({ httpGet: { path, port: 'http' }, timeoutSeconds: 3 })
  const container: Container = {
    ...cloudContainer(name, [`--target=${name}`], secrets),
    ports: [{ name: 'http', containerPort: portOf(name) }],
    // Whoever restarts asks whether it serves; whoever sends requests asks whether what it needs is there too.
    startupProbe: { ...ask('/health'), ...STARTUP },
    livenessProbe: { ...ask('/health'), periodSeconds: 10, failureThreshold: 3 },
    readinessProbe: { ...ask('/ready'), periodSeconds: 2, failureThreshold: 2 },
    lifecycle: { preStop: { exec: { command: ['sleep', String(DRAIN_SECONDS)] } } },
  }
  if (service.settings) container.envFrom?.push({ configMapRef: { name: ownSettingsMap(name) } })
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, labels: labels(name, 'service') },
      // No affinity: any replica takes any request and any station.
      spec: {
        selector: selectorOf(name),
        ports: [{ name: 'http', port: portOf(name), targetPort: 'http' }],
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, labels: labels(name, 'service') },
      // How many replicas there are, the autoscaler says (scaling.ts).
      spec: {
        selector: { matchLabels: selectorOf(name) },
        revisionHistoryLimit: 5,
        progressDeadlineSeconds: PROGRESS_SECONDS,
        minReadySeconds: 5,
        // A new one first; an old one goes only when that is ready.
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template: {
          metadata: { labels: labels(name, 'service') },
          spec: podOf(USER, {
            terminationGracePeriodSeconds: GRACE_SECONDS,
            topologySpreadConstraints: ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map(
              (topologyKey) => ({
                topologyKey,
                maxSkew: 1,
                // Rather two on one node than one too few.
                whenUnsatisfiable: 'ScheduleAnyway',
                labelSelector: { matchLabels: selectorOf(name) },
              }),
            ),
            containers: [container],
            volumes: [secretsOf(secrets)],
          }),
        },
      },
    },
  ]
}
